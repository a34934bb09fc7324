//! What somebody outside says has changed in a repository of sources, and which packages that concerns.

use crate::{Package, PackageSource};

/// A change of a repository of sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceChange {
    /// Addresses of the repository: any of them may be the one a package names.
    pub addresses: Vec<String>,
    /// What has moved.
    pub place: ChangedPlace,
    /// Every file that has changed, from the top of the repository; `None` if not all of them are known.
    pub files: Option<Vec<String>>,
}

/// What has moved in a repository of sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ChangedPlace {
    /// Nobody says.
    #[default]
    Somewhere,
    /// A branch.
    Branch {
        /// Name without `refs/heads/`.
        name: String,
        /// The branch that is meant when none is named, if that is known.
        default: Option<String>,
    },
    /// A tag, by its name.
    Tag(String),
}

impl SourceChange {
    /// The packages among those given that the change makes new, in their order. Whether their owners want that is not asked.
    ///
    /// A checkout of the repository is concerned if
    /// - a branch has moved that is the one it names, or the default one if it names none, and a file in its folder has
    ///   changed; or
    /// - a tag was set that is called `PACKAGE-VERSION` or `PACKAGE-VERSION-RELEASE`; of several packages whose names fit, the
    ///   longest. A tag that has the name of no package and not the form of one (`v1.0`) concerns all of them.
    ///
    /// What is not known (the default branch, the files) keeps nothing from being built.
    ///
    /// Rule: Copr's `PackagesLogic.get_for_webhook_rebuild`.
    // DIFFERS from Copr: branches are compared as a whole, not by their ends; a checkout that names no branch is of the default
    // one and not of all; tags may lack the release; folders end at a slash.
    #[must_use]
    pub fn concerned<'a>(&self, packages: &'a [Package]) -> Vec<&'a Package> {
        let checkouts: Vec<(&Package, Checkout<'_>)> =
            packages.iter().filter_map(|package| Some((package, self.checkout(package)?))).collect();
        let named = match &self.place {
            ChangedPlace::Tag(tag) => {
                let names = checkouts.iter().map(|(package, _)| package.name.as_str());
                names.filter(|name| is_version_of(tag, name)).max_by_key(|name| name.len())
            }
            _ => None,
        };
        let is_concerned = |package: &Package, checkout: &Checkout<'_>| match (&self.place, named) {
            (ChangedPlace::Somewhere, _) => self.is_in(checkout.folder),
            (ChangedPlace::Branch { name, default }, _) => {
                let wanted = branch(checkout.revision).or(default.as_deref());
                wanted.is_none_or(|wanted| wanted == name) && self.is_in(checkout.folder)
            }
            (ChangedPlace::Tag(_), Some(named)) => package.name.as_str() == named,
            (ChangedPlace::Tag(tag), None) => tag.matches('-').count() < 2,
        };
        let concerned = checkouts.iter().filter(|(package, checkout)| is_concerned(package, checkout));
        concerned.map(|(package, _)| *package).collect()
    }

    /// Whether a package of a name is concerned by a tag whatever that is called, and by all else as in [`Self::concerned`].
    #[must_use]
    pub fn concerns(&self, package: &Package) -> bool {
        match &self.place {
            ChangedPlace::Tag(_) => self.checkout(package).is_some(),
            _ => !self.concerned(std::slice::from_ref(package)).is_empty(),
        }
    }

    /// What a package checks out, if it is this repository.
    fn checkout<'a>(&self, package: &'a Package) -> Option<Checkout<'a>> {
        let Some(PackageSource::Checkout { url, revision, folder, .. }) = &package.source else { return None };
        let own = place_of(url);
        let is_ours = self.addresses.iter().any(|address| place_of(address) == own);
        is_ours.then_some(Checkout { revision, folder })
    }

    fn is_in(&self, folder: &str) -> bool {
        self.files.as_ref().is_none_or(|files| files.iter().any(|file| is_below(file, folder)))
    }
}

struct Checkout<'a> {
    revision: &'a str,
    folder: &'a str,
}

/// The branch a revision names; `None` for the default one.
fn branch(revision: &str) -> Option<&str> {
    let name = revision.strip_prefix("refs/heads/").or_else(|| revision.strip_prefix("origin/")).unwrap_or(revision);
    (!name.is_empty()).then_some(name)
}

/// What tells repositories apart: host and path of an address, whatever protocol and user it begins with.
fn place_of(address: &str) -> (String, &str) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = path.trim_end_matches('/');
    (host.to_ascii_lowercase(), path.strip_suffix(".git").unwrap_or(path))
}

/// Whether a tag is called after a version of a package.
fn is_version_of(tag: &str, package: &str) -> bool {
    let Some(version) = tag.strip_prefix(package).and_then(|rest| rest.strip_prefix('-')) else { return false };
    version.split('-').count() <= 2 && version.split('-').all(|part| !part.is_empty())
}

