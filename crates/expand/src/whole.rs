//! Everything a build root is made of: what the build needs and what the tool that builds it needs.
//!
//! Rule: `expanddeps` of obs-build.

use std::collections::BTreeSet;

use pkg::problem::DependencyProblem;

use crate::config::ExpandConfig;
use crate::expander::Expander;
use crate::pool::PackageId;
use crate::sets::BuildRequest;

/// What a build root is wanted for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WholeRequest {
    /// What the recipe needs and makes.
    pub build: BuildRequest,
    /// The kind of recipe, where it is another one than the configuration's `Type:` (`kiwi-product`); else empty.
    pub build_type: String,
    /// Names of the source services that run in the build root (mode `buildtime`).
    pub services: Vec<String>,
    /// Whether a virtual machine is started from the root.
    pub is_vm: bool,
}

/// The packages of a build root. All lists are sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WholeSet {
    /// All packages to fetch, with Preinstall and, for virtual machines, VMInstall.
    pub packages: Vec<PackageId>,
    /// Of them, those the tool needs and the build does not: installed, but not offered to the build.
    pub install_only: Vec<PackageId>,
    /// Of them, those the build needs and the tool does not: offered to the build, but not installed.
    pub no_install: Vec<PackageId>,
    /// Names of Preinstall and VMInstall that no package has. If there are any, nothing can be built.
    pub missing: Vec<String>,
}

impl ExpandConfig {
    /// The packages with the source services that run in the build root: what `Substitute: obs-service:NAME` says, else
    /// `obs-service-NAME` (for Debian with `-` for `_`). In the order of the services' names, each once.
    #[must_use]
    pub fn service_packages(&self, services: &[String]) -> Vec<String> {
        let mut packages: Vec<String> = Vec::new();
        for service in services.iter().collect::<BTreeSet<_>>() {
            let names = self.substitute.get(&format!("obs-service:{service}")).cloned().unwrap_or_else(|| {
                let service = if self.binary_type == "deb" { service.replace('_', "-") } else { service.clone() };
                vec![format!("obs-service-{service}")]
            });
            for name in names {
                if !packages.contains(&name) {
                    packages.push(name);
                }
            }
        }
        packages
    }
}

impl Expander<'_> {
    /// Everything a build root is made of.
    ///
    /// Where the tool that builds has an environment of its own, the packages of the source services belong to that, and
    /// `Ignore` of the configuration does not count for the recipe. Images and products of kiwi and productcompose get the
    /// environment only.
    ///
    /// # Errors
    /// The problems of the build's own requirements; without any, those of the environment.
    pub fn whole_set(&self, request: &WholeRequest) -> Result<WholeSet, Vec<DependencyProblem>> {
        let build_type =
            if request.build_type.is_empty() { self.config.build_type.as_str() } else { request.build_type.as_str() };
        let build_type = if build_type == "kiwi" { "kiwi-image" } else { build_type };
        let services = self.config.service_packages(&request.services);
        let mut extra = Vec::new();
        if build_type == "kiwi-image" {
            let is_kiwi = |item: &&String| item.strip_prefix("kiwi-").is_some_and(|rest| rest.contains(':'));
            extra.extend(request.build.dependencies.iter().filter(is_kiwi).cloned());
        }
        extra.extend(services.iter().cloned());
        let environment = self.sysbuild_set(build_type, &extra);
        if matches!(build_type, "kiwi-image" | "kiwi-product" | "productcompose") {
            let mut packages = environment?.unwrap_or_default();
            packages.sort_unstable();
            return Ok(WholeSet { packages, ..WholeSet::default() });
        }
        let has_environment = !matches!(environment, Ok(None));
        let mut build = request.build.clone();
        if !has_environment {
            build.dependencies.splice(0..0, services);
        }
        if has_environment || build_type == "simpleimage" {
            build.dependencies.push("--ignoreignore--".to_owned());
        }
        let own = self.build_set(&build)?;
        self.join(own, environment?, request.is_vm)
    }

    /// The packages of the build and of the environment, with those that are unpacked first.
    fn join(
        &self,
        own: Vec<PackageId>,
        environment: Option<Vec<PackageId>>,
        is_vm: bool,
    ) -> Result<WholeSet, Vec<DependencyProblem>> {
        let preinstalls = self.preinstalls().map_err(|problem| vec![problem])?;
        let mut all: BTreeSet<PackageId> = own.iter().copied().collect();
        let (mut install_only, mut no_install) = (Vec::new(), Vec::new());
        if let Some(environment) = environment {
            let environment: BTreeSet<PackageId> = environment.into_iter().collect();
            install_only = environment.difference(&all).copied().collect();
            no_install = all.difference(&environment).copied().collect();
            all.extend(environment);
        }
        let vm_install = if is_vm { &preinstalls.vm_install[..] } else { &[] };
        all.extend(preinstalls.preinstall.iter().chain(vm_install).filter_map(|name| self.pool.find(name)));
        let missing: BTreeSet<&str> = preinstalls.missing(self.pool, is_vm).into_iter().collect();
        let missing = missing.into_iter().map(str::to_owned).collect();
        Ok(WholeSet { packages: all.into_iter().collect(), install_only, no_install, missing })
    }
}
