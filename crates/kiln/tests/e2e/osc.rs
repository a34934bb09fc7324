//! Open Build Service's client against a real server: each test is a line of what must work with it.

use std::process::Stdio;
use std::time::Duration;

use crate::osc_kit::{Ended, Osc, World, clients};

#[test]
fn a_configuration_is_kept_byte_for_byte_with_its_history() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        assert_eq!(osc.ok(&["meta", "prjconf", project]).trim(), "");
        for text in ["# é ü\nPrefer: a\n", "Prefer: b"] {
            let file = osc.write("prjconf", text);
            osc.ok(&["meta", "prjconf", project, "-F", &file, "-m", "my message é"]);
            assert_eq!(osc.ok(&["meta", "prjconf", project]).trim_end(), text.trim_end());
            assert_eq!(osc.ok(&["api", &format!("/source/{project}/_config")]).trim_end_matches('\n'), text.trim_end());
        }
        assert!(osc.ok(&["meta", "prjconf", "-r", "1", project]).contains("# é ü"));
        let history = osc.ok(&["api", &format!("/source/{project}/_project/_history")]);
        assert!(history.contains("my message é") && history.contains("<user>admin</user>"), "{history}");
    });
}

#[test]
fn a_configuration_with_an_error_is_refused_with_its_line_and_warnings_are_kept() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let bad = osc.write("bad", "Prefer: a\n%if (\nPrefer: b\n");
        let ended = osc.run(&["meta", "prjconf", project, "-F", &bad]);
        assert!(ended.code == 1 && ended.all().contains(&format!("{project}, line 2: ")), "{}", ended.all());
        assert_eq!(osc.ok(&["meta", "prjconf", project]).trim(), "");
        let odd = osc.write("odd", "Nonsense: x\n");
        osc.ok(&["meta", "prjconf", project, "-F", &odd]);
        assert!(osc.ok(&["meta", "prjconf", project]).contains("Nonsense"));
    });
}

#[test]
fn an_edited_configuration_is_sent_only_if_it_changed_and_offered_again_if_it_is_refused() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let shown = Ended::of(osc.command("", &["meta", "prjconf", "-e", project]).output().unwrap());
        assert!(shown.code == 0 && shown.all().contains("File unchanged. Not saving."), "{}", shown.all());
        let editor = osc.write("editor", "#!/bin/sh\necho '%if (' >> \"$1\"\n");
        let chmod = std::process::Command::new("chmod").args(["+x", &editor]).status().unwrap();
        assert!(chmod.success());
        let shown = osc.command("", &["meta", "prjconf", "-e", project]).env("EDITOR", &editor).output().unwrap();
        let shown = Ended::of(shown);
        assert!(shown.all().contains("Try again?") && shown.all().contains("line 1: "), "{}", shown.all());
        assert_eq!(osc.ok(&["meta", "prjconf", project]).trim(), "");
    });
}

#[test]
fn what_is_not_there_is_said_with_its_name() {
    World::start().with_each(|osc| {
        let file = osc.write("prjconf", "Prefer: a\n");
        let ended = osc.run(&["meta", "prjconf", "home:admin:nosuch", "-F", &file]);
        assert!(ended.code == 1 && ended.all().contains("there is no project home:admin:nosuch"), "{}", ended.all());
        let ended = osc.run(&["api", "-X", "POST", &format!("/source/{}?cmd=freezelink", osc.project)]);
        assert!(ended.code == 1 && ended.all().contains("cmd=freezelink of a project"), "{}", ended.all());
    });
}

#[test]
fn projects_and_packages_are_described_with_comments_and_foreign_line_ends() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let text = osc.ok(&["meta", "prj", project]).replace("<title></title>", "<title>A &amp; B</title><!-- c -->");
        let text =
            text.replace("</project>", "<build><disable arch=\"i586\"/></build></project>").replace('\n', "\r\n");
        let file = osc.write("prj", text);
        osc.ok(&["meta", "prj", project, "-F", &file]);
        let shown = osc.ok(&["meta", "prj", project]);
        for part in
            ["A &amp; B", "userid=\"admin\" role=\"maintainer\"", "<disable arch=\"i586\"/>", "<arch>x86_64</arch>"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let file = osc
            .write("pkg", "<package name=\"words\"><!-- c -->\r\n<title>T</title>\r\n<description/>\r\n</package>\r\n");
        osc.ok(&["meta", "pkg", project, "words", "-F", &file]);
        let shown = osc.ok(&["meta", "pkg", project, "words"]);
        assert!(shown.contains(&format!("project=\"{project}\"")) && shown.contains("<title>T</title>"), "{shown}");
        assert!(osc.ok(&["repos", project]).contains("x86_64"));
        assert!(osc.ok(&["ls"]).contains(project) && osc.ok(&["ls", project]).contains("words"));
        // All or nothing: the title before the bad element is not kept.
        let bad = osc.write(
            "bad",
            format!("<project name=\"{project}\"><title>Z</title><description/><link project=\"x\"/></project>"),
        );
        let ended = osc.run(&["meta", "prj", project, "-F", &bad]);
        assert!(ended.code == 1 && ended.all().contains("<link> in _meta"), "{}", ended.all());
        assert!(osc.ok(&["meta", "prj", project]).contains("A &amp; B"));
        osc.ok(&["rdelete", "-f", "-m", "bye", project, "words"]);
        assert!(!osc.ok(&["ls", project]).contains("words"));
        osc.ok(&["rdelete", "-rf", "-m", "bye", project]);
        assert!(!osc.ok(&["ls"]).lines().any(|line| line == project));
    });
}

