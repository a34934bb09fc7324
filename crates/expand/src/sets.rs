//! The sets a build service asks for: what to install for a build, what triggers a rebuild, what comes first.
//!
//! Rule: `get_build`, `get_deps`, `get_sysroot`, `get_sysbuild` and `expandpreinstalls` of obs-build's Build.pm.

use pkg::problem::DependencyProblem;
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::config::ExpandConfig;
use crate::expander::{Expander, Expansion};
use crate::pool::{PackageId, Pool};
use crate::request::{Request, Wish};
use crate::trace::{NoTrace, Trace};

/// What a package needs for its build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BuildRequest {
    /// Items of the request language: requirements, `-x`, `!x`, options.
    pub dependencies: Vec<String>,
    /// Names of the packages this build makes.
    pub own_binaries: Vec<String>,
}

/// The packages to unpack before a package manager can run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preinstalls {
    /// Unpacked into every root.
    pub preinstall: Vec<String>,
    /// Unpacked into virtual machines as well.
    pub vm_install: Vec<String>,
    /// Whose scripts run once the preinstalled packages are there; if empty, those of all of them.
    pub run_scripts: Vec<String>,
}

impl Preinstalls {
    /// The names that no package of the pool has, in order; without expansion nothing has checked them yet.
    #[must_use]
    pub fn missing<'a>(&'a self, pool: &Pool, is_vm: bool) -> Vec<&'a str> {
        let vm_install = if is_vm { &self.vm_install[..] } else { &[] };
        let names = self.preinstall.iter().chain(vm_install).map(String::as_str);
        names.filter(|name| pool.find(name).is_none()).collect()
    }

    /// The lists as the configuration has them.
    pub(crate) fn unexpanded(config: &ExpandConfig) -> Self {
        Self {
            preinstall: config.preinstall.clone(),
            vm_install: config.vm_install.clone(),
            run_scripts: config.run_scripts.clone(),
        }
    }
}

/// What the lists of the configuration mean where it does not say: the built-in ones.
const DEFAULT_SUBSTITUTES: &[(&str, &[&str])] = &[
    (
        "build-packages:livebuild",
        &[
            "apt-utils",
            "dctrl-tools",
            "debconf",
            "dosfstools",
            "e2fsprogs",
            "grub",
            "librsvg2-bin",
            "live-boot",
            "live-config",
            "mtd-tools",
            "parted",
            "squashfs-tools",
            "syslinux",
            "syslinux-common",
            "wget",
            "xorriso",
            "zsync",
        ],
    ),
    ("build-packages:helm", &["helm"]),
    (
        "build-packages:flatpak",
        &[
            "flatpak",
            "flatpak-builder",
            "fuse",
            "unzip",
            "gzip",
            "xz",
            "elfutils",
            "gdk-pixbuf-loader-rsvg",
            "perl(YAML::LibYAML)",
        ],
    ),
    ("system-packages:livebuild", &["apt-utils", "cpio", "dpkg-dev", "live-build", "lsb-release", "tar"]),
    ("system-packages:mkosi:rpm", &["mkosi", "createrepo", "gzip"]),
    ("system-packages:mkosi:deb", &["mkosi", "dpkg-dev", "lsb-release", "gzip"]),
    ("system-packages:mkosi:arch", &["mkosi", "arch-install-scripts", "gzip"]),
    ("system-packages:mock", &["mock", "system-packages:repo-creation"]),
    ("system-packages:debootstrap", &["debootstrap", "lsb-release"]),
    ("system-packages:kiwi-image", &["kiwi", "tar", "system-packages:repo-creation"]),
    ("system-packages:kiwi-product", &["kiwi"]),
    ("system-packages:productcompose", &["product-composer"]),
    ("system-packages:docker", &["docker", "system-packages:repo-creation"]),
    ("system-packages:podman", &["podman", "buildah", "system-packages:repo-creation"]),
    ("system-packages:fissile", &["docker"]),
    ("system-packages:deltarpm", &["deltarpm"]),
];

fn default_substitute(key: &str) -> Vec<&'static str> {
    let list = DEFAULT_SUBSTITUTES.iter().find(|(name, _)| *name == key);
    list.map_or(Vec::new(), |(_, list)| list.to_vec())
}

impl ExpandConfig {
    /// Replaces names by what `Substitute` says, over and over; each text is looked at once, so loops end.
    ///
    /// A versioned item loses its version unless its name stands in its own list. Lists of alternatives and rich
    /// dependencies stay as they are.
    #[must_use]
    pub fn substitute(&self, items: &[String]) -> Vec<String> {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        self.substitute_all(&items).into_iter().map(str::to_owned).collect()
    }

