//! Where the sources of a package come from, in Copr's words and back.

use model::{CheckoutSystem, PackageSource};
use serde_json::{Value, json};
use service::DistGit;

use super::form::{Form, is_web_address, not_a_choice};

/// The kinds of sources a package may have.
pub(super) const TYPES: [&str; 5] = ["scm", "pypi", "rubygems", "distgit", "custom"];

/// Longest script, in bytes.
const SCRIPT_BYTES: usize = 4096;

/// Which names the fields of a script have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// `chroot`, `builddeps`, `resultdir`, `repos`.
    OfBuild,
    /// The same behind `script_`.
    OfPackage,
}

/// Kind and fields of a source as Copr shows them.
pub(super) fn shown(source: Option<&PackageSource>) -> (&'static str, Value) {
    match source {
        None => ("unset", json!({})),
        Some(PackageSource::Checkout { system, url, revision, folder, recipe, method }) => (
            "scm",
            json!({
                "type": match system { CheckoutSystem::Git => "git", CheckoutSystem::Svn => "svn" },
                "clone_url": url,
                "committish": revision,
                "subdirectory": folder,
                "spec": recipe,
                "source_build_method": method,
            }),
        ),
        Some(PackageSource::DistGit { url, instance, namespace, revision }) => {
            let mut shown = json!({"clone_url": url, "distgit": instance});
            for (key, value) in [("namespace", namespace), ("committish", revision)] {
                if let (Some(value), Some(keys)) = (value, shown.as_object_mut()) {
                    keys.insert(key.to_owned(), json!(value));
                }
            }
            ("distgit", shown)
        }
        Some(PackageSource::Pypi { name, version, generator, template, python_versions }) => (
            "pypi",
            json!({
                "pypi_package_name": name,
                "pypi_package_version": version,
                "spec_generator": generator,
                "spec_template": template,
                "python_versions": python_versions,
            }),
        ),
        Some(PackageSource::Gem { name }) => ("rubygems", json!({ "gem_name": name })),
        Some(PackageSource::Script { script, root, packages, folder, repositories }) => (
            "custom",
            json!({
                "script": script,
                "chroot": root,
                "builddeps": packages,
                "resultdir": folder,
                "repos": repositories,
            }),
        ),
    }
}

/// Reads the fields of a source; what is wrong with them becomes problems of the form. `None` for an unknown kind.
pub(super) fn parse(
    form: &mut Form,
    source_type: &str,
    package: &str,
    (names, dist_gits): (Names, &[DistGit]),
) -> Option<PackageSource> {
    Some(match source_type {
        "scm" => checkout(form),
        "pypi" => PackageSource::Pypi {
            name: form.required("pypi_package_name"),
            version: form.text("pypi_package_version").filter(|version| !version.is_empty()),
            generator: form.choice("spec_generator", &["pyp2rpm", "pyp2spec"]).unwrap_or("pyp2spec").to_owned(),
            template: form.text("spec_template").unwrap_or_default(),
            python_versions: python_versions(form),
        },
        "rubygems" => PackageSource::Gem { name: form.required("gem_name") },
        "distgit" => distgit(form, package, dist_gits)?,
        "custom" => script(form, names),
        _ => return None,
    })
}

fn checkout(form: &mut Form) -> PackageSource {
    let url = form.required("clone_url");
    if !url.is_empty() && !is_checkout_address(&url) {
        form.problem("clone_url", "Invalid URL.");
    }
    let svn = form.choice("scm_type", &["git", "svn"]) == Some("svn");
    const METHODS: [&str; 4] = ["rpkg", "tito", "tito_test", "make_srpm"];
    PackageSource::Checkout {
        system: if svn { CheckoutSystem::Svn } else { CheckoutSystem::Git },
        url,
        revision: form.text("committish").unwrap_or_default(),
        folder: form.text("subdirectory").unwrap_or_default(),
        recipe: form.text("spec").unwrap_or_default(),
        method: form.choice("source_build_method", &METHODS).unwrap_or("rpkg").to_owned(),
    }
}

fn is_checkout_address(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    is_web_address(text) || (plain && ["git://", "ssh://", "svn://"].iter().any(|scheme| text.starts_with(scheme)))
}

fn python_versions(form: &mut Form) -> Vec<u32> {
    let given = form.list("python_versions").unwrap_or_default();
    let versions: Vec<u32> = given.iter().filter_map(|text| text.parse().ok()).collect();
    if versions.len() != given.len() || versions.len() > 10 {
        form.problem("python_versions", "Not a valid list of versions.");
    }
    versions
}

/// `None` if this server knows no place at all.
fn distgit(form: &mut Form, package: &str, places: &[DistGit]) -> Option<PackageSource> {
    if package.is_empty() {
        form.problem("package_name", "This field is required.");
    }
    let usual = places.first()?;
    let wanted = form.text("distgit").filter(|text| !text.is_empty());
    let named = wanted.as_deref().map_or(Some(usual), |wanted| places.iter().find(|place| place.name == wanted));
    if named.is_none() {
        let known: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
        let refusal = not_a_choice(wanted.as_deref().unwrap_or_default());
        form.problem("distgit", format!("{refusal} Known are: {}.", known.join(", ")));
    }
    let place = named.unwrap_or(usual);
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let namespace = filled(form.text("namespace"));
    Some(PackageSource::DistGit {
        url: place.repository(namespace.as_deref(), package),
        instance: place.name.clone(),
        namespace,
        revision: filled(form.text("committish")),
    })
}

fn script(form: &mut Form, names: Names) -> PackageSource {
    let script = form.required("script");
    if script.len() > SCRIPT_BYTES {
        form.problem("script", format!("longer than {SCRIPT_BYTES} bytes"));
    }
    let prefix = if names == Names::OfPackage { "script_" } else { "" };
    let mut text = |name: &str| form.text(&format!("{prefix}{name}"));
    PackageSource::Script {
        script,
        root: text("chroot").filter(|root| !root.is_empty()).unwrap_or_else(|| "fedora-latest-x86_64".to_owned()),
        packages: text("builddeps"),
        folder: text("resultdir"),
        repositories: text("repos").unwrap_or_default(),
    }
}
