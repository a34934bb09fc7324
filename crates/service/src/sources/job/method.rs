//! What a job has to do for each kind of source.

use std::collections::BTreeMap;

use model::{CheckoutSystem, FailureCause, PackageName, PackageSource, ScriptStep, SourceJob, SourceScript};
use pkg::PackageFormat;

use super::dist_git::{self, DistGit};
use crate::ServiceError;
use crate::projects::check_size;

/// Longest value somebody may give a source, in bytes; scripts apart.
const MOST_BYTES: usize = 4096;
/// Longest script, in bytes.
const MOST_SCRIPT_BYTES: usize = 1 << 20;

/// The programs that methods are put together from. Values come in through variables only.
mod programs {
    pub(super) const CHECKOUT: &str = include_str!("scripts/checkout.sh");
    pub(super) const COLLECT: &str = include_str!("scripts/collect.sh");
    pub(super) const DEBIAN: &str = include_str!("scripts/debian.sh");
    pub(super) const GEM: &str = include_str!("scripts/gem.sh");
    pub(super) const LOOKASIDE: &str = include_str!("scripts/lookaside.sh");
    pub(super) const MAKE: &str = include_str!("scripts/make.sh");
    pub(super) const PYPI: &str = include_str!("scripts/pypi.sh");
    pub(super) const SPEC: &str = include_str!("scripts/spec.sh");
    pub(super) const TITO: &str = include_str!("scripts/tito.sh");
}

/// The package with the program of that name, which few distributions have.
const TITO: &str = "tito";
/// With what the Python package index gives it to a root: it needs rpm's own module, which no index has.
const WITHOUT_TITO: [&str; 3] = ["python3", "python3-pip", "python3-rpm"];

/// The target a source wants to be made in; `None` if it does not care.
pub(super) fn wanted_target(source: &PackageSource) -> Option<String> {
    match source {
        PackageSource::Script { root, .. } if !root.is_empty() => Some(root.clone()),
        _ => None,
    }
}

/// What has to be done in a root of packages of a format.
///
/// # Errors
/// [`FailureCause::Configuration`] if the method does not exist there, or the server does not know the place.
pub(super) fn compose(
    source: &PackageSource,
    package: Option<&PackageName>,
    (format, dist_gits): (PackageFormat, &[DistGit]),
) -> Result<SourceJob, FailureCause> {
    let mut job = match source {
        PackageSource::Script { script, packages, folder, .. } => {
            custom(script, packages.as_deref().unwrap_or_default(), folder.as_deref())
        }
        PackageSource::Checkout { url, revision, folder, recipe, method, .. } => {
            let mut job = checkout(url, revision, folder, method, format)?;
            job.set("KILN_SPEC", recipe);
            job
        }
        PackageSource::DistGit { url, instance, namespace, revision } => {
            only_rpm(source, format)?;
            let place = dist_git::find(dist_gits, instance);
            let place =
                place.map_err(|detail| FailureCause::Configuration { detail: format!("dist-git: {detail}") })?;
            let end = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let name = package.map_or(end.trim_end_matches(".git"), PackageName::as_str);
            checkout_dist_git(url, &place.files(namespace.as_deref(), name), revision.as_deref())
        }
        PackageSource::Pypi { name, version, generator, template, python_versions } => {
            only_rpm(source, format)?;
            let mut job = Draft::new(["python3", "python3-pip", "rpm-build", "ca-certificates"]);
            job.step("pypi", programs::PYPI);
            job.set("KILN_PROJECT", name);
            job.set("KILN_VERSION", version.as_deref().unwrap_or_default());
            job.set("KILN_GENERATOR", generator);
            job.set("KILN_TEMPLATE", template);
            let pythons: Vec<String> = python_versions.iter().map(ToString::to_string).collect();
            job.set("KILN_PYTHONS", &pythons.join(" "));
            job
        }
        PackageSource::Gem { name } => {
            only_rpm(source, format)?;
            let mut job = Draft::new(["rubygem-gem2rpm", "rpm-build", "ca-certificates"]);
            job.step("gem", programs::GEM);
            job.set("KILN_GEM", name);
            job
        }
    };
    if let Some(package) = package {
        job.set("KILN_NAME", package.as_str());
    }
    Ok(job.0)
}

