use super::{SpecialError, bad, is_word, only, root, unknown};
use crate::xml::Element;

/// Most services of one package.
const MOST: usize = 100;

/// Something that is done to make files of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What.
    pub name: String,
    /// Where and when.
    pub mode: ServiceMode,
    /// With what, in order; a name may be there more than once.
    pub parameters: Vec<(String, String)>,
}

/// Where and when a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceMode {
    /// On the server, after each change.
    Always,
    /// By the client if it can, else on the server.
    TryLocal,
    /// By the client only.
    LocalOnly,
    /// On the server only.
    ServerOnly,
    /// When the package is built.
    BuildTime,
    /// When somebody asks for it.
    Manual,
    /// Never.
    Disabled,
}

impl ServiceMode {
    /// Whether the server runs it when the files change.
    ///
    /// What is for the time of the build is done then as well: the files are the same, and every build has them.
    #[must_use]
    pub const fn is_on_server(self) -> bool {
        matches!(self, Self::Always | Self::TryLocal | Self::ServerOnly | Self::BuildTime)
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" => Self::Always,
            "trylocal" => Self::TryLocal,
            "localonly" => Self::LocalOnly,
            "serveronly" => Self::ServerOnly,
            "buildtime" => Self::BuildTime,
            "manual" => Self::Manual,
            "disabled" => Self::Disabled,
            _ => return None,
        })
    }
}

/// The services there are, with their parameters.
const KNOWN: [(&str, &[&str]); 7] = [
    ("obs_scm", CHECKOUT),
    ("tar_scm", CHECKOUT),
    ("tar", &[]),
    ("set_version", &["version", "file", "basename"]),
    ("recompress", &["file", "compression"]),
    ("download_url", &["protocol", "host", "path", "filename", "url"]),
    ("download_files", &[]),
];

const CHECKOUT: &[&str] = &[
    "scm",
    "url",
    "revision",
    "version",
    "versionformat",
    "versionprefix",
    "versionrewrite-pattern",
    "versionrewrite-replacement",
    "parent-tag",
    "match-tag",
    "filename",
    "subdir",
    "exclude",
    "include",
    "extract",
    "submodules",
    "package-meta",
    "without-version",
    "changesgenerate",
];

impl Service {
    /// Why the server can not run it; nothing, if it can or need not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        if !self.mode.is_on_server() {
            return None;
        }
        let name = &self.name;
        let Some((_, known)) = KNOWN.iter().find(|(known, _)| known == name) else {
            let all: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
            return Some(format!("the service {name} is not known to this server, which has {}", all.join(", ")));
        };
        if let Some((other, _)) = self.parameters.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            return Some(format!("the parameter {other} of the service {name} is not known to this server"));
        }
        let refused = [("scm", "git"), ("changesgenerate", "disable")];
        let odd = refused.iter().find(|(key, only)| self.parameter(key).is_some_and(|value| value != *only));
        odd.map(|(key, only)| format!("of the service {name} this server knows {key} only as {only}"))
    }

    /// The last value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The services of a package in their order.
///
/// # Errors
/// [`SpecialError`].
pub fn services(bytes: &[u8]) -> Result<Vec<Service>, SpecialError> {
    let root = root(bytes, "services")?;
    if root.children.len() > MOST {
        return bad(format!("more than {MOST} services"));
    }
    root.children.iter().map(service).collect()
}

fn service(element: &Element) -> Result<Service, SpecialError> {
    if element.name != "service" {
        return unknown(element, "<services>");
    }
    only(element, &["name", "mode"])?;
    let Some(name) = element.attribute("name").filter(|name| is_word(name)) else {
        return bad("<service> without a name that is one");
    };
    let mode = element.attribute("mode").unwrap_or_default();
    let Some(mode) = ServiceMode::parse(mode) else {
        return bad(format!("mode={mode:?} of service {name} is not known"));
    };
    let mut parameters = Vec::new();
    for child in &element.children {
        only(child, &["name"])?;
        match child.attribute("name") {
            Some(key) if child.name == "param" && is_word(key) => {
                parameters.push((key.to_owned(), child.text().to_owned()));
            }
            _ if child.name == "param" => return bad(format!("a parameter of service {name} has no name")),
            _ => return unknown(child, "<service>"),
        }
    }
    Ok(Service { name: name.to_owned(), mode, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_modes_and_parameters() {
        let text = "<services><service name=\"obs_scm\" mode=\"manual\"><param name=\"url\">http://example.org/a.git</param>\
                    <param name=\"exclude\">a</param><param name=\"exclude\">b</param></service>\
                    <service name=\"set_version\"/></services>";
        let found = services(text.as_bytes()).unwrap();
        assert_eq!((found[0].mode, found[1].mode), (ServiceMode::Manual, ServiceMode::Always));
        assert_eq!(found[0].parameter("url"), Some("http://example.org/a.git"));
        assert_eq!(found[0].parameters("exclude").collect::<Vec<_>>(), ["a", "b"]);
        assert!(found.iter().all(|service| service.problem().is_none()));
        for (odd, word) in [
            ("<service name='go_modules'/>", "the service go_modules is not known"),
            ("<service name='tar_scm'><param name='scm'>svn</param></service>", "scm only as git"),
            ("<service name='recompress'><param name='level'>9</param></service>", "the parameter level"),
        ] {
            let service = services(format!("<services>{odd}</services>").as_bytes()).unwrap().remove(0);
            assert!(service.problem().unwrap().contains(word), "{odd}");
        }
        let manual = services(b"<services><service name='go_modules' mode='manual'/></services>").unwrap();
        assert_eq!(manual[0].problem(), None);
        for (bad, word) in [
            ("<services><service/></services>", "without a name"),
            ("<services><service name='../../bin/sh'/></services>", "without a name"),
            ("<services><service name='a' mode='later'/></services>", "mode=\"later\""),
            ("<services><service name='a'><param>x</param></service></services>", "has no name"),
            ("<services><service name='a'><param name='-o'>x</param></service></services>", "has no name"),
            ("<services><a/></services>", "<a> in <services>"),
        ] {
            let error = services(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
