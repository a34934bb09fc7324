use std::collections::BTreeMap;

use model::{JobFile, ScriptStep, SourceJob, SourceScript};
use pkg::PackageFormat;
use recipe::special::Service;

/// The programs that services are put together from.
mod programs {
    pub(super) const COMMON: &str = include_str!("scripts/common.sh");
    pub(super) const BEGIN: &str = include_str!("scripts/begin.sh");
    pub(super) const CHECKOUT: &str = include_str!("scripts/checkout.sh");
    pub(super) const TAR: &str = include_str!("scripts/tar.sh");
    pub(super) const SET_VERSION: &str = include_str!("scripts/set_version.sh");
    pub(super) const RECOMPRESS: &str = include_str!("scripts/recompress.sh");
    pub(super) const DOWNLOAD: &str = include_str!("scripts/download.sh");
}

/// The first thing in services that this server can not do.
pub(crate) fn problem_of(services: &[Service]) -> Option<String> {
    services.iter().find_map(Service::problem)
}

/// The job that runs services on files; `downloads` are names and addresses that recipes name.
pub(super) fn compose(
    services: &[Service],
    (package, files): (&str, Vec<JobFile>),
    downloads: &[(String, String)],
    format: PackageFormat,
) -> SourceJob {
    let mut packages: Vec<String> = Vec::new();
    let mut script = SourceScript { steps: vec![step("begin", 0, programs::BEGIN)], variables: BTreeMap::new() };
    for (service, number) in services.iter().zip(1..) {
        let (program, tools) = program(service, format);
        packages.extend(
            tools
                .iter()
                .filter(|tool| !packages.contains(&(**tool).to_owned()))
                .map(|tool| (*tool).to_owned())
                .collect::<Vec<_>>(),
        );
        script.steps.push(step(&format!("{}-{number}", service.name), number, program));
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in &service.parameters {
            let known = values.entry(variable(number, key)).or_default();
            // A name that is there again is one more line.
            if !known.is_empty() {
                known.push('\n');
            }
            known.push_str(value);
        }
        values.insert(variable(number, "NAME"), service.name.clone());
        if service.name == "download_files" {
            let lines: Vec<String> = downloads.iter().map(|(name, url)| format!("{name} {url}")).collect();
            values.insert(variable(number, "urls"), lines.join("\n"));
        }
        script.variables.extend(values);
    }
    script.variables.insert("KILN_NAME".to_owned(), package.to_owned());
    SourceJob { packages, files, script, ..SourceJob::default() }
}

fn variable(number: usize, name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("S{number}_{name}")
}

fn step(name: &str, number: usize, program: &str) -> ScriptStep {
    ScriptStep { name: name.to_owned(), text: format!("#!/bin/sh\nSERVICE={number}\n{}{program}", programs::COMMON) }
}