    fn substitute_all<'a>(&'a self, items: &[&'a str]) -> Vec<&'a str> {
        let mut open: Vec<&str> = items.iter().rev().copied().collect();
        let mut done = FxHashSet::with_capacity_and_hasher(2 * items.len(), FxBuildHasher);
        let mut result = Vec::with_capacity(items.len());
        while let Some(item) = open.pop() {
            if !done.insert(item) {
                continue;
            }
            let name = item.find(['<', '=', '>']).map_or(item, |end| item[..end].trim_end());
            match self.substitute.get(name) {
                None => result.push(item),
                Some(list) => {
                    if list.iter().any(|other| other == name) {
                        result.push(item);
                    }
                    open.extend(list.iter().rev().map(String::as_str));
                }
            }
        }
        result
    }

    fn substitute_of(&self, key: &str) -> Option<Vec<&str>> {
        self.substitute.get(key).map(|list| list.iter().map(String::as_str).collect())
    }
}

/// The items of a request while it is put together.
struct Items<'a> {
    direct: Vec<&'a str>,
    indirect: Vec<&'a str>,
    /// What is ignored, and options, both without their first minus.
    negatives: Vec<&'a str>,
}

impl<'a> Items<'a> {
    fn split(dependencies: impl Iterator<Item = &'a str>) -> Self {
        let mut items = Self { direct: Vec::with_capacity(128), indirect: Vec::new(), negatives: Vec::new() };
        let mut is_indirect = false;
        for item in dependencies {
            if item == "--directdepsend--" {
                is_indirect = true;
            } else if let Some(name) = item.strip_prefix('-') {
                items.negatives.push(name);
            } else if is_indirect {
                items.indirect.push(item);
            } else {
                items.direct.push(item);
            }
        }
        items
    }

    /// Takes away items whose very text is ignored.
    fn drop_ignored(&mut self) {
        if self.negatives.is_empty() {
            return;
        }
        let ignored: FxHashSet<&str> = self.negatives.iter().copied().collect();
        self.direct.retain(|item| !ignored.contains(item));
        self.indirect.retain(|item| !ignored.contains(item));
    }

    fn substitute(&mut self, config: &'a ExpandConfig) {
        self.direct = config.substitute_all(&self.direct);
        self.indirect = config.substitute_all(&self.indirect);
    }

    fn into_wish(self) -> Wish<'a> {
        // A replacement may be an ignore.
        let mut wish = Wish::parse(self.direct);
        let indirect = Wish::parse(self.indirect);
        wish.indirect_requires = indirect.requires;
        wish.ignores.extend(indirect.ignores);
        wish.excludes.extend(indirect.excludes);
        wish.excludes_named.extend(indirect.excludes_named);
        for name in self.negatives {
            wish.add_option(name);
        }
        wish
    }
}

impl<'e> Expander<'e> {
    /// What to install for a build, sorted by name: the request with Preinstall, Required and Support.
    ///
    /// # Errors
    /// The problems, as [`expand`](Self::expand); a failing preinstall expansion is the only problem then.
    pub fn build_set(&self, request: &BuildRequest) -> Result<Vec<PackageId>, Vec<DependencyProblem>> {
        self.build_set_traced(request, &mut NoTrace)
    }

    /// As [`build_set`](Self::build_set), telling `trace` about every package taken.
    ///
    /// # Errors
    /// As [`build_set`](Self::build_set).
    pub fn build_set_traced<T: Trace>(
        &self,
        request: &BuildRequest,
        trace: &mut T,
    ) -> Result<Vec<PackageId>, Vec<DependencyProblem>> {
        let wish = self.build_wish(request).map_err(|problem| vec![problem])?;
        self.expand_wish(&wish, trace)
    }

    /// The request that [`build_set`](Self::build_set) expands.
    ///
    /// # Errors
    /// The problem of a failing preinstall expansion.
    pub fn build_request(&self, request: &BuildRequest) -> Result<Request, DependencyProblem> {
        self.build_wish(request).map(Request::from)
    }

    pub(crate) fn build_wish<'a>(&'a self, request: &'a BuildRequest) -> Result<Wish<'a>, DependencyProblem> {
        let preinstalls = self.preinstalls()?;
        let config = self.config;
        let has_base = self.adds_base_packages();
        let is_kiwi = config.build_type == "kiwi";
        let is_dropped = |item: &str| {
            is_kiwi && (item.starts_with("kiwi-image:") || !has_base && item.starts_with("kiwi-packagemanager:"))
        };
        let build_packages = self.build_packages();
        let dependencies = request.dependencies.iter().map(String::as_str).chain(build_packages);
        let mut items = Items::split(dependencies.filter(|item| !is_dropped(item)));
        let mut base: Vec<&str> = config.required.iter().chain(&config.support).map(String::as_str).collect();
        self.apply_own_binaries(&request.own_binaries, &mut items, preinstalls, &mut base);
        if has_base {
            items.direct.extend(preinstalls.preinstall.iter().map(String::as_str).chain(base));
            items.drop_ignored();
        }
        items.substitute(config);
        items.drop_ignored();
        Ok(items.into_wish())
    }

