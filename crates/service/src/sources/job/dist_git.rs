//! Where distributions keep the sources of their packages: a git repository for each, and beside them the large files, which
//! a list in the repository names by digest.

/// What stands for parts of an address that differ between packages.
const REPOSITORY_WORDS: [&str; 2] = ["{namespace}", "{name}"];
/// What stands for parts of an address that differ between files.
const FILE_WORDS: [&str; 3] = ["{file}", "{kind}", "{digest}"];

/// A service with the sources of a distribution's packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistGit {
    /// What users call it.
    pub name: String,
    /// Address of a package's repository, with `{namespace}` and `{name}`.
    pub git: String,
    /// Address of a file, with `{file}`, `{kind}` (`sha512`), `{digest}` and, if they matter, `{namespace}` and `{name}`.
    pub lookaside: String,
}

impl DistGit {
    /// Reads `NAME=GIT,LOOKASIDE`. An address without the words in braces is the beginning of one, to which they are added in the
    /// order that the known services have: `/{namespace}/{name}`, and behind that `/{file}/{kind}/{digest}/{file}`.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, places) = text.split_once('=').ok_or("it must be NAME=GIT,LOOKASIDE")?;
        let (git, lookaside) = places.split_once(',').ok_or("it must be NAME=GIT,LOOKASIDE")?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_part) {
            return Err(format!("{name:?} must be letters, digits and ._-"));
        }
        let repository = "/{namespace}/{name}";
        let git = address(git, &REPOSITORY_WORDS, repository)?;
        let all: Vec<&str> = REPOSITORY_WORDS.iter().chain(&FILE_WORDS).copied().collect();
        let lookaside = address(lookaside, &all, &format!("{repository}/{{file}}/{{kind}}/{{digest}}/{{file}}"))?;
        for (address, wanted) in [(&git, "{name}"), (&lookaside, "{file}"), (&lookaside, "{digest}")] {
            if !address.contains(wanted) {
                return Err(format!("{address} has no {wanted}"));
            }
        }
        Ok(Self { name: name.to_owned(), git, lookaside })
    }

    /// Those that every server knows: Fedora and CentOS Stream.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let new = |name: &str, git: &str, lookaside: &str| Self {
            name: name.to_owned(),
            git: format!("{git}/{{namespace}}/{{name}}"),
            lookaside: format!("{lookaside}/{{namespace}}/{{name}}/{{file}}/{{kind}}/{{digest}}/{{file}}"),
        };
        vec![
            new("fedora", "https://src.fedoraproject.org", "https://src.fedoraproject.org/repo/pkgs"),
            new(
                "centos-stream",
                "https://gitlab.com/redhat/centos-stream",
                "https://sources.stream.centos.org/sources",
            ),
        ]
    }

    /// Address of the repository of a package; without a namespace, of a package of rpm.
    #[must_use]
    pub fn repository(&self, namespace: Option<&str>, package: &str) -> String {
        filled(&self.git, namespace, package)
    }

    /// Address of the files of a package, with the words that differ between files.
    pub(super) fn files(&self, namespace: Option<&str>, package: &str) -> String {
        filled(&self.lookaside, namespace, package)
    }
}

/// The named one.
///
/// # Errors
/// For people: that it is not known, and which are.
pub(super) fn find<'a>(all: &'a [DistGit], name: &str) -> Result<&'a DistGit, String> {
    all.iter().find(|one| one.name == name).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        let name: String = name.chars().take(100).collect();
        format!("{name:?} is not known here; known are {}", known.join(", "))
    })
}

fn filled(address: &str, namespace: Option<&str>, package: &str) -> String {
    let values = [namespace.unwrap_or("rpms"), package];
    REPOSITORY_WORDS.iter().zip(values).fold(address.to_owned(), |address, (word, value)| address.replace(word, value))
}

/// A web address with words in braces, which are added if it has none.
fn address(text: &str, words: &[&str], usual: &str) -> Result<String, String> {
    let full = if text.contains('{') { text.to_owned() } else { format!("{}{usual}", text.trim_end_matches('/')) };
    let plain = words.iter().fold(full.clone(), |plain, word| plain.replace(word, "x"));
    if plain.contains(['{', '}']) {
        return Err(format!("{text} has other words in braces than {}", words.join(" ")));
    }
    let url = url::Url::parse(&plain).map_err(|error| format!("{text}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("{text} must begin with https:// or http:// and a host"));
    }
    Ok(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole_or_the_beginning_of_one() {
        let short = DistGit::parse("own=https://git.example.org/,https://files.example.org/a").unwrap();
        assert_eq!(short.repository(None, "hello"), "https://git.example.org/rpms/hello");
        assert_eq!(
            short.files(Some("modules"), "hello"),
            "https://files.example.org/a/modules/hello/{file}/{kind}/{digest}/{file}"
        );
        let long = DistGit::parse("own=http://example.org/{name}.git,http://example.org/{digest}-{file}").unwrap();
        assert_eq!(long.repository(Some("x"), "hello"), "http://example.org/hello.git");
        assert_eq!(long.files(None, "hello"), "http://example.org/{digest}-{file}");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for (bad, word) in [
            ("own", "NAME=GIT,LOOKASIDE"),
            ("own=https://example.org", "NAME=GIT,LOOKASIDE"),
            ("o n=https://example.org,https://example.org", "letters"),
            ("own=ssh://example.org,https://example.org", "https://"),
            ("own=https://example.org/{package},https://example.org", "other words"),
            ("own=https://example.org/{namespace},https://example.org", "no {name}"),
            ("own=https://example.org,https://example.org/{file}", "no {digest}"),
            ("own=/srv/git,https://example.org", "/srv/git"),
        ] {
            let error = DistGit::parse(bad).unwrap_err();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }

    #[test]
    fn one_that_is_not_known_is_refused_with_those_that_are() {
        assert_eq!(find(&DistGit::usual(), "fedora").map(|found| found.name.as_str()), Ok("fedora"));
        let error = find(&DistGit::usual(), "nosuch").unwrap_err();
        assert_eq!(error, "\"nosuch\" is not known here; known are fedora, centos-stream");
    }
}