/// A checkout, and what makes a source package of it.
fn checkout(
    url: &str,
    revision: &str,
    folder: &str,
    method: &str,
    format: PackageFormat,
) -> Result<Draft, FailureCause> {
    let (tools, step, program): (&[&str], _, _) = match (method, format) {
        ("rpkg", PackageFormat::Deb) => (&["dpkg-dev"], "debian", programs::DEBIAN),
        ("make_srpm", PackageFormat::Deb) => (&["make"], "make", programs::MAKE),
        (_, PackageFormat::Deb) => {
            let detail = format!("{method} makes source packages of rpm, but the root is one of Debian packages");
            return Err(FailureCause::Configuration { detail });
        }
        ("make_srpm", _) => (&["make", "rpm-build"], "make", programs::MAKE),
        ("tito" | "tito_test", _) => (&[TITO, "rpm-build"], "tito", programs::TITO),
        _ => (&["rpm-build"], "spec", programs::SPEC),
    };
    let mut job = Draft::new(["git", "ca-certificates"].iter().chain(tools).copied());
    job.step("checkout", programs::CHECKOUT);
    job.step(step, program);
    job.set("KILN_URL", url);
    job.set("KILN_REVISION", revision);
    job.set("KILN_FOLDER", folder);
    if step == "tito" {
        let instead = WITHOUT_TITO.iter().map(|name| (*name).to_owned()).collect();
        job.0.otherwise.insert(TITO.to_owned(), instead);
    }
    if method == "tito_test" {
        job.set("KILN_TEST", "yes");
    }
    Ok(job)
}

/// A repository of a distribution's sources: the spec file in it, and the files that its list names.
fn checkout_dist_git(url: &str, files: &str, revision: Option<&str>) -> Draft {
    let mut job = Draft::new(["git", "curl", "rpm-build", "ca-certificates"]);
    job.step("checkout", programs::CHECKOUT);
    job.step("lookaside", programs::LOOKASIDE);
    job.step("spec", programs::SPEC);
    job.set("KILN_URL", url);
    job.set("KILN_REVISION", revision.unwrap_or_default());
    job.set("KILN_FOLDER", "");
    job.set("KILN_SPEC", "");
    job.set("KILN_LOOKASIDE", files);
    job
}

fn only_rpm(source: &PackageSource, format: PackageFormat) -> Result<(), FailureCause> {
    if format == PackageFormat::Rpm {
        return Ok(());
    }
    let detail = format!("a spec file is what is made of {}, but the root is one of {format} packages", word(source));
    Err(FailureCause::Configuration { detail })
}

/// What people call a kind of source.
const fn word(source: &PackageSource) -> &'static str {
    match source {
        PackageSource::Checkout { .. } => "a version control system",
        PackageSource::DistGit { .. } => "a dist-git",
        PackageSource::Pypi { .. } => "the Python package index",
        PackageSource::Gem { .. } => "a Ruby gem",
        PackageSource::Script { .. } => "a script",
    }
}

/// A script of somebody: it runs first, then what it left is collected.
fn custom(script: &str, packages: &str, folder: Option<&str>) -> Draft {
    // A file that does not say what runs it can not be started.
    let text = if script.starts_with("#!") { script.to_owned() } else { format!("#!/bin/sh\n{script}") };
    let mut draft = Draft::new(packages.split_whitespace());
    // Line ends of web forms: the kernel would look for a shell with a carriage return in its name.
    draft.step("script", &text.replace("\r\n", "\n"));
    draft.step("collect", programs::COLLECT);
    draft.set("KILN_FOLDER", folder.unwrap_or_default());
    draft
}

/// A job that is being put together.
struct Draft(SourceJob);

impl Draft {
    fn new<'a>(packages: impl IntoIterator<Item = &'a str>) -> Self {
        let packages = packages.into_iter().map(str::to_owned).collect();
        let script = SourceScript { steps: Vec::new(), variables: BTreeMap::new() };
        Self(SourceJob { packages, script, ..SourceJob::default() })
    }

    fn step(&mut self, name: &str, text: &str) {
        self.0.script.steps.push(ScriptStep { name: name.to_owned(), text: text.to_owned() });
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.script.variables.insert(name.to_owned(), value.to_owned());
    }
}

