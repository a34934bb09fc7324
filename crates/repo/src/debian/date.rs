const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_SECONDS: i64 = 86_400;

/// Reads a date of a `Release` file (`Sat, 11 Jul 2026 10:16:37 UTC`) as seconds since 1970.
///
/// The zone is UTC, GMT, Z or `+0000`; the weekday may be missing and is not checked. Years 1970 to 9999.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let words: Vec<&str> = text.split_whitespace().collect();
    let [day, month, year, time, zone] = words.as_slice() else { return None };
    if !matches!(*zone, "UTC" | "GMT" | "Z" | "+0000" | "-0000") {
        return None;
    }
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let day = number(day, 1, 31)?;
    let year = number(year, 1970, 9999)?;
    let mut clock = time.split(':');
    let (hours, minutes, seconds) = (clock.next()?, clock.next()?, clock.next()?);
    if clock.next().is_some() {
        return None;
    }
    let seconds = number(hours, 0, 23)? * 3600 + number(minutes, 0, 59)? * 60 + number(seconds, 0, 60)?;
    Some(days_since_1970(year, i64::try_from(month).ok()? + 1, day) * DAY_SECONDS + seconds)
}

/// Writes seconds since 1970 the way `Release` files do: `Sat, 11 Jul 2026 10:16:37 UTC`.
#[must_use]
pub fn format_date(seconds: i64) -> String {
    let days = seconds.div_euclid(DAY_SECONDS);
    let clock = seconds.rem_euclid(DAY_SECONDS);
    let (year, month, day) = civil_date(days);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} UTC",
        name(&WEEKDAYS, days.rem_euclid(7)),
        name(&MONTHS, month - 1),
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

fn number(text: &str, least: i64, most: i64) -> Option<i64> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|value| is_number && (least..=most).contains(value))
}

/// Days of the years before `year` of the proleptic Gregorian calendar, counted from a March, so that the leap day is last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

fn civil_date(days: i64) -> (i64, i64, i64) {
    // An estimate that is never too early, corrected downwards.
    let mut year = 1970 + days.div_euclid(365) + 1;
    while days_since_1970(year, 1, 1) > days {
        year -= 1;
    }
    let mut month = 12;
    while days_since_1970(year, month, 1) > days {
        month -= 1;
    }
    (year, month, days - days_since_1970(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_and_write_as_date_does() {
        // `date -u -d @N '+%a, %d %b %Y %H:%M:%S UTC'`
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 UTC"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 UTC"),
            (1_783_764_997, "Sat, 11 Jul 2026 10:16:37 UTC"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 UTC"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 UTC"),
        ] {
            assert_eq!(format_date(seconds), text);
            assert_eq!(parse_date(text), Some(seconds));
        }
        for day in 0..40_000 {
            assert_eq!(parse_date(&format_date(day * DAY_SECONDS)), Some(day * DAY_SECONDS));
        }
    }

    #[test]
    fn other_spellings_of_utc_are_read_and_other_texts_refused() {
        assert_eq!(parse_date("Thu, 1 Jan 1970 0:00:01 +0000"), Some(1));
        for text in [
            "",
            "Thu, 01 Jan 1970 00:00:00 CET",
            "01 Foo 1970 00:00:00 UTC",
            "99 Jan 1970 00:00:00 UTC",
            "01 Jan 1970 24:00:00 UTC",
            "01 Jan 1970 00:00 UTC",
            "01 Jan +970 00:00:00 UTC",
            "1970-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