#[test]
fn commits_carry_only_what_changed_and_the_log_shows_them() {
    World::start().with_each(|osc| {
        let folder = osc.commit("hello");
        osc.write(&format!("{folder}/notes.txt"), "one\n");
        osc.ok_in(&folder, &["add", "notes.txt"]);
        let sent = osc.ok_in(&folder, &["ci", "-m", "second"]);
        assert!(sent.contains("notes.txt") && !sent.contains("content.tar"), "{sent}");
        osc.ok(&["co", "-o", "other", &osc.project, "hello"]);
        osc.ok_in(&folder, &["rm", "notes.txt"]);
        osc.ok_in(&folder, &["ci", "-m", "third"]);
        let log = osc.ok_in(&folder, &["log"]);
        for part in ["r3 | admin", "r2 | admin", "r1 | admin", "first", "third"] {
            assert!(log.contains(part), "{part}: {log}");
        }
        // An outdated checkout must be brought up to date first.
        osc.write("other/content.tar", "changed");
        let refused = osc.run_in("other", &["ci", "-m", "conflict"]);
        assert!(refused.code != 0 && refused.all().contains("update"), "{}", refused.all());
        osc.write("other/content.tar", "content");
        osc.ok_in("other", &["up"]);
        assert!(!osc.home.join("other/notes.txt").exists());
        assert!(osc.ok(&["cat", &osc.project, "hello", "content.tar"]).contains("content"));
        osc.ok_in(&osc.project, &["up"]);
    });
}

#[test]
fn checkouts_of_any_size_have_every_file() {
    World::start().with_each(|osc| {
        osc.ok(&["co", &osc.project]);
        let project = osc.project.clone();
        osc.ok_in(&project, &["mkpac", "odd"]);
        osc.ok_in(&project, &["mkpac", "plain"]);
        let names = ["empty", "with blank.txt", "a+b%41.txt", "ü.txt"];
        for name in names {
            osc.write(&format!("{project}/odd/{name}"), if name == "empty" { "" } else { name });
            osc.ok_in(&format!("{project}/odd"), &["add", name]);
        }
        osc.ok_in(&format!("{project}/odd"), &["ci", "-m", "names"]);
        osc.ok_in(&format!("{project}/plain"), &["ci", "-m", "nothing"]);
        std::fs::remove_dir_all(osc.home.join(&project)).unwrap();
        osc.ok(&["co", &project]);
        for name in names {
            let found = std::fs::read_to_string(osc.home.join(&project).join("odd").join(name)).unwrap();
            assert_eq!(found, if name == "empty" { "" } else { name });
        }
    });
}

#[test]
fn a_commit_becomes_a_build_that_every_interface_shows() {
    World::start().with_each(|osc| {
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        let shown = osc.ok(&["results", "-v", &osc.project, "hello"]);
        assert!(shown.contains("main") && shown.contains("x86_64"), "{shown}");
        assert!(osc.ok(&["results", "--csv", &osc.project, "hello"]).contains("succeeded"));
        assert!(osc.ok(&["results", "--xml", &osc.project, "hello"]).contains("code=\"succeeded\""));
        assert!(osc.ok(&["prjresults", &osc.project]).contains('.'));
        for path in ["/api_2/builds?limit=100", "/api/kiln/v1/builds"] {
            let builds = osc.server().url_until_found(path);
            assert!(builds.contains("hello") && builds.contains("succeeded"), "{path}: {builds}");
        }
        assert!(osc.server().url_until_found(&format!("/projects/{}", osc.project)).contains("hello"));
    });
}

#[test]
fn watching_results_ends_with_the_build_and_asks_seldom() {
    World::start().with_each(|osc| {
        osc.commit("slow-hello");
        let shown = osc.ok(&["results", "-w", &osc.project, "slow-hello"]);
        assert!(shown.contains("succeeded"), "{shown}");
        let lines = shown.lines().filter(|line| line.contains("slow-hello")).count();
        assert!(lines < 20, "{shown}");
    });
}

