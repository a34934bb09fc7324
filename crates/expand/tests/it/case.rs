//! Reads and runs one expansion case: a folder with `config`, `packages`, `request` and the recorded answers.

use std::path::Path;

use expand::meta::{MetaAlgorithm, MetaLine, difference_depth, fingerprint, lines_of_dependency};
use expand::{BuildRequest, ExpandConfig, Expander, Pool, PoolBuilder, Request, WholeRequest, build_order};
use pkg::dep::{Dependency, Rich, satisfies};
use pkg::problem::DependencyProblem;
use pkg::{MultiArch, PackageFormat, PackageMeta, version};
use serde_json::{Value, json};

/// The answers of which reference a case is held against where the two differ.
///
/// Everything that is not listed follows the Perl expander of obs-build.
const FOLLOWS_LIBSOLV: &[&str] = &[
    "c-obsoletes-selfprovide-version",
    "d-cycle",
    "d-depsort",
    "g-ignore-deb-any",
    "g-ignore-rich-or-second",
    "g-ignore-rich-with",
    "n-module-",
    "n-repos-arch-over-noarch",
    "n-unordered-",
    "p-recommend-rich-not-used",
    "p-scoped-first-plain-second",
    "p-two-scoped",
    "r-packageand-request",
    "v-deb-",
    "v-rpm-got-version",
    "v-rpm-gt-release-missing",
    "v-rpm-lt-release-missing",
    "v-rpm-range-provides",
    "v-rpm-tilde",
    "w-recommends-",
    "w-supplements-",
    "z-conflict-derived-",
    "z-or-direct-",
    "z-rich-or-direct-",
    "z-self-require-impossible",
];

/// What became of a case.
pub(crate) enum Outcome {
    /// The answer is the recorded one.
    Passed,
    /// It is not; the text shows both.
    Failed(String),
    /// The case is about something this crate does not do.
    NotOurs,
}

/// The `key: value` lines of a request.
struct RequestFile(Vec<(String, String)>);

impl RequestFile {
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        Self(
            lines
                .map(|line| {
                    let (key, value) = line.split_once(':').unwrap_or((line, ""));
                    (key.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned())
                })
                .collect(),
        )
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn all(&self, key: &str) -> Vec<String> {
        self.0.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect()
    }
}

/// Our answer to a case given as texts; none if it is about something this crate does not do.
pub(crate) fn answer_texts(config: &str, packages: &str, request: &str) -> Option<Value> {
    answer(config, packages, &RequestFile::parse(request))
}

/// Runs the case in `folder`.
///
/// # Errors
/// If a file of the case can not be read.
pub(crate) fn run(folder: &Path) -> std::io::Result<Outcome> {
    let read = |name: &str| match std::fs::read_to_string(folder.join(name)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    };
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let request = RequestFile::parse(&read("request")?);
    let (config_text, packages) = (read("config")?, read("packages")?);
    let expected: Value = serde_json::from_str(&read("expected.json")?)?;
    let libsolv = read("bssolv.json")?;
    let follows_libsolv = FOLLOWS_LIBSOLV.iter().any(|prefix| name.starts_with(prefix)) && !libsolv.is_empty();
    let wanted = if follows_libsolv { serde_json::from_str(&libsolv)? } else { expected };
    let Some(answer) = answer(&config_text, &packages, &request) else {
        return Ok(Outcome::NotOurs);
    };
    let keeps_hints = follows_libsolv;
    let (answer, wanted) = (normalized(answer, keeps_hints), normalized(wanted, true));
    Ok(if answer == wanted { Outcome::Passed } else { Outcome::Failed(format!("  got  {answer}\n  want {wanted}")) })
}

/// Sorts lists whose order is no part of the contract; drops version hints where the reference gives none.
fn normalized(mut value: Value, keeps_hints: bool) -> Value {
    for key in ["first", "second"] {
        if let Some(part) = value.get_mut(key) {
            *part = normalized(part.take(), keeps_hints);
        }
    }
    if let Some(Value::Array(errors)) = value.get_mut("errors") {
        errors.retain(|line| keeps_hints || !line.as_str().is_some_and(|line| line.starts_with("(got version ")));
        for line in errors.iter_mut() {
            if let Value::String(text) = line {
                *text = text.replace(" << ", " < ").replace(" >> ", " > ");
            }
        }
        errors.sort_by_key(ToString::to_string);
    }
    value
}

fn result(packages: Result<Vec<String>, Vec<DependencyProblem>>) -> Value {
    match packages {
        Ok(packages) => json!({"ok": true, "packages": packages}),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().flat_map(DependencyProblem::lines).collect();
            json!({"ok": false, "errors": lines})
        }
    }
}