/// What runs a service, and the packages it needs.
fn program(service: &Service, format: PackageFormat) -> (&'static str, &'static [&'static str]) {
    let is_deb = format == PackageFormat::Deb;
    match service.name.as_str() {
        "obs_scm" | "tar_scm" if is_deb => (programs::CHECKOUT, &["git", "ca-certificates", "cpio", "tar"]),
        "obs_scm" | "tar_scm" => {
            (programs::CHECKOUT, &["git-core", "ca-certificates", "cpio", "tar", "findutils", "sed"])
        }
        "tar" => (programs::TAR, &["cpio", "tar"]),
        "recompress" if is_deb => (programs::RECOMPRESS, &["xz-utils", "bzip2", "gzip", "zstd"]),
        "recompress" => (programs::RECOMPRESS, &["xz", "bzip2", "gzip", "zstd", "findutils"]),
        "set_version" if is_deb => (programs::SET_VERSION, &["sed", "diffutils"]),
        "set_version" => (programs::SET_VERSION, &["sed", "diffutils", "coreutils"]),
        _ => (programs::DOWNLOAD, &["curl", "ca-certificates"]),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use recipe::special::services;

    use super::*;

    /// Runs what was put together for a package with some files; gives the results by name.
    fn run(text: &str, files: &[(&str, &str)]) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let services = services(format!("<services>{text}</services>").as_bytes()).unwrap();
        let job = compose(&services, ("hello", Vec::new()), &[], PackageFormat::Deb);
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        ["input", "work", "result"].iter().for_each(|name| std::fs::create_dir(place(name)).unwrap());
        for (name, content) in files {
            std::fs::write(place("input").join(name), content).unwrap();
        }
        for step in &job.script.steps {
            let program = place("step");
            std::fs::write(&program, &step.text).unwrap();
            let output = Command::new("/bin/sh")
                .arg(&program)
                .current_dir(place("work"))
                .env("INPUT", place("input"))
                .env("RESULT", place("result"))
                .envs(&job.script.variables)
                .output()
                .unwrap();
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned());
            }
        }
        let entries = std::fs::read_dir(place("result")).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        Ok(entries.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect())
    }

    fn has(program: &str) -> bool {
        Command::new("sh").args(["-c", &format!("command -v {program}")]).output().is_ok_and(|out| out.status.success())
    }

    /// A repository with one commit that is tagged `v1.2`.
    fn repository(folder: &Path) -> String {
        let folder = folder.join("hello.git");
        std::fs::create_dir(&folder).unwrap();
        let script = "git init -q . && git config user.email a@example.org && git config user.name a && mkdir sub \
                      && echo hi > hello.txt && echo x > sub/x.c && echo y > sub/y.h && git add . && git commit -qm a \
                      && git tag v1.2 && echo more >> hello.txt && git commit -qam b";
        let made = Command::new("sh").args(["-c", script]).current_dir(&folder).status().unwrap();
        assert!(made.success());
        format!("file://{}", folder.display())
    }

    #[test]
    fn a_checkout_becomes_an_archive_with_a_version_that_recipes_get() {
        if !["git", "cpio", "xz"].into_iter().all(has) {
            eprintln!("skipped: git, cpio or xz is not installed");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let url = repository(folder.path());
        let scm = format!(
            "<service name='obs_scm'><param name='url'>{url}</param><param name='filename'>hello</param>\
             <param name='versionformat'>@PARENT_TAG@+@TAG_OFFSET@</param>\
             <param name='versionrewrite-pattern'>v(.*)</param><param name='versionrewrite-replacement'>\\1</param>\
             <param name='exclude'>*.h</param><param name='extract'>sub/x.c</param></service>\
             <service name='tar' mode='buildtime'/><service name='recompress' mode='buildtime'>\
             <param name='file'>*.tar</param><param name='compression'>xz</param></service><service name='set_version'/>"
        );
        let made = run(&scm, &[("hello.spec", "Name: hello\nVersion: 0\n# Version: 0\n")]).unwrap();
        let names: Vec<&str> = made.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "_service:obs_scm:hello.obsinfo",
                "_service:obs_scm:x.c",
                "_service:recompress:hello-1.2+1.tar.xz",
                "_service:set_version:hello.spec"
            ]
        );
        assert_eq!(made["_service:set_version:hello.spec"], b"Name: hello\nVersion: 1.2+1\n# Version: 0\n");
        let archive = folder.path().join("a.tar.xz");
        std::fs::write(&archive, &made["_service:recompress:hello-1.2+1.tar.xz"]).unwrap();
        let list = Command::new("tar").arg("-tf").arg(&archive).output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        assert!(list.contains("hello-1.2+1/sub/x.c") && !list.contains("y.h") && !list.contains(".git"), "{list}");
    }

    #[test]
    fn what_is_not_there_is_said_and_nothing_leaves_its_folder() {
        if !has("git") {
            eprintln!("skipped: git is not installed");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let url = repository(folder.path());
        let scm = |more: &str| format!("<service name='tar_scm'><param name='url'>{url}</param>{more}</service>");
        let refused = |text: &str| run(text, &[("a.spec", "")]).unwrap_err();
        assert!(refused(&scm("<param name='revision'>nosuch</param>")).contains("kiln: "));
        assert!(refused(&scm("<param name='subdir'>nosuch</param>")).contains("has no folder nosuch"));
        assert!(refused(&scm("<param name='filename'>../../evil</param>")).contains("no name of an archive"));
        assert!(
            refused("<service name='tar_scm'><param name='url'>--upload-pack=evil</param></service>")
                .contains("can not be cloned")
        );
        assert!(
            refused("<service name='tar_scm'><param name='url'>ext::sh -c evil</param></service>")
                .contains("can not be cloned")
        );
        assert!(refused("<service name='set_version'/>").contains("no version was given"));
        assert!(
            refused("<service name='recompress'><param name='file'>*.tar</param></service>").contains("no file called")
        );
        let made = run(&scm("<param name='version'>$(touch evil);1</param>"), &[]).unwrap();
        assert!(made.contains_key("_service:tar_scm:hello-touchevil1.tar"), "{:?}", made.keys());
    }

    #[test]
    fn parameters_come_in_through_variables_only() {
        let text = "<services><service name='tar_scm'><param name='url'>$(evil)</param><param name='exclude'>a</param>\
                    <param name='exclude'>b</param></service><service name='download_files'/></services>";
        let downloads = [("a.tar".to_owned(), "http://example.org/a.tar".to_owned())];
        let job = compose(&services(text.as_bytes()).unwrap(), ("hello", Vec::new()), &downloads, PackageFormat::Rpm);
        assert!(job.script.steps.iter().all(|step| !step.text.contains("evil")));
        let variables = &job.script.variables;
        assert_eq!((variables["S1_url"].as_str(), variables["S1_exclude"].as_str()), ("$(evil)", "a\nb"));
        assert_eq!(variables["S2_urls"], "a.tar http://example.org/a.tar");
        assert!(job.packages.contains(&"git-core".to_owned()) && job.packages.contains(&"curl".to_owned()));
    }
}