/// Words by which each client asks for a log.
fn log_command<'a>(osc: &'a Osc<'_>, package: &'a str) -> [&'a str; 5] {
    let word = if osc.client.name == "debian" { "remotebuildlog" } else { "buildlog" };
    [word, &osc.project, package, "main", "x86_64"]
}

#[test]
fn a_log_is_followed_to_its_end_and_shown_afterwards() {
    World::start().with_each(|osc| {
        osc.commit("slow-hello");
        let begun = std::time::Instant::now();
        // The log begins when a worker has the build.
        while osc.run(&log_command(osc, "slow-hello")).code != 0 {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(200));
        }
        let shown = osc.ok(&log_command(osc, "slow-hello"));
        assert!(shown.contains("a small package at once"), "{shown}");
        assert!(osc.ok(&["results", &osc.project, "slow-hello"]).contains("succeeded"));
        let file = osc.write("pkg", "<package name=\"never\"><title/><description/></package>");
        osc.ok(&["meta", "pkg", &osc.project, "never", "-F", &file]);
        let ended = osc.run(&log_command(osc, "never"));
        assert!(ended.code == 1 && ended.all().contains("package 'never' has no logfile"), "{}", ended.all());
    });
}

#[test]
fn builds_are_repeated_stopped_and_wiped() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        assert!(osc.ok(&["rebuild", project, "hello", "main", "x86_64"]).contains("ok"));
        osc.wait_for("hello", "succeeded");
        let history = osc.ok(&["jobhist", project, "main", "x86_64"]);
        assert!(history.matches("succeeded").count() >= 1, "{history}");
        osc.ok(&["buildhist", project, "hello", "main", "x86_64"]);
        osc.ok(&["triggerreason", project, "hello", "main", "x86_64"]);
        osc.commit("wait-hello");
        osc.wait_for("wait-hello", "building");
        assert!(osc.ok(&["abortbuild", project, "wait-hello"]).contains("ok"));
        osc.wait_for("wait-hello", "failed");
        osc.ok(&["restartbuild", project, "wait-hello"]);
        osc.wait_for("wait-hello", "building");
        osc.ok(&["abortbuild", project, "wait-hello"]);
        assert!(osc.ok(&["wipebinaries", "--all", project]).contains("ok"));
        osc.wait_for("hello", "succeeded");
        osc.ok(&["abortbuild", project, "wait-hello"]);
        let ended = osc.run(&["rebuild", project, "nosuch"]);
        assert!(ended.code == 1 && ended.all().contains("unknown package 'nosuch'"), "{}", ended.all());
    });
}

#[test]
fn results_are_listed_and_downloaded_once() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        assert!(osc.ok(&["ls", "-b", project, "hello", "main", "x86_64"]).contains("hello_1.0-1_amd64.deb"));
        assert!(osc.ok(&["ls", "-b", project]).contains("hello_1.0-1_amd64.deb"));
        osc.ok(&["getbinaries", "-d", "all", project, "hello", "main", "x86_64"]);
        let file = osc.home.join("all/hello_1.0-1_amd64.deb");
        let before = std::fs::metadata(&file).unwrap().modified().unwrap();
        let again = osc.ok(&["getbinaries", "-d", "all", project, "main", "x86_64"]);
        assert!(!again.contains("failed"), "{again}");
        assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), before);
    });
}

#[test]
fn the_merged_configuration_and_the_root_of_a_build_are_shown() {
    World::start().with_each(|osc| {
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        let config = osc.ok(&["buildconfig", &osc.project, "main"]);
        assert!(config.contains("### from Debian:12") && config.contains("%define _project home:admin:"), "{config}");
        let info = osc.ok(&["api", &format!("/build/{}/main/x86_64/hello/_buildinfo?debug=0", osc.project)]);
        assert!(info.contains("<buildinfo project=") && info.contains("name=\"debhelper\""), "{info}");
    });
}

#[test]
fn a_wrong_password_ends_the_client() {
    let world = World::start();
    for client in clients() {
        let mut command = Osc::new(&world, &client, "wrong").command("", &["ls"]);
        let ended = Ended::of(command.stdin(Stdio::null()).output().unwrap());
        assert!(ended.code == 1 && ended.all().contains("401"), "{}: {}", client.name, ended.all());
    }
}

#[test]
fn the_server_says_what_it_is_and_whom_it_knows() {
    World::start().with_each(|osc| {
        assert!(osc.ok(&["api", "/about"]).contains("<title>Kiln</title>"));
        assert!(osc.ok(&["dists"]).contains("Debian:12"));
        assert!(osc.ok(&["meta", "user", "admin"]).contains("<login>admin</login>"));
        osc.ok(&["whois", "admin"]);
    });
}
