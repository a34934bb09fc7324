//! Times, lengths and states in words.

use std::time::Duration;

use model::{Build, FailureCause, Fault, Outcome, Task, TaskState, Timestamp};

use super::html::{Html, Tag, tag};
use crate::native::reasons::task_cause;

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

/// How long ago a point in time is, with the point itself for machines and for those who ask.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Tag {
    let exact = time(at);
    let machine = exact.replace(" UTC", "Z").replace(' ', "T");
    let seconds = now.since(at).as_secs();
    let words = match seconds {
        0..=44 => "just now".to_owned(),
        45..=5399 => format!("{} min ago", (seconds + 30) / 60),
        5400..=129_599 => format!("{} h ago", (seconds + 1800) / 3600),
        129_600..=2_591_999 => format!("{} days ago", (seconds + 43_200) / 86_400),
        _ => exact.chars().take(10).collect(),
    };
    tag("time").attr("datetime", machine).attr("title", exact).add(words)
}

/// A length of time, as precise as people want it.
pub(super) fn duration(time: Duration) -> String {
    let (seconds, tenths) = (time.as_secs(), time.subsec_millis() / 100);
    match seconds {
        0..=9 => format!("{seconds}.{tenths} s"),
        10..=119 => format!("{seconds} s"),
        120..=3599 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A size in bytes.
pub(super) fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut whole, mut tenth, mut unit) = (bytes, 0, 0);
    for place in 0..units.len() {
        (tenth, whole, unit) = (whole % 1000 / 100, whole / 1000, place);
        if whole < 1000 {
            break;
        }
    }
    let unit = units.get(unit).copied().unwrap_or("TB");
    if whole < 100 { format!("{whole}.{tenth} {unit}") } else { format!("{whole} {unit}") }
}

/// A state as a word with a sign and a colour; `word` is one of a closed set.
pub(crate) fn state(word: &'static str) -> Tag {
    tag("span").attr("class", format!("state {word}")).add(word)
}

/// The outcome of a task, from [`Outcome`].
pub(super) fn outcome(task: &Task) -> Tag {
    state(Outcome::of(task).as_str())
}

/// Whose turn it is to do something about a failure.
pub(super) fn fault(cause: &FailureCause) -> &'static str {
    match (cause.fault(), cause) {
        (Fault::Service, _) => "This is the service's fault, not the package's: it is tried again by itself.",
        (_, FailureCause::Unresolvable { .. } | FailureCause::Configuration { .. }) => {
            "This is between the package and the build configuration: a build of the same source gives the same."
        }
        (
            _,
            FailureCause::MemoryLimit { .. }
            | FailureCause::ProcessLimit { .. }
            | FailureCause::DiskLimit { .. }
            | FailureCause::TimeLimit { .. }
            | FailureCause::SilenceLimit { .. }
            | FailureCause::LogLimit { .. }
            | FailureCause::ResultLimit { .. },
        ) => "The package wanted more than its limits allow; a build of the same source gives the same.",
        _ => "This is the package's own: a build of the same source gives the same.",
    }
}

/// Why a task is not running and not done, and whose fault that is.
pub(super) fn reason(build: &Build, task: &Task) -> Html {
    let Some(cause) = task_cause(build, task) else { return Html::new() };
    let failure = task.failure.as_ref().or(build.source_failure.as_ref()).filter(|_| task.state == TaskState::Failed);
    let whose = failure.map(|failure| tag("p").class("dim").add(fault(failure)));
    let class = if task.state == TaskState::Failed { "cause bad" } else { "cause" };
    tag("div").attr("class", class).add(tag("p").add(cause.message)).add(whose).into()
}

/// A count with its noun.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", super::html::grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn lengths_and_sizes_are_as_precise_as_people_want_them() {
        let lengths = [0, 940, 9_999, 10_000, 119_999, 120_000, 3_599_000, 3_600_000, 90_000_000];
        let shown: Vec<String> = lengths.iter().map(|millis| duration(Duration::from_millis(*millis))).collect();
        assert_eq!(
            shown,
            ["0.0 s", "0.9 s", "9.9 s", "10 s", "119 s", "2 min 00 s", "59 min 59 s", "1 h 00 min", "25 h 00 min"]
        );
        let sizes = [0, 999, 1000, 99_949, 123_456, 1_500_000, 2_000_000_000, u64::MAX];
        let shown: Vec<String> = sizes.iter().map(|bytes| size(*bytes)).collect();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "99.9 kB", "123 kB", "1.5 MB", "2.0 GB", "18446744 TB"]);
    }

    #[test]
    fn a_moment_is_told_by_its_distance() {
        let words = |seconds: i64| {
            let now = Timestamp::from_seconds(10_000_000);
            let text: Html = ago(Timestamp::from_seconds(10_000_000 - seconds), now).into();
            text.into_string().split('>').nth(1).unwrap().trim_end_matches("</time").to_owned()
        };
        assert_eq!(
            [0, 44, 60, 5399, 5400, 86_400, 200_000, 3_000_000].map(words),
            ["just now", "just now", "1 min ago", "90 min ago", "2 h ago", "24 h ago", "2 days ago", "1970-03-23"]
        );
    }
}
