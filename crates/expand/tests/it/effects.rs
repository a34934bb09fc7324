//! Small worlds that show what a keyword of the build configuration does: one text file each.

use expand::{BuildRequest, Expander, Pool, PoolBuilder, Request};
use pkg::problem::DependencyProblem;
use pkg::{PackageFormat, PackageMeta};

use super::case::read_config;

/// A part of the file, from its `--- title` line to the next one.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let Some(start) = text.find(&format!("--- {title}")) else { return "" };
    let body = &text[start..];
    let body = &body[body.find('\n').map_or(body.len(), |end| end + 1)..];
    body.find("\n--- ").map_or(body, |end| &body[..end])
}

fn words(text: &str, separators: &[char]) -> Vec<String> {
    text.split(separators).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// `name: requires ; provides ; conflicts ; recommends ; supplements`, lists separated by commas.
fn pool(text: &str) -> Pool {
    let mut builder = PoolBuilder::new(PackageFormat::Rpm);
    for (name, rest) in text.lines().filter_map(|line| line.split_once(':')) {
        let lists: Vec<Vec<String>> = rest.split(';').map(|list| words(list, &[','])).collect();
        let list = |index: usize| lists.get(index).cloned().unwrap_or_default();
        let mut provides = vec![format!("{name} = 1-1")];
        provides.extend(list(1));
        builder.add_repository_package(
            0,
            &PackageMeta {
                name: name.to_owned(),
                evr: "1-1".to_owned(),
                arch: "noarch".to_owned(),
                provides,
                requires: list(0),
                conflicts: list(2),
                recommends: list(3),
                supplements: list(4),
                ..PackageMeta::default()
            },
        );
    }
    builder.finish()
}

/// One answer in the notation of the files; none for calls this crate has nothing to do with.
fn answer(call: &str, pool: &Pool, expander: &Expander<'_>) -> Option<String> {
    let (name, rest) = call.split_once(' ').unwrap_or((call, ""));
    let (own_binaries, items) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((own, items)) => (words(own, &[' ']), items),
        None => (Vec::new(), rest),
    };
    let request = BuildRequest { dependencies: words(items, &[' ']), own_binaries };
    let names = |packages: Vec<expand::PackageId>| -> Vec<String> {
        let mut names: Vec<String> = packages.into_iter().map(|package| pool.name(package).to_owned()).collect();
        names.sort();
        names
    };
    let joined = |answer: Result<Vec<expand::PackageId>, Vec<DependencyProblem>>| match answer {
        Ok(packages) => [vec!["1".to_owned()], names(packages)].concat().join(" | "),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().flat_map(DependencyProblem::lines).collect();
            [vec!["undef".to_owned()], lines].concat().join(" | ")
        }
    };
    Some(match name {
        "expand" => joined(expander.expand(&Request::parse(&request.dependencies))),
        "get_build" => joined(expander.build_set(&request)),
        "get_deps" => joined(expander.trigger_set(&request)),
        "get_sysbuild" => match expander.sysbuild_set(items.trim(), &[]) {
            Ok(None) => String::new(),
            Ok(Some(packages)) => joined(Ok(packages)),
            Err(problems) => joined(Err(problems)),
        },
        "order" => {
            let packages: Vec<_> = request.dependencies.iter().filter_map(|name| pool.find(name)).collect();
            let order = expander.install_order(&packages).order;
            order.into_iter().map(|package| pool.name(package).to_owned()).collect::<Vec<_>>().join(" | ")
        }
        "expandpreinstalls" => match expander.preinstalls() {
            Ok(lists) => {
                let all = std::iter::once("pre:".to_owned()).chain(lists.preinstall.clone());
                let all = all.chain(["vm:".to_owned()]).chain(lists.vm_install.clone());
                all.collect::<Vec<_>>().join(" | ")
            }
            Err(problem) => problem.to_string(),
        },
        _ => return None,
    })
}

/// Runs the calls of one file; gives how many were answered as recorded and a text about each that was not.
pub(crate) fn run(text: &str) -> (usize, Vec<String>) {
    let config = read_config("x86_64", section(text, "config"));
    let pool = pool(section(text, "repository"));
    let expander = Expander::new(&pool, &config);
    let (mut passed, mut failed) = (0, Vec::new());
    let calls: Vec<&str> = section(text, "calls").lines().collect();
    for pair in calls.chunks(2) {
        let [call, wanted] = pair else { continue };
        // The call that expands the preinstalls also returns an empty error text.
        let wanted = wanted.trim().trim_start_matches("=>").trim().trim_start_matches("'' | ");
        match answer(call.trim(), &pool, &expander) {
            None => {}
            Some(answer) if answer == wanted => passed += 1,
            Some(answer) => failed.push(format!("{call}\n  got  {answer}\n  want {wanted}")),
        }
    }
    (passed, failed)
}