fn answer(config_text: &str, packages: &str, request: &RequestFile) -> Option<Value> {
    let op = request.get("op").unwrap_or("expand");
    if let Some(value) = text_answer(op, request) {
        return Some(value);
    }
    let mut config = read_config(request.get("arch").unwrap_or("x86_64"), config_text);
    if let Some(build_type) = request.get("type") {
        build_type.clone_into(&mut config.build_type);
    }
    let format = PackageFormat::from_binary_type(&config.binary_type).unwrap_or(PackageFormat::Rpm);
    let load = request.get("load").unwrap_or("intrepo");
    let keeps_paths = load != "intrepo" || !config.file_provides.is_empty() || config.has_flag("keepfilerequires");
    let mut builder = PoolBuilder::new(format).with_modules(config.modules());
    if request.get("unorderedrepos").is_some() {
        builder = builder.with_unordered_repositories();
    }
    let pool = read_packages(builder, packages, keeps_paths);
    let expander = Expander::new(&pool, &config);
    set_answer(op, request, &pool, &config, &expander)
}

/// The operations on texts alone.
fn text_answer(op: &str, request: &RequestFile) -> Option<Value> {
    let arguments = request.all("arg");
    let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
    let format = PackageFormat::from_binary_type(request.get("type").unwrap_or("rpm")).unwrap_or(PackageFormat::Rpm);
    match op {
        "verscmp" if request.get("dtest").is_some() => {
            // The relation of two versions inside dependencies shows in what `=`, `<` and `>` match.
            let matches = |operator: &str| {
                let provided = format!("x = {}", argument(0));
                let required = format!("x {operator} {}", argument(1));
                satisfies(format, &Dependency::parse(&provided), &Dependency::parse(&required))
            };
            let order = i32::from(matches(">")) - i32::from(matches("<"));
            Some(json!({"result": order}))
        }
        "verscmp" => Some(json!({"result": version::compare(format, argument(0), argument(1)) as i8})),
        "match" => {
            let answer = satisfies(format, &Dependency::parse(argument(0)), &Dependency::parse(argument(1)));
            Some(json!({"result": i32::from(answer)}))
        }
        "depsort" | "depsort2" => Some(build_order_answer(request)),
        "genmeta" => {
            let algorithm =
                if request.get("algo") == Some("1") { MetaAlgorithm::DropEqual } else { MetaAlgorithm::Drop };
            let lines = meta_lines(request.all("metaline").into_iter());
            let lines: Vec<String> =
                fingerprint(&request.all("subpack"), lines, algorithm).iter().map(ToString::to_string).collect();
            Some(json!({"meta": lines}))
        }
        "addmeta" => {
            let stored = meta_lines(request.all("metaline").into_iter());
            let lines = lines_of_dependency(request.get("bin").unwrap_or_default(), &stored, request.get("packid"));
            Some(json!({"meta": lines.iter().map(ToString::to_string).collect::<Vec<_>>()}))
        }
        "diffdepth" => {
            let of = |side: &str| {
                meta_lines(request.all("line").iter().filter_map(|line| Some(line.strip_prefix(side)?.to_owned())))
            };
            Some(json!({"depth": difference_depth(&of("1 "), &of("2 "))}))
        }
        _ => None,
    }
}

fn set_answer(
    op: &str,
    request: &RequestFile,
    pool: &Pool,
    config: &ExpandConfig,
    expander: &Expander<'_>,
) -> Option<Value> {
    let build = BuildRequest { dependencies: request.all("dep"), own_binaries: request.all("subpack") };
    let names = |packages: Vec<expand::PackageId>| -> Vec<String> {
        let mut names: Vec<String> = packages.into_iter().map(|package| pool.name(package).to_owned()).collect();
        names.sort();
        names
    };
    Some(match op {
        "expand" if request.get("extractnative").is_some() => {
            match expander.expand_cross(&Request::parse(&build.dependencies)) {
                Ok(found) => json!({"ok": true, "packages": names(found.packages), "native": found.native}),
                Err(problems) => result(Err(problems)),
            }
        }
        "expand" => result(expander.expand(&Request::parse(&build.dependencies)).map(names)),
        "expand2" => {
            let (first, second) = build.dependencies.split_at(build.dependencies.iter().position(|dep| dep == "--")?);
            json!({
                "first": result(expander.expand(&Request::parse(first)).map(names)),
                "second": result(expander.expand(&Request::parse(&second[1..])).map(names)),
            })
        }
        "get_build" => result(expander.build_set(&build).map(names)),
        "get_deps" => result(expander.trigger_set(&build).map(names)),
        "whole_set" => whole_set(build, request, pool, expander),
        "get_sysroot" => match expander.sysroot(&build) {
            Ok(found) => json!({"ok": true, "packages": names(found.packages), "native": found.native}),
            Err(problems) => result(Err(problems)),
        },
        "get_sysbuild" => {
            let build_type = request.get("buildtype").unwrap_or_default();
            match expander.sysbuild_set(build_type, &request.all("extradep")) {
                Ok(None) => json!({"none": true}),
                Ok(Some(packages)) => result(Ok(names(packages))),
                Err(problems) => result(Err(problems)),
            }
        }
        "preinstalls" => match expander.preinstalls() {
            Ok(lists) => json!({
                "ok": true,
                "preinstall": lists.preinstall,
                "vminstall": lists.vm_install,
                "runscripts": lists.run_scripts,
            }),
            Err(problem) => result(Err(vec![problem])),
        },
        "substitute" => json!({"deps": config.substitute(&build.dependencies)}),
        "parserich" => {
            let rich = Rich::parse(request.get("arg").unwrap_or_default());
            json!({
                "tree": rich.as_ref().map(tree),
                "testcase": rich.as_ref().map(|rich| testcase(rich, false)),
            })
        }
        "order" => {
            let packages: Vec<_> = request.all("pack").iter().filter_map(|name| pool.find(name)).collect();
            let order = expander.install_order(&packages);
            let name = |package| pool.name(package).to_owned();
            let log: Vec<String> = order
                .broken
                .iter()
                .flat_map(|cycle| {
                    let members: Vec<&str> = cycle.members.iter().map(|package| pool.name(*package)).collect();
                    let (from, to) = cycle.broken;
                    [
                        format!("cycle: {}", members.join(" -> ")),
                        format!("breaking dependency {} -> {}", pool.name(from), pool.name(to)),
                    ]
                })
                .collect();
            json!({"order": order.order.into_iter().map(name).collect::<Vec<_>>(), "log": log})
        }
        _ => return None,
    })
}

