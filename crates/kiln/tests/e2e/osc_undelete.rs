//! Deleted packages and projects come back; texts say who wrote which line; with Open Build Service's unmodified client.

use crate::osc_kit::{Osc, World};

fn api(osc: &Osc<'_>, path: &str) -> String {
    osc.ok(&["api", path])
}

#[test]
fn a_deleted_package_comes_back_with_its_history_and_is_built() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let folder = osc.commit("hello");
        osc.write(&format!("{folder}/notes.txt"), "one\n");
        osc.ok_in(&folder, &["add", "notes.txt"]);
        osc.ok_in(&folder, &["ci", "-m", "second"]);
        osc.wait_for("hello", "succeeded");
        osc.ok(&["rdelete", "-f", "-m", "bye", project, "hello"]);
        assert!(!osc.ok(&["ls", project]).contains("hello"));
        assert!(osc.ok(&["ls", "--deleted", project]).contains("hello"));
        osc.ok(&["undelete", "-m", "it is needed", project, "hello"]);
        assert!(!api(osc, &format!("/source/{project}?deleted=1")).contains("hello"));
        let log = osc.ok(&["log", project, "hello"]);
        assert!(log.contains("second") && log.contains("it is needed"), "{log}");
        assert_eq!(osc.ok(&["cat", project, "hello", "notes.txt"]).trim_end(), "one");
        assert!(osc.ok(&["cat", "-r", "1", project, "hello", "hello_1.0-1.dsc"]).contains("Source: hello"));
        osc.wait_for("hello", "succeeded");
        let again = osc.run(&["undelete", "-m", "x", project, "hello"]);
        assert!(again.code != 0 && again.all().contains("already"), "{}", again.all());
        let never = osc.run(&["undelete", "-m", "x", project, "never"]);
        assert!(never.code != 0 && never.all().contains("never"), "{}", never.all());
    });
}

#[test]
fn a_deleted_project_comes_back_unless_its_name_is_taken() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        let config = osc.write("prjconf", "Prefer: one\n");
        osc.ok(&["meta", "prjconf", project, "-F", &config]);
        let meta = osc.ok(&["meta", "prj", project]);
        osc.ok(&["rdelete", "-r", "-f", "-m", "bye", project]);
        assert!(osc.run(&["meta", "pkg", project, "hello"]).code != 0);
        assert!(api(osc, "/source?deleted=1").contains(project));
        osc.ok(&["undelete", "-m", "back", project]);
        assert!(!api(osc, "/source?deleted=1").contains(project));
        assert_eq!(osc.ok(&["meta", "prj", project]), meta);
        assert_eq!(osc.ok(&["meta", "prjconf", project]).trim_end(), "Prefer: one");
        assert!(osc.ok(&["cat", project, "hello", "hello_1.0-1.dsc"]).contains("Source: hello"));
        osc.wait_for("hello", "succeeded");
        // One that somebody made meanwhile stays.
        osc.ok(&["rdelete", "-r", "-f", "-m", "bye", project]);
        let file = osc.write("project.xml", &meta);
        osc.ok(&["meta", "prj", project, "-F", &file]);
        let taken = osc.run(&["undelete", "-m", "x", project]);
        assert!(taken.code != 0 && taken.all().contains("already"), "{}", taken.all());
        assert!(!osc.ok(&["ls", project]).contains("hello"));
    });
}

#[test]
fn lines_are_shown_with_who_wrote_them() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        for text in ["Prefer: one\nPrefer: two\n", "Prefer: one\nPrefer: three\n"] {
            let file = osc.write("prjconf", text);
            osc.ok(&["meta", "prjconf", project, "-F", &file]);
        }
        let path = format!("/source/{project}/_project/_config?view=blame");
        let shown = api(osc, &path);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].trim_start().starts_with("1 (admin ") && lines[0].ends_with(") Prefer: one"), "{shown}");
        assert!(lines[1].trim_start().starts_with("2 (admin ") && lines[1].ends_with(") Prefer: three"), "{shown}");
        assert!(api(osc, &format!("{path}&rev=1")).contains("Prefer: two"));
        assert!(osc.run(&["api", &format!("{path}&rev=7")]).code != 0);
        if osc.client.name == "fresh" {
            assert!(osc.ok(&["meta", "prjconf", "--blame", project]).contains(") Prefer: three"));
        }
        let text = osc.ok(&["meta", "prj", project]).replace("<title></title>", "<title>Other</title>");
        let file = osc.write("project.xml", text.replace("<title/>", "<title>Other</title>"));
        osc.ok(&["meta", "prj", project, "-F", &file]);
        let shown = api(osc, &format!("/source/{project}/_meta?view=blame"));
        let title = shown.lines().find(|line| line.contains("Other")).unwrap();
        assert!(title.trim_start().starts_with("2 (admin "), "{shown}");
        let folder = osc.commit("hello");
        assert!(api(osc, &format!("/source/{project}/hello/_meta?view=blame")).contains("name=\"hello\""));
        for text in ["one\n", "one\ntwo\n"] {
            osc.write(&format!("{folder}/notes.txt"), text);
            osc.run_in(&folder, &["add", "notes.txt"]);
            osc.ok_in(&folder, &["ci", "-m", "notes"]);
        }
        let shown = api(osc, &format!("/source/{project}/hello/notes.txt?view=blame"));
        let numbers: Vec<&str> = shown.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(numbers, ["2", "3"], "{shown}");
    });
}
