use super::{SpecialError, bad, only, root, unknown};
use crate::xml::Element;

/// Results that are taken over from another project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// The project.
    pub project: String,
    /// Whether packages with sources stay behind.
    pub no_sources: bool,
    /// Packages there whose results are taken over.
    pub packages: Vec<String>,
    /// Names of binary packages that are taken over; all, if empty.
    pub binaries: Vec<String>,
    /// Which repository there stands for which one here; those of the same name, if empty.
    pub repositories: Vec<AggregateRepository>,
}

/// A repository that stands for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateRepository {
    /// The repository here.
    pub target: String,
    /// The repository there; nothing is taken over if it is empty.
    pub source: String,
}

impl Aggregate {
    /// Reads what is taken over, in its order.
    ///
    /// # Errors
    /// [`SpecialError`].
    pub fn parse(bytes: &[u8]) -> Result<Vec<Self>, SpecialError> {
        let root = root(bytes, "aggregatelist")?;
        root.children.iter().map(aggregate).collect()
    }

    /// The repository there that stands for one here.
    #[must_use]
    pub fn source_of<'a>(&'a self, target: &'a str) -> Option<&'a str> {
        if self.repositories.is_empty() {
            return Some(target);
        }
        let found = self.repositories.iter().find(|one| one.target == target);
        found.map(|one| one.source.as_str()).filter(|source| !source.is_empty())
    }

    /// Whether a binary package of this name is taken over.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.binaries.is_empty() || self.binaries.iter().any(|binary| binary == name)
    }
}

fn aggregate(element: &Element) -> Result<Aggregate, SpecialError> {
    if element.name != "aggregate" {
        return unknown(element, "<aggregatelist>");
    }
    only(element, &["project"])?;
    let Some(project) = element.attribute("project").filter(|name| !name.is_empty()) else {
        return bad("<aggregate> names no project");
    };
    let mut aggregate = Aggregate { project: project.to_owned(), ..Aggregate::default() };
    for child in &element.children {
        match child.name.as_str() {
            "nosources" => aggregate.no_sources = true,
            "package" => aggregate.packages.push(child.text().to_owned()),
            "binary" => aggregate.binaries.push(child.text().to_owned()),
            "repository" => {
                only(child, &["target", "source"])?;
                let Some(target) = child.attribute("target") else { return bad("<repository> without target") };
                let source = child.attribute("source").unwrap_or_default().to_owned();
                aggregate.repositories.push(AggregateRepository { target: target.to_owned(), source });
            }
            _ => return unknown(child, "<aggregate>"),
        }
    }
    Ok(aggregate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_over_is_named() {
        let text = "<aggregatelist><aggregate project=\"a\"><nosources/><package>b</package><binary>c</binary>\
                    <repository target=\"main\" source=\"std\"/><repository target=\"none\"/></aggregate></aggregatelist>";
        let found = Aggregate::parse(text.as_bytes()).unwrap().remove(0);
        assert!(found.no_sources && found.takes("c") && !found.takes("d"));
        assert_eq!(
            (found.source_of("main"), found.source_of("none"), found.source_of("other")),
            (Some("std"), None, None)
        );
        let all =
            Aggregate::parse(b"<aggregatelist><aggregate project='a'><package>b</package></aggregate></aggregatelist>");
        assert_eq!(all.unwrap()[0].source_of("x"), Some("x"));
        for bad in ["<aggregatelist><aggregate/></aggregatelist>", "<aggregatelist><x/></aggregatelist>", "<a/>"] {
            assert!(Aggregate::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
