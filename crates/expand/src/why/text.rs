//! An explanation as text for people: trees with guides, one decision a line.

use std::fmt::Write as _;

use super::types::{Asker, DropReason, Dropped, Fix, Focus, Link, Outcome, Trouble, Why};
use crate::trace::Rule;

/// Deeper levels of a tree are not drawn.
const MOST_DEPTH: usize = 60;
/// Other candidates named in a line.
const MOST_OTHERS: usize = 4;

/// A line with those below it.
#[derive(Default)]
struct Node {
    text: String,
    children: Vec<Self>,
}

impl Node {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), children: Vec::new() }
    }

    fn draw(&self, indent: &str, text: &mut String) {
        for (place, child) in self.children.iter().enumerate() {
            let is_last = place + 1 == self.children.len();
            let (guide, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            // Writing into a string does not fail.
            _ = writeln!(text, "{indent}{guide}{}", child.text);
            child.draw(&format!("{indent}{below}"), text);
        }
    }
}

impl Why {
    /// The explanation as text: the problems with all that is behind them, else how what was asked about came in, else
    /// every package of the root below the one that brought it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if !self.problems.is_empty() {
            self.write_problems(&mut text);
        }
        match &self.focus {
            Some(focus) => write_focus(&mut text, focus, &self.dropped),
            None if self.problems.is_empty() => self.write_root(&mut text),
            None => {}
        }
        text
    }

    fn write_root(&self, text: &mut String) {
        _ = writeln!(text, "root of {}", packages(self.taken.len() as u64));
        let mut node = Node::default();
        let mut askers: Vec<(&Asker, Vec<usize>)> = Vec::new();
        for (place, link) in self.taken.iter().enumerate() {
            match askers.iter_mut().find(|(asker, _)| **asker == link.needed_by) {
                Some((_, places)) => places.push(place),
                None => askers.push((&link.needed_by, vec![place])),
            }
        }
        for (asker, places) in askers.iter().filter(|(asker, _)| !matches!(asker, Asker::Package { .. })) {
            let children = places.iter().filter_map(|place| self.taken.get(*place));
            let children = children.map(|link| self.node(link, &askers, 0)).collect();
            node.children.push(Node { text: asker.to_string(), children });
        }
        node.draw("", text);
        write_dropped(text, &self.dropped);
    }

    fn node(&self, link: &Link, askers: &[(&Asker, Vec<usize>)], depth: usize) -> Node {
        let mut node = Node::new(link_text(link));
        if depth < MOST_DEPTH {
            let is_own = |asker: &Asker| matches!(asker, Asker::Package { name } if *name == link.package);
            let places = askers.iter().find(|(asker, _)| is_own(asker)).map(|(_, places)| places);
            let children = places.into_iter().flatten().filter_map(|place| self.taken.get(*place));
            node.children = children.map(|child| self.node(child, askers, depth + 1)).collect();
        }
        node
    }

    fn write_problems(&self, text: &mut String) {
        for (place, trouble) in self.problems.iter().enumerate() {
            _ = writeln!(text, "{}. {}", place + 1, trouble.message);
            write_trouble(text, trouble);
        }
        let Some(remedy) = &self.remedy else { return };
        let is_known = self.problems.len() == 1
            && self.problems.iter().any(|trouble| trouble.fixes.iter().any(|fix| fix == remedy));
        if !is_known {
            _ = writeln!(text, "together these lines make it work ({}):", outcome_text(remedy));
            remedy.lines.iter().for_each(|line| _ = writeln!(text, "   {line}"));
        }
    }
}

fn packages(count: u64) -> String {
    if count == 1 { "1 package".to_owned() } else { format!("{count} packages") }
}

fn write_trouble(text: &mut String, trouble: &Trouble) {
    let mut node = Node::default();
    for chain in &trouble.chains {
        add_chain(&mut node, chain);
    }
    if let Some(asker) = trouble.needed_by.as_ref().filter(|asker| !matches!(asker, Asker::Package { .. })) {
        let line = trouble.needed_by_line.as_ref().map(|line| format!(": {line}")).unwrap_or_default();
        node.children.insert(0, Node::new(format!("asked for by {asker}{line}")));
    }
    node.draw("   ", text);
    for line in &trouble.lines {
        _ = writeln!(text, "   because of {line}");
    }
    for hint in &trouble.hints {
        _ = writeln!(text, "   hint: {hint}");
    }
    for fix in &trouble.fixes {
        _ = writeln!(text, "   fix: {} ({})", fix.lines.join("; "), outcome_text(fix));
    }
}

fn outcome_text(fix: &Fix) -> String {
    let outcome = match &fix.outcome {
        Outcome::Resolves { packages: count } => format!("tried: root of {}", packages(*count)),
        Outcome::Further { problems } => match &problems[..] {
            [problem] => format!("tried: then {problem}"),
            problems => format!("tried: then {} other problems", problems.len()),
        },
    };
    if fix.leaves_out { format!("{outcome}, a dependency is left out") } else { outcome }
}