fn whole_set(build: BuildRequest, request: &RequestFile, pool: &Pool, expander: &Expander<'_>) -> Value {
    let whole = WholeRequest {
        build,
        build_type: request.get("buildtype").unwrap_or_default().to_owned(),
        services: request.all("service"),
        is_vm: request.get("vm").is_some(),
    };
    let names = |packages: Vec<expand::PackageId>| packages.into_iter().map(|id| pool.name(id)).collect::<Vec<_>>();
    match expander.whole_set(&whole) {
        Ok(set) if !set.missing.is_empty() => {
            json!({"ok": false, "errors": [format!("missing pre/vminstalls: {}", set.missing.join(", "))]})
        }
        Ok(set) => json!({
            "ok": true,
            "packages": names(set.packages),
            "installonly": names(set.install_only),
            "noinstall": names(set.no_install),
        }),
        Err(problems) => result(Err(problems)),
    }
}

/// The build order of the packages of a request, with or without a detour over source names.
fn build_order_answer(request: &RequestFile) -> Value {
    let packages = request.all("pack");
    let pairs = |key: &str| -> Vec<(String, String)> {
        let lines = request.all(key);
        let split = |line: &String| line.split_once(' ').map(|(one, other)| (one.to_owned(), other.to_owned()));
        lines.iter().filter_map(split).collect()
    };
    let (sources, of_binaries) = (pairs("src"), pairs("map"));
    let source_of = |package: &String| {
        sources.iter().find(|(name, _)| name == package).map_or(package.clone(), |(_, source)| source.clone())
    };
    let needs: Vec<Vec<u32>> = packages
        .iter()
        .map(|package| {
            let edges = pairs("edge").into_iter().filter(|(from, _)| from == package);
            let binaries: Vec<String> = edges
                .flat_map(|(_, to)| to.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
                .map(|binary| of_binaries.iter().find(|(name, _)| *name == binary).map_or(binary, |(_, s)| s.clone()))
                .collect();
            let provides = |source: &String| -> Vec<u32> {
                (0_u32..).zip(&packages).filter(|(_, p)| source_of(p) == *source).map(|(index, _)| index).collect()
            };
            binaries.iter().flat_map(provides).collect()
        })
        .collect();
    let order = build_order(&needs);
    let names = |list: &[u32]| list.iter().map(|index| packages[*index as usize].clone()).collect::<Vec<_>>();
    json!({
        "order": names(&order.order),
        "cycles": order.cycles.iter().map(|cycle| names(cycle)).collect::<Vec<_>>(),
        "sccs": order.groups.iter().map(|group| names(group)).collect::<Vec<_>>(),
    })
}

fn meta_lines(texts: impl Iterator<Item = String>) -> Vec<MetaLine> {
    texts.filter_map(|text| MetaLine::parse(&text)).collect()
}

/// The tree as nested lists, chains nested to the right.
fn tree(rich: &Rich) -> Value {
    let chain = |operator: i32, terms: &[Rich]| {
        let mut terms = terms.iter().rev().map(tree);
        let last = terms.next().unwrap_or(Value::Null);
        terms.fold(last, |behind, term| json!([operator, term, behind]))
    };
    let condition = |operator: i32, then: &Rich, condition: &Rich, otherwise: &Option<Box<Rich>>| match otherwise {
        Some(otherwise) => json!([operator, tree(then), tree(condition), tree(otherwise)]),
        None => json!([operator, tree(then), tree(condition)]),
    };
    match rich {
        Rich::Atom(text) => json!([0, text]),
        Rich::And(terms) => chain(1, terms),
        Rich::Or(terms) => chain(2, terms),
        Rich::With(terms) => chain(6, terms),
        Rich::Without(one, other) => json!([7, tree(one), tree(other)]),
        Rich::If { then, condition: test, otherwise } => condition(3, then, test, otherwise),
        Rich::Unless { then, condition: test, otherwise } => condition(4, then, test, otherwise),
    }
}

/// libsolv's notation for rich dependencies.
fn testcase(rich: &Rich, in_parentheses: bool) -> String {
    let join = |terms: &[Rich], operator: &str| {
        terms.iter().map(|term| testcase(term, true)).collect::<Vec<_>>().join(operator)
    };
    let condition = |operator: &str, then: &Rich, test: &Rich, otherwise: &Option<Box<Rich>>| {
        let first = format!("{} {operator} {}", testcase(then, true), testcase(test, true));
        otherwise.as_ref().map_or(first.clone(), |rich| format!("{first} <ELSE> {}", testcase(rich, true)))
    };
    let text = match rich {
        Rich::Atom(text) => return text.clone(),
        Rich::And(terms) => join(terms, " & "),
        Rich::Or(terms) => join(terms, " | "),
        Rich::With(terms) => join(terms, " + "),
        Rich::Without(one, other) => format!("{} - {}", testcase(one, true), testcase(other, true)),
        Rich::If { then, condition: test, otherwise } => condition("<IF>", then, test, otherwise),
        Rich::Unless { then, condition: test, otherwise } => condition("<UNLESS>", then, test, otherwise),
    };
    if in_parentheses { format!("({text})") } else { text }
}

/// Reads the `packages` file; without `keeps_paths`, everything starting with `/` is dropped from all lists.
fn read_packages(mut builder: PoolBuilder, text: &str, keeps_paths: bool) -> Pool {
    let mut repository = 0;
    let mut package: Option<PackageMeta> = None;
    let mut modules = Vec::new();
    let mut has_repository = false;
    let keeps = |dep: &str| keeps_paths || !dep.starts_with('/');
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, value) = line.split_once(' ').map_or((line, ""), |(key, value)| (key, value.trim()));
        if matches!(key, "package" | "repo")
            && let Some(package) = package.take()
        {
            builder.add_module_package(repository, &package, &std::mem::take(&mut modules));
        }
        if key == "repo" {
            repository += u16::from(has_repository);
            let priority =
                value.split_whitespace().nth(1).map_or(0, |number| number.parse().expect("a priority is a number"));
            builder = builder.with_repository_priority(repository, priority);
            has_repository = true;
            continue;
        }
        if key == "package" {
            has_repository = true;
            package = Some(new_package(value));
            continue;
        }
        let Some(package) = &mut package else { continue };
        let list = match key {
            "noself" => {
                package.provides.clear();
                continue;
            }
            "multiarch" => {
                package.multi_arch = match value {
                    "foreign" => MultiArch::Foreign,
                    "allowed" => MultiArch::Allowed,
                    _ => MultiArch::Same,
                };
                continue;
            }
            "modules" => {
                modules = value.split_whitespace().map(str::to_owned).collect();
                continue;
            }
            "source" => {
                package.source = Some(value.to_owned());
                continue;
            }
            "provides" => &mut package.provides,
            "requires" => &mut package.requires,
            "conflicts" => &mut package.conflicts,
            "obsoletes" => &mut package.obsoletes,
            "recommends" => &mut package.recommends,
            "supplements" => &mut package.supplements,
            _ => continue,
        };
        if keeps(value) {
            list.push(value.to_owned());
        }
    }
    if let Some(package) = package {
        builder.add_module_package(repository, &package, &modules);
    }
    builder.finish()
}

fn new_package(words: &str) -> PackageMeta {
    let mut words = words.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    let evr = words.next().filter(|evr| *evr != "-").unwrap_or_default().to_owned();
    let own = if evr.is_empty() { name.clone() } else { format!("{name} = {evr}") };
    PackageMeta {
        name,
        evr,
        arch: words.next().unwrap_or("noarch").to_owned(),
        provides: vec![own],
        ..PackageMeta::default()
    }
}

/// Evaluates a build configuration for an architecture.
pub(crate) fn read_config(arch: &str, text: &str) -> ExpandConfig {
    let tree = prjconf::parse(text.as_bytes());
    ExpandConfig::from(&prjconf::evaluate(&tree, &prjconf::Options::for_arch(arch)).config)
}