/// Whether a file lies in a folder; everything lies in the empty one.
fn is_below(file: &str, folder: &str) -> bool {
    fn parts(path: &str) -> impl Iterator<Item = &str> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".")
    }
    let mut file = parts(file);
    parts(folder).all(|part| file.next() == Some(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckoutSystem, PackageName, PackageSettings};

    /// `NAME [BRANCH [FOLDER]]` of `https://forge.example/a/b.git`.
    fn package(text: &str) -> Package {
        let mut words = text.split(' ');
        let mut next = || words.next().unwrap_or_default().to_owned();
        let name = PackageName::parse(&next()).unwrap();
        let source = PackageSource::Checkout {
            system: CheckoutSystem::Git,
            url: "https://forge.example/a/b.git".to_owned(),
            revision: next(),
            folder: next(),
            recipe: String::new(),
            method: "rpkg".to_owned(),
        };
        Package { id: 1, name, source: Some(source), settings: PackageSettings::default(), main: None }
    }

    fn check(place: ChangedPlace, files: Option<&[&str]>, packages: &[&str], wanted: &[&str]) {
        let packages: Vec<Package> = packages.iter().map(|text| package(text)).collect();
        let change = SourceChange {
            addresses: vec!["https://forge.example/a/b".to_owned()],
            place: place.clone(),
            files: files.map(|files| files.iter().map(|file| (*file).to_owned()).collect()),
        };
        let found: Vec<&str> = change.concerned(&packages).iter().map(|package| package.name.as_str()).collect();
        assert_eq!(found, wanted, "{place:?} {files:?}");
    }

    fn pushed(name: &str, default: Option<&str>) -> ChangedPlace {
        ChangedPlace::Branch { name: name.to_owned(), default: default.map(str::to_owned) }
    }

    #[test]
    fn a_push_concerns_the_packages_of_its_branch() {
        let packages = ["none", "main main", "full refs/heads/main", "domain domain", "fix feature/main", "old 1.0"];
        check(pushed("main", Some("main")), None, &packages, &["none", "main", "full"]);
        check(pushed("domain", Some("main")), None, &packages, &["domain"]);
        check(pushed("feature/main", None), None, &packages, &["none", "fix"]);
        check(ChangedPlace::Somewhere, None, &packages, &["none", "main", "full", "domain", "fix", "old"]);
    }

    #[test]
    fn a_push_concerns_the_packages_in_whose_folder_files_have_changed() {
        let packages = ["top", "a main pkgs/a", "ab main ./pkgs/ab/", "b main /pkgs/b"];
        let main = || pushed("main", Some("main"));
        check(main(), Some(&["pkgs/ab/x.spec"]), &packages, &["top", "ab"]);
        check(main(), Some(&["README", "pkgs/a/sources", "pkgs/b"]), &packages, &["top", "a", "b"]);
        check(main(), Some(&["pkgs"]), &packages, &["top"]);
        check(main(), None, &packages, &["top", "a", "ab", "b"]);
        check(main(), Some(&[]), &packages, &[]);
    }

    #[test]
    fn a_tag_concerns_the_package_it_is_called_after() {
        let packages = ["hello", "hello-doc main doc", "other 1.0"];
        let tag = |name: &str| ChangedPlace::Tag(name.to_owned());
        check(tag("hello-2.10-1"), None, &packages, &["hello"]);
        check(tag("hello-2.10"), None, &packages, &["hello"]);
        check(tag("hello-doc-1"), None, &packages, &["hello-doc"]);
        check(tag("hello-doc-1-1"), None, &packages, &["hello-doc"]);
        check(tag("nosuch-1.0-1"), None, &packages, &[]);
        check(tag("v2.10"), None, &packages, &["hello", "hello-doc", "other"]);
        check(tag("v2.10-rc1"), None, &packages, &["hello", "hello-doc", "other"]);
        check(tag("hello--1"), None, &packages, &[]);
    }

    #[test]
    fn a_package_that_is_named_is_concerned_by_any_tag() {
        let change =
            |place| SourceChange { addresses: vec!["https://forge.example/a/b.git".to_owned()], place, files: None };
        let hello = package("hello main");
        assert!(change(ChangedPlace::Tag("other-1.0-1".to_owned())).concerns(&hello));
        assert!(!change(pushed("next", None)).concerns(&hello));
    }

    #[test]
    fn repositories_are_told_apart_by_host_and_path() {
        let of = |address: &str| SourceChange { addresses: vec![address.to_owned()], ..SourceChange::default() };
        let package = package("hello");
        for same in [
            "https://forge.example/a/b.git",
            "http://Forge.Example/a/b/",
            "git://forge.example/a/b",
            "https://u:p@forge.example/a/b.git",
        ] {
            assert!(of(same).concerns(&package), "{same}");
        }
        for other in
            ["https://forge.example/a/b2", "https://forge.example/A/b", "https://forge.example/a", "forge.example", ""]
        {
            assert!(!of(other).concerns(&package), "{other}");
        }
        assert!(!SourceChange::default().concerns(&package));
        let plain = Package { source: None, ..package };
        assert!(!of("https://forge.example/a/b").concerns(&plain));
    }
}
