//! How a build's time was spent, drawn. Shapes have their sizes as attributes: the pages' policy allows no style but the
//! sheet's.

use std::time::Duration;

use model::{Build, Phase, PhaseTiming, Task, Timestamp};
use service::AttemptRow;

use super::html::{Html, Tag, tag};
use super::words::duration;

/// Width of a drawing in its own units.
const WIDTH: u64 = 1000;

/// The longest time between the submission and the end of a task of a build.
pub(super) fn scale(build: &Build, now: Timestamp) -> Duration {
    let end = |task: &Task| task.ended_at.unwrap_or(now).since(build.submitted_at);
    build.tasks.iter().map(end).max().unwrap_or_default()
}

/// Waiting and running of a task, on the scale of its build; nothing before it has started.
pub(super) fn of_task(build: &Build, task: &Task, scale: Duration, now: Timestamp) -> Option<Tag> {
    let started = task.started_at?;
    let waited = started.since(build.submitted_at);
    let ran = task.ended_at.unwrap_or(now).since(started);
    let words = format!("waited {}, then ran {}", duration(waited), duration(ran));
    let parts = [("wait", waited), ("run", ran)];
    Some(drawing(&words, &parts, scale))
}

/// The phases of a task's last attempt, or how far the current one is.
pub(super) fn phases(timings: &[PhaseTiming], attempt: Option<&AttemptRow>, now: Timestamp) -> Html {
    if timings.is_empty() {
        let Some(attempt) = attempt.filter(|attempt| attempt.ended_at.is_none()) else { return Html::new() };
        let doing = attempt.phase.map_or("begins", words);
        let since = duration(now.since(attempt.claimed_at));
        return tag("p").class("dim").add(format!("{} {doing}, for {since} now.", attempt.worker)).into();
    }
    let total: Duration = timings.iter().map(|timing| timing.duration).sum();
    let parts: Vec<(&'static str, Duration)> =
        timings.iter().map(|timing| (class(timing.phase), timing.duration)).collect();
    let text: Vec<String> =
        timings.iter().map(|timing| format!("{} {}", noun(timing.phase), duration(timing.duration))).collect();
    let legend: Html = timings
        .iter()
        .map(|timing| {
            let sign = tag("span").attr("class", format!("key {}", class(timing.phase)));
            tag("li").add(sign).add(format!("{} {}", noun(timing.phase), duration(timing.duration)))
        })
        .collect();
    Html::from(drawing(&text.join(", "), &parts, total)).add(tag("ul").class("legend").add(legend))
}

const fn class(phase: Phase) -> &'static str {
    match phase {
        Phase::Fetch => "fetch",
        Phase::Root => "root",
        Phase::Recipe => "run",
        Phase::Collect => "collect",
    }
}

const fn noun(phase: Phase) -> &'static str {
    match phase {
        Phase::Fetch => "fetching",
        Phase::Root => "root",
        Phase::Recipe => "recipe",
        Phase::Collect => "results",
    }
}

const fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Fetch => "fetches packages and sources",
        Phase::Root => "prepares the root",
        Phase::Recipe => "runs the recipe",
        Phase::Collect => "collects the results",
    }
}

fn drawing(words: &str, parts: &[(&'static str, Duration)], scale: Duration) -> Tag {
    let whole = scale.as_millis().max(1);
    let width = |time: Duration| {
        u64::try_from(time.as_millis().saturating_mul(u128::from(WIDTH)) / whole).unwrap_or(WIDTH).min(WIDTH)
    };
    let mut svg = tag("svg")
        .class("timeline")
        .attr("viewBox", format!("0 0 {WIDTH} 10"))
        .attr("preserveAspectRatio", "none")
        .attr("role", "img")
        .attr("aria-label", words);
    let mut at = 0;
    for (class, time) in parts {
        // What took no time at all is still there to be seen.
        let wide = width(*time).max(2).min(WIDTH.saturating_sub(at));
        svg = svg.add(
            tag("rect")
                .attr("class", *class)
                .attr("x", at.to_string())
                .attr("y", "0")
                .attr("width", wide.to_string())
                .attr("height", "10"),
        );
        at += wide;
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fill_the_drawing_and_never_leave_it() {
        let of = |parts: &[(&'static str, Duration)], scale: u64| {
            Html::from(drawing("x", parts, Duration::from_secs(scale))).into_string()
        };
        let second = Duration::from_secs;
        let drawn = of(&[("wait", second(25)), ("run", second(75))], 100);
        assert!(drawn.contains("class=\"wait\" x=\"0\" y=\"0\" width=\"250\""), "{drawn}");
        assert!(drawn.contains("class=\"run\" x=\"250\" y=\"0\" width=\"750\""), "{drawn}");
        let drawn = of(&[("wait", second(0)), ("run", second(500))], 0);
        assert!(drawn.contains("width=\"2\"") && drawn.contains("x=\"2\" y=\"0\" width=\"998\""), "{drawn}");
    }
}