/// Whether a source is one that a job can be asked to make: nothing in it could be taken for something else.
///
/// # Errors
/// [`ServiceError::BadValue`], [`ServiceError::BadUrl`], [`ServiceError::Unsupported`].
pub(crate) fn check(source: &PackageSource, dist_gits: &[DistGit]) -> Result<(), ServiceError> {
    check_size("package source", format!("{source:?}").len())?;
    match source {
        PackageSource::Script { script, root, packages, folder, repositories } => {
            if script.trim().is_empty() || script.len() > MOST_SCRIPT_BYTES || script.contains('\0') {
                let detail = format!("it must be a text of at most {MOST_SCRIPT_BYTES} bytes");
                return Err(ServiceError::BadValue { field: "script", detail });
            }
            value("script root", root)?;
            value("script folder", folder.as_deref().unwrap_or_default())?;
            wanted_packages(packages.as_deref().unwrap_or_default())?;
            unsupported(
                repositories.split_whitespace().next().is_some(),
                "a script in a root with further repositories",
                "name a target whose repository has them on its path",
            )
        }
        PackageSource::Checkout { system, url, revision, folder, recipe, .. } => {
            unsupported(*system == CheckoutSystem::Svn, "a checkout of Subversion", "make it one of git, or a script")?;
            address(url)?;
            git_revision(revision)?;
            path("folder of the recipe", folder)?;
            path("recipe", recipe)
        }
        PackageSource::DistGit { url, instance, namespace, revision } => {
            address(url)?;
            path("namespace", namespace.as_deref().unwrap_or_default())?;
            git_revision(revision.as_deref().unwrap_or_default())?;
            let place = dist_git::find(dist_gits, instance);
            place.map(drop).map_err(|detail| ServiceError::BadValue { field: "dist-git", detail })
        }
        PackageSource::Pypi { name, version, generator, template, .. } => {
            index_name("project of the package index", name)?;
            index_name("version", version.as_deref().unwrap_or("0"))?;
            let is_known = ["pyp2rpm", "pyp2spec"].contains(&generator.as_str());
            unsupported(!is_known, "a spec file by that generator", "name pyp2rpm or pyp2spec")?;
            path("template", template)
        }
        PackageSource::Gem { name } => index_name("gem", name),
    }
}

fn unsupported(is_so: bool, what: &str, instead: &'static str) -> Result<(), ServiceError> {
    if is_so { Err(ServiceError::Unsupported { what: what.to_owned(), instead }) } else { Ok(()) }
}

/// An address that git may be given: others run programs (`ext::`), read files of the worker, or need keys.
fn address(text: &str) -> Result<(), ServiceError> {
    let bad = |detail: &str| ServiceError::BadUrl { url: text.chars().take(200).collect(), detail: detail.to_owned() };
    if text.len() > MOST_BYTES || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(bad("it is too long or contains white space"));
    }
    let url = url::Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https" | "git") || url.host_str().is_none_or(str::is_empty) {
        return Err(bad("it must begin with https://, http:// or git:// and a host"));
    }
    Ok(())
}

/// A branch, tag or commit: none of git's words for "the third before" and the like, and no option.
fn git_revision(text: &str) -> Result<(), ServiceError> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._/+@=#-".contains(c);
    if text.len() <= 250 && text.chars().all(is_part) && !text.starts_with('-') && !text.contains("..") {
        return Ok(());
    }
    let detail = format!("{:?} is no branch, tag or commit", text.chars().take(100).collect::<String>());
    Err(ServiceError::BadValue { field: "revision", detail })
}

/// A path below the checkout, or nothing.
fn path(field: &'static str, text: &str) -> Result<(), ServiceError> {
    value(field, text)?;
    let climbs = text.split('/').any(|part| part == "..");
    if climbs || text.starts_with(['-', '/']) {
        return Err(ServiceError::BadValue { field, detail: format!("{text:?} does not lie below the checkout") });
    }
    Ok(())
}