/// Adds a chain below a node, sharing what others have.
fn add_chain(node: &mut Node, chain: &[Link]) {
    let asker = chain.first().map(|link| link.needed_by.to_string());
    let texts = asker.into_iter().chain(chain.iter().map(link_text));
    let mut node = node;
    for text in texts {
        let place = match node.children.iter().position(|child| child.text == text) {
            Some(place) => place,
            None => {
                node.children.push(Node::new(text));
                node.children.len() - 1
            }
        };
        let Some(next) = node.children.get_mut(place) else { return };
        node = next;
    }
}

/// Package, version, the dependency if it says more than the name, and what settled it.
fn link_text(link: &Link) -> String {
    let mut text = link.package.clone();
    if !link.version.is_empty() {
        _ = write!(text, " {}", link.version);
    }
    let mut reasons: Vec<String> = Vec::new();
    if link.dependency != link.package {
        reasons.push(link.dependency.clone());
    }
    reasons.extend(link.needed_by_line.as_ref().map(ToString::to_string));
    reasons.extend(rule_text(link));
    if !reasons.is_empty() {
        _ = write!(text, " ({})", reasons.join("; "));
    }
    text
}

fn rule_text(link: &Link) -> Option<String> {
    let line = || link.rule_line.as_ref().map(ToString::to_string);
    let others = || {
        let names = link.others.iter().take(MOST_OTHERS).map(|other| other.package.as_str());
        let mut names = names.collect::<Vec<_>>().join(" ");
        if link.others.len() > MOST_OTHERS {
            _ = write!(names, " and {} more", link.others.len() - MOST_OTHERS);
        }
        if names.is_empty() { String::new() } else { format!(", not {names}") }
    };
    let refused = || {
        let first = link.others.iter().find_map(|other| Some((other.package.as_str(), other.refused.as_deref()?)));
        first.map(|(package, refused)| format!("{package} {refused}"))
    };
    match link.rule {
        Rule::Named | Rule::Only => line(),
        Rule::OthersConflict => Some(refused().map_or("the others conflict".to_owned(), |text| {
            if link.others.len() > 1 { format!("the others conflict: {text}, ...") } else { text }
        })),
        Rule::OthersAvoided => Some(format!("{}{}", line().unwrap_or("the others are avoided".to_owned()), others())),
        Rule::Preferred => Some(format!("{}{}", line().unwrap_or("preferred".to_owned()), others())),
        Rule::FirstAlternative => Some(format!("first alternative{}", others())),
        Rule::Recommended => Some(format!("recommended by a package of the root{}", others())),
        Rule::Supplements => Some("supplements a package of the root".to_owned()),
        Rule::AlreadyThere => Some("was there already".to_owned()),
    }
}

fn write_focus(text: &mut String, focus: &Focus, dropped: &[Dropped]) {
    let name = &focus.dependency;
    if focus.packages.is_empty() {
        match &focus.others[..] {
            [] => _ = writeln!(text, "{name} is not in the root, and nothing provides it"),
            others => _ = writeln!(text, "{name} is not in the root; it would be provided by {}", others.join(" ")),
        }
        let is_about = |dropped: &&Dropped| dropped.dependency.split([' ', '|']).any(|word| word == name);
        dropped.iter().filter(is_about).for_each(|dropped| _ = writeln!(text, "{}", dropped_text(dropped)));
        return;
    }
    if focus.packages.iter().any(|package| package == name) {
        _ = writeln!(text, "{name} is in the root");
    } else {
        _ = writeln!(text, "{name} is in the root: {}", focus.packages.join(" "));
    }
    let mut node = Node::default();
    focus.chains.iter().for_each(|chain| add_chain(&mut node, chain));
    node.draw("", text);
    if focus.has_more {
        _ = writeln!(text, "and more ways");
    }
}

fn write_dropped(text: &mut String, dropped: &[Dropped]) {
    if dropped.is_empty() {
        return;
    }
    _ = writeln!(text, "not followed");
    let children = dropped.iter().map(|dropped| Node::new(dropped_text(dropped))).collect();
    Node { children, ..Node::default() }.draw("", text);
}

fn dropped_text(dropped: &Dropped) -> String {
    let reason = match (&dropped.line, dropped.reason) {
        (Some(line), _) => line.to_string(),
        (None, DropReason::Ignored) => "ignored".to_owned(),
        (None, DropReason::LeftOut) => "left out by the recipe".to_owned(),
        (None, DropReason::Substituted) => "substituted".to_owned(),
    };
    format!("{} needed by {} ({reason})", dropped.dependency, dropped.needed_by)
}