    /// What a change of triggers a rebuild, sorted by name.
    ///
    /// Preinstall and Support are not part of it unless asked for directly, what they need is; IgnoreRebuild is not.
    ///
    /// # Errors
    /// As [`build_set`](Self::build_set).
    pub fn trigger_set(&self, request: &BuildRequest) -> Result<Vec<PackageId>, Vec<DependencyProblem>> {
        let preinstalls = self.preinstalls().map_err(|problem| vec![problem])?;
        let config = self.config;
        let mut items = Items::split(request.dependencies.iter().map(String::as_str));
        items.direct.append(&mut items.indirect);
        let mut required = config.required.iter().map(String::as_str).collect();
        self.apply_own_binaries(&request.own_binaries, &mut items, preinstalls, &mut required);
        items.direct.extend(required);
        items.drop_ignored();
        items.substitute(config);
        items.drop_ignored();

        items.negatives.extend(config.ignore_rebuild.iter().map(String::as_str));
        if config.has_flag("ignorerebuildforsupport") {
            items.negatives.extend(preinstalls.preinstall.iter().chain(&config.support).map(String::as_str));
        }
        let direct = items.direct.iter().filter_map(|item| self.pool.find(item));
        let direct: Vec<PackageId> = direct.filter(|package| self.untriggering.contains(package.0)).collect();
        let mut packages = self.expand_wish(&items.into_wish(), &mut NoTrace)?;
        packages.retain(|package| !self.untriggering.contains(package.0) || direct.contains(package));
        Ok(packages)
    }

    /// The target side of a cross build: only what the request asks for, besides `Substitute: sysroot-packages`.
    ///
    /// # Errors
    /// As [`expand`](Self::expand).
    pub fn sysroot(&self, request: &BuildRequest) -> Result<Expansion, Vec<DependencyProblem>> {
        let mut items = Items::split(request.dependencies.iter().map(String::as_str));
        if self.config.substitute.contains_key("sysroot-packages") {
            items.direct.insert(0, "sysroot-packages");
        }
        items.substitute(self.config);
        items.drop_ignored();
        self.expand_cross_wish(&items.into_wish())
    }

