//! The few pieces of HTML every page is made of. Whatever comes from outside goes through [`escape`].

use model::Timestamp;

/// A text with everything escaped that means something in HTML, in content and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Controls may not appear in a document, and hide what a name really is.
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole page; `body` is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} - Kiln</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         <header><a href=\"/\">Kiln</a></header>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// A link; `address` is encoded already.
pub(crate) fn link(address: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(address), escape(text))
}

/// A link to an address from outside: only of a kind that can not run anything; else the text alone.
pub(crate) fn outside_link(address: &str) -> String {
    if address.starts_with("http://") || address.starts_with("https://") {
        format!("<a rel=\"nofollow noopener noreferrer\" href=\"{0}\">{0}</a>", escape(address))
    } else {
        escape(address)
    }
}

/// A state as a coloured word.
pub(crate) fn state(word: &str) -> String {
    format!("<span class=\"state {0}\">{0}</span>", escape(word))
}

/// A point in time as `2026-11-21 11:12:56 UTC`.
pub(crate) fn time(at: Timestamp) -> String {
    let seconds = at.as_seconds();
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", second % 60)
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
///
/// Rule: 400 years are 146097 days; a year that begins in March has its leap day at its end.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(escape("<script>\"x\" & 'y'\u{1}"), "&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;\u{fffd}");
        assert!(!page("</title><script>", "").contains("<script>"));
        assert_eq!(outside_link("javascript:alert(1)"), "javascript:alert(1)");
        assert!(outside_link("https://x/\"onclick=").contains("&quot;onclick="));
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let of = |seconds| time(Timestamp::from_seconds(seconds));
        assert_eq!(of(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(of(-1), "1969-12-31 23:59:59 UTC");
        assert_eq!(of(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(of(1_795_259_576), "2026-11-21 11:12:56 UTC");
        assert_eq!(of(4_107_542_399), "2100-02-28 23:59:59 UTC");
        time(Timestamp::from_millis(i64::MAX));
        time(Timestamp::from_millis(i64::MIN));
    }
}
