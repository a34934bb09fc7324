//! The sources of Debian that the page on explanations shows, explained again.

use expand::{Asked, Expander, LineOrigin, Outcome};

use crate::{case, shared_cases, universe, workspace};

/// The blocks of the page: source and explanation.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let blocks = page.split("```why ").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.filter_map(|block| block.split_once('\n')).collect()
}

#[test]
fn the_page_shows_real_problems_and_fixes_that_work() {
    let page = std::fs::read_to_string(workspace().join("docs/operating/why.md")).unwrap();
    assert!(blocks(&page).len() >= 3);
    let Some(folder) = shared_cases("debian-universe") else { return };
    let universe = universe::Universe::read(&folder, "Sources-all.slim.xz").unwrap();
    let pool = universe.pool();
    let text = universe::config(&folder, false).unwrap();
    let config = case::read_config("x86_64", &text);
    let tree = prjconf::parse(text.as_bytes());
    let evaluated = prjconf::evaluate(&tree, &prjconf::Options::for_arch("x86_64"));
    let line = |keyword: &str, entry: &str| {
        let place = evaluated.locate(&tree, keyword, entry)?;
        let (start, end) = (place.span.start as u64, place.span.end as u64);
        Some(LineOrigin { project: "Debian:12".to_owned(), line: place.line as u64, start, end })
    };
    let (mut page_now, mut shown) = (page.clone(), Vec::new());
    for (source, explanation) in blocks(&page) {
        let request = universe.request(source);
        let why = Expander::new(&pool, &config).why(&request, Asked { line: &line, ..Asked::default() });
        shown.push((explanation.trim_end().to_owned(), why.to_text().trim_end().to_owned()));
        page_now = page_now.replace(
            &format!("```why {source}\n{explanation}\n```"),
            &format!("```why {source}\n{}\n```", why.to_text().trim_end()),
        );
        // The recorded text ends inside a block of macros.
        let remedy = why.remedy.unwrap();
        let fixed = format!("{text}\n:Macros\n{}\n", remedy.lines.join("\n"));
        let fixed = case::read_config("x86_64", &fixed);
        let root = Expander::new(&pool, &fixed).build_set(&request).unwrap();
        assert_eq!(remedy.outcome, Outcome::Resolves { packages: root.len() as u64 }, "{source}");
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(workspace().join("docs/operating/why.md"), page_now).unwrap();
        return;
    }
    for (page, now) in shown {
        assert_eq!(page, now);
    }
}