/// A name or version of an index of packages, which tools get as a word of their own.
fn index_name(field: &'static str, text: &str) -> Result<(), ServiceError> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._+!-".contains(c);
    if !text.is_empty() && text.len() <= 200 && text.chars().all(is_part) && !text.starts_with(['-', '.', '+']) {
        return Ok(());
    }
    let detail = format!("{:?} is none", text.chars().take(100).collect::<String>());
    Err(ServiceError::BadValue { field, detail })
}

/// A value that is one line.
fn value(field: &'static str, text: &str) -> Result<(), ServiceError> {
    if text.len() <= MOST_BYTES && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(ServiceError::BadValue { field, detail: format!("it must be one line of at most {MOST_BYTES} bytes") })
}

/// Names of packages: with a sign in front one would be an instruction to the expander.
fn wanted_packages(text: &str) -> Result<(), ServiceError> {
    value("script packages", text)?;
    match text.split_whitespace().find(|name| name.starts_with(['-', '!', '#'])) {
        Some(odd) => {
            Err(ServiceError::BadValue { field: "script packages", detail: format!("{odd:?} is no name of a package") })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(script: &str, packages: &str) -> PackageSource {
        PackageSource::Script {
            script: script.to_owned(),
            root: "debian-12-x86_64".to_owned(),
            packages: Some(packages.to_owned()),
            folder: Some("out".to_owned()),
            repositories: String::new(),
        }
    }

    #[test]
    fn a_script_runs_as_it_is_and_what_it_leaves_is_collected() {
        let source = script("#!/usr/bin/perl\r\nprint 1;\n", " git  make ");
        let name = PackageName::parse("hello").unwrap();
        let job = compose(&source, Some(&name), (PackageFormat::Deb, &[])).unwrap();
        assert_eq!(job.packages, ["git", "make"]);
        let steps: Vec<_> = job.script.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(steps, ["script", "collect"]);
        assert_eq!(job.script.steps[0].text, "#!/usr/bin/perl\nprint 1;\n");
        assert_eq!(job.script.variables["KILN_FOLDER"], "out");
        assert_eq!(job.script.variables["KILN_NAME"], "hello");
        let job = compose(&script("echo", ""), None, (PackageFormat::Rpm, &[])).unwrap();
        assert_eq!(job.script.steps[0].text, "#!/bin/sh\necho");
    }

    fn git(url: &str, revision: &str, folder: &str, method: &str) -> PackageSource {
        PackageSource::Checkout {
            system: CheckoutSystem::Git,
            url: url.to_owned(),
            revision: revision.to_owned(),
            folder: folder.to_owned(),
            recipe: String::new(),
            method: method.to_owned(),
        }
    }

    #[test]
    fn each_method_has_its_steps_and_tools() {
        let mut drawn = String::new();
        let mut draw = |source: &PackageSource, format| {
            let words = match compose(source, None, (format, &[])) {
                Ok(job) => {
                    let steps: Vec<_> = job.script.steps.iter().map(|step| step.name.as_str()).collect();
                    assert!(job.script.steps.iter().all(|step| step.text.starts_with("#!/bin/sh -eu\n")));
                    let otherwise =
                        job.otherwise.iter().map(|(name, instead)| format!("; no {name}: {}", instead.join(" ")));
                    let otherwise: String = otherwise.collect();
                    format!("{}: {}{otherwise}", steps.join(" "), job.packages.join(" "))
                }
                Err(cause) => cause.to_string(),
            };
            drawn += &format!("{format} {words}\n");
        };
        for method in ["rpkg", "make_srpm", "tito", "tito_test"] {
            let source = git("https://example.org/x.git", "", "", method);
            draw(&source, PackageFormat::Rpm);
            draw(&source, PackageFormat::Deb);
        }
        let pypi = PackageSource::Pypi {
            name: "requests".to_owned(),
            version: None,
            generator: "pyp2spec".to_owned(),
            template: String::new(),
            python_versions: vec![3],
        };
        for source in [pypi, PackageSource::Gem { name: "rails".to_owned() }] {
            draw(&source, PackageFormat::Rpm);
            draw(&source, PackageFormat::Deb);
        }
        expect_test::expect![[r#"
            rpm checkout spec: git ca-certificates rpm-build
            deb checkout debian: git ca-certificates dpkg-dev
            rpm checkout make: git ca-certificates make rpm-build
            deb checkout make: git ca-certificates make
            rpm checkout tito: git ca-certificates tito rpm-build; no tito: python3 python3-pip python3-rpm
            deb configuration: tito makes source packages of rpm, but the root is one of Debian packages
            rpm checkout tito: git ca-certificates tito rpm-build; no tito: python3 python3-pip python3-rpm
            deb configuration: tito_test makes source packages of rpm, but the root is one of Debian packages
            rpm pypi: python3 python3-pip rpm-build ca-certificates
            deb configuration: a spec file is what is made of the Python package index, but the root is one of deb packages
            rpm gem: rubygem-gem2rpm rpm-build ca-certificates
            deb configuration: a spec file is what is made of a Ruby gem, but the root is one of deb packages
        "#]]
        .assert_eq(&drawn);
    }

    #[test]
    fn files_of_a_dist_git_lie_below_its_name() {
        let source = PackageSource::DistGit {
            url: "https://src.example.org/rpms/hello".to_owned(),
            instance: "fedora".to_owned(),
            namespace: None,
            revision: Some("f41".to_owned()),
        };
        let job = compose(&source, None, (PackageFormat::Rpm, &DistGit::usual())).unwrap();
        let files = "https://src.fedoraproject.org/repo/pkgs/rpms/hello/{file}/{kind}/{digest}/{file}";
        assert_eq!(job.script.variables["KILN_LOOKASIDE"], files);
        assert_eq!(job.script.variables["KILN_REVISION"], "f41");
        assert!(check(&source, &DistGit::usual()).is_ok());
        let own = [DistGit::parse("own=https://example.org,https://example.org").unwrap()];
        let error = check(&source, &own).unwrap_err().to_string();
        assert!(error.ends_with("\"fedora\" is not known here; known are own"), "{error}");
        assert!(compose(&source, None, (PackageFormat::Rpm, &own)).is_err());
    }

    #[test]
    fn only_web_addresses_and_plain_revisions_reach_git() {
        let url = "https://example.org/x.git";
        for revision in ["", "main", "v1.0", "refs/pull/1/head", "0123abcd", "feature/a+b"] {
            assert!(check(&git(url, revision, "a/b", "rpkg"), &[]).is_ok(), "{revision}");
        }
        for bad in [
            "ext::sh -c id",
            "ext::id",
            "file:///etc",
            "/etc",
            "-oProxyCommand=id",
            "--upload-pack=id",
            "ssh://example.org/x",
            "git@example.org:x",
            "https://",
            "http://example.org/a b",
            "http://example.org/a\n",
        ] {
            assert!(check(&git(bad, "", "", "rpkg"), &[]).is_err(), "{bad}");
        }
        for bad in ["-x", "--output=/x", "a b", "a\nb", "a..b", "HEAD~3", "a:b", "$(id)", "`id`", "a;b", "a^{tree}"] {
            assert!(check(&git(url, bad, "", "rpkg"), &[]).is_err(), "{bad}");
        }
        for bad in ["..", "a/../../b", "/etc", "-x", "a\nb"] {
            assert!(check(&git(url, "", bad, "rpkg"), &[]).is_err(), "{bad}");
        }
        for bad in ["", "-r x", "a/b", "a;b", "--index-url", "x==1"] {
            assert!(check(&PackageSource::Gem { name: bad.to_owned() }, &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_script_asks_for_must_be_honest() {
        assert!(check(&script("#!/bin/sh\n", "git perl(Foo)"), &[]).is_ok());
        for (bad, word) in [
            (script(" \n", ""), "script"),
            (script("a\0b", ""), "script"),
            (script("a", "-libc6"), "no name of a package"),
            (script("a", "git\u{7}"), "one line"),
        ] {
            assert!(check(&bad, &[]).unwrap_err().to_string().contains(word), "{bad:?}");
        }
    }
}