    /// What to install where a recipe type has an environment of its own for the tool that builds it; none otherwise.
    ///
    /// `extra_dependencies` are what the recipe needs there (the tool's plugins, for instance). Sorted by name, except
    /// that names of Preinstall that were not among them stand at the end.
    ///
    /// # Errors
    /// As [`build_set`](Self::build_set).
    pub fn sysbuild_set(
        &self,
        build_type: &str,
        extra_dependencies: &[String],
    ) -> Result<Option<Vec<PackageId>>, Vec<DependencyProblem>> {
        let config = self.config;
        let build_type = if build_type.is_empty() { &config.build_type } else { build_type };
        let build_type = if build_type == "kiwi" { "kiwi-image" } else { build_type };
        let mut dependencies = self.system_packages(build_type);
        if dependencies.is_empty() {
            return Ok(None);
        }
        dependencies.extend(extra_dependencies.iter().map(String::as_str));
        let preinstalls = self.preinstalls().map_err(|problem| vec![problem])?;
        let (negatives, mut direct): (Vec<&str>, Vec<&str>) =
            dependencies.into_iter().partition(|item| item.starts_with('-'));
        direct.extend(preinstalls.preinstall.iter().chain(&config.required).map(String::as_str));
        if matches!(build_type, "kiwi-image" | "kiwi-product") {
            direct.extend(config.support.iter().map(String::as_str));
        }
        let direct = self.substitute_with_defaults(direct);
        let wish = Wish::parse(direct.into_iter().chain(negatives));
        let mut packages = self.expand_wish(&wish, &mut NoTrace)?;
        let named = preinstalls.preinstall.iter().filter_map(|name| self.pool.find(name));
        for package in named {
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
        Ok(Some(packages))
    }

    /// The lists of packages to unpack first; expanded and sorted if the configuration has `preinstallexpand`.
    ///
    /// # Errors
    /// The first problem of that expansion.
    pub fn preinstalls(&self) -> Result<&Preinstalls, DependencyProblem> {
        self.preinstalls.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn expand_preinstalls(&self) -> Result<Preinstalls, DependencyProblem> {
        let config = self.config;
        let names = |packages: &[PackageId]| packages.iter().map(|p| self.pool.name(*p).to_owned()).collect::<Vec<_>>();
        let first = |problems: Vec<DependencyProblem>| {
            let mut problems = problems.into_iter();
            Box::new(problems.next().unwrap_or(DependencyProblem::NothingProvides {
                dependency: String::new(),
                needed_by: None,
                found: Vec::new(),
            }))
        };
        let mut preinstall = Vec::new();
        if !config.preinstall.is_empty() {
            preinstall = self
                .expand(&Request::parse(&config.preinstall))
                .map_err(|problems| DependencyProblem::Preinstalls(first(problems)))?;
        }
        let mut vm_install = Vec::new();
        if !config.vm_install.is_empty() {
            let wanted: FxHashSet<&str> = config.vm_install.iter().map(String::as_str).collect();
            let negatives = config
                .preinstall
                .iter()
                .filter(|item| item.strip_prefix('-').is_some_and(|name| !wanted.contains(name)));
            let known = names(&preinstall);
            let items = known.iter().chain(negatives).chain(&config.vm_install);
            vm_install = self
                .expand(&Request::parse(items))
                .map_err(|problems| DependencyProblem::VmInstalls(first(problems)))?;
            vm_install.retain(|package| preinstall.binary_search(package).is_err());
        }
        Ok(Preinstalls {
            preinstall: names(&preinstall),
            vm_install: names(&vm_install),
            run_scripts: config.run_scripts.clone(),
        })
    }

    /// With `Keep`, own binaries that nothing protects are ignored; without, they are only left out of `base`.
    fn apply_own_binaries<'a>(
        &'a self,
        own_binaries: &'a [String],
        items: &mut Items<'a>,
        preinstalls: &Preinstalls,
        base: &mut Vec<&'a str>,
    ) {
        if own_binaries.is_empty() {
            return;
        }
        let mut own: FxHashSet<&str> = own_binaries.iter().map(String::as_str).collect();
        let keep = &self.config.keep;
        if keep.is_empty() {
            base.retain(|name| !own.contains(name));
            return;
        }
        let named = items.direct.iter().copied();
        for name in named.chain(keep.iter().chain(&preinstalls.preinstall).map(String::as_str)) {
            own.remove(name);
        }
        items.negatives.extend(own_binaries.iter().map(String::as_str).filter(|name| own.contains(name)));
    }

    /// The packages every recipe of the configured type needs.
    pub(crate) fn build_packages(&self) -> Vec<&str> {
        let config = self.config;
        let mut key = format!("build-packages:{}", config.build_type);
        if config.build_type == "mkosi" {
            key = format!("{key}:{}", config.binary_type);
        }
        config.substitute_of(&key).unwrap_or_else(|| default_substitute(&key))
    }

    fn adds_base_packages(&self) -> bool {
        match self.config.build_type.as_str() {
            "docker" | "mkosi" => false,
            "kiwi" => !self.config.has_flag("kiwi-nobasepackages"),
            _ => true,
        }
    }

    /// The packages of the separate environment of a recipe type; empty if it has none.
    fn system_packages(&self, build_type: &str) -> Vec<&str> {
        let config = self.config;
        let engine = if config.build_engine.is_empty() {
            config.build_flag(&format!("buildengine.{build_type}")).unwrap_or_default()
        } else {
            &config.build_engine
        };
        let mkosi = format!("mkosi:{}", config.binary_type);
        let (key, old_key) = match (engine, build_type) {
            ("mock", "spec") => ("mock", None),
            ("debootstrap", "dsc") => ("debootstrap", None),
            ("podman", "docker") => ("podman", None),
            (_, "kiwi-image") => ("kiwi-image", Some("kiwi-setup:image")),
            (_, "kiwi-product") => ("kiwi-product", Some("kiwi-setup:product")),
            (_, "livebuild" | "productcompose" | "docker" | "fissile" | "deltarpm") => (build_type, None),
            (_, "mkosi") => (mkosi.as_str(), None),
            _ => return Vec::new(),
        };
        let key = format!("system-packages:{key}");
        let configured = |key: &str| config.substitute_of(key).filter(|list| !list.is_empty());
        configured(&key).or_else(|| configured(old_key?)).unwrap_or_else(|| default_substitute(&key))
    }

    /// Substitutes; `system-packages:repo-creation` has a default for each binary type.
    fn substitute_with_defaults<'a>(&'a self, mut items: Vec<&'a str>) -> Vec<&'a str> {
        const KEY: &str = "system-packages:repo-creation";
        let tool = match self.config.binary_type.as_str() {
            "rpm" => "createrepo",
            "deb" => "dpkg-dev",
            "arch" => "pacman",
            "apk" => "apk-tools",
            _ => "",
        };
        if !self.config.substitute.contains_key(KEY) && !tool.is_empty() {
            for item in items.iter_mut().filter(|item| **item == KEY) {
                *item = tool;
            }
        }
        self.config.substitute_all(&items)
    }
}
