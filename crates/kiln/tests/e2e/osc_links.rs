//! Links, branches, copies and differences with Open Build Service's unmodified client.

use crate::osc_kit::{Osc, World};

const NOTES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

/// A package with a text beside its recipe; gives the folder of its checkout.
fn noted(osc: &Osc<'_>, name: &str) -> String {
    let folder = osc.commit(name);
    osc.write(&format!("{folder}/notes.txt"), NOTES);
    osc.ok_in(&folder, &["add", "notes.txt"]);
    osc.ok_in(&folder, &["ci", "-m", "notes"]);
    folder
}

fn edit(osc: &Osc<'_>, folder: &str, from: &str, to: &str, message: &str) {
    let text = notes(osc, folder).replace(from, to);
    osc.write(&format!("{folder}/notes.txt"), text);
    osc.ok_in(folder, &["ci", "-m", message]);
}

fn notes(osc: &Osc<'_>, folder: &str) -> String {
    std::fs::read_to_string(osc.home.join(folder).join("notes.txt")).unwrap()
}

/// Waits until the client's answer to a command has a text in it.
fn until(osc: &Osc<'_>, arguments: &[&str], text: &str) {
    let begun = std::time::Instant::now();
    loop {
        let shown = osc.ok(arguments);
        if shown.contains(text) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "{arguments:?} should say {text}: {shown}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}

#[test]
fn a_branch_is_edited_follows_its_origin_and_builds_again() {
    World::start().with_each(|osc| {
        let upstream = noted(osc, "hello");
        let made = osc.ok(&["branch", &osc.project, "hello"]);
        let project = format!("home:admin:branches:{}", osc.project);
        assert!(made.contains(&format!("{project}/hello")), "{made}");
        assert!(osc.ok(&["repos", &project]).contains("x86_64"));
        // A second time it is there already.
        let again = osc.run(&["branch", &osc.project, "hello"]);
        assert!(again.all().contains("already exists"), "{}", again.all());
        osc.ok(&["co", &project]);
        let branch = format!("{project}/hello");
        assert!(!osc.home.join(&branch).join("_link").exists());
        edit(osc, &branch, "1\n", "one\n", "mine");
        let listed = osc.ok(&["api", &format!("/source/{project}/hello")]);
        assert!(listed.contains("xsrcmd5=") && listed.contains("name=\"_link\""), "{listed}");
        edit(osc, &upstream, "9\n", "nine\n", "theirs");
        osc.ok_in(&branch, &["up"]);
        assert_eq!(notes(osc, &branch), NOTES.replace("1\n", "one\n").replace("9\n", "nine\n"));
        until(osc, &["results", &project, "hello"], "succeeded");
        let reason = osc.ok(&["api", &format!("/build/{project}/main/x86_64/hello/_reason")]);
        assert!(reason.contains("what hello links to"), "{reason}");
        let differs = osc.ok(&["rdiff", &project, "hello", &osc.project]);
        assert!(differs.contains("one"), "{differs}");
    });
}

#[test]
fn a_conflict_is_said_and_repaired() {
    World::start().with_each(|osc| {
        let upstream = noted(osc, "hello");
        osc.ok(&["branch", &osc.project, "hello"]);
        let project = format!("home:admin:branches:{}", osc.project);
        osc.ok(&["co", &project]);
        let branch = format!("{project}/hello");
        edit(osc, &branch, "1\n", "one\n", "mine");
        edit(osc, &upstream, "1\n", "eins\n", "theirs");
        let listed = osc.ok(&["api", &format!("/source/{project}/hello")]);
        assert!(listed.contains("error=\"conflict in file notes.txt\""), "{listed}");
        until(osc, &["results", "--xml", &project, "hello"], "conflict in file notes.txt");
        // The last tree that could be put together; the client then merges by itself.
        assert!(osc.ok_in(&branch, &["up"]).contains("osc pull"));
        osc.ok_in(&branch, &["pull"]);
        assert!(notes(osc, &branch).contains("<<<<<<<"));
        osc.write(&format!("{branch}/notes.txt"), NOTES.replace("1\n", "both\n"));
        osc.ok_in(&branch, &["resolved", "notes.txt"]);
        osc.ok_in(&branch, &["ci", "-m", "repaired"]);
        assert!(osc.ok(&["cat", &project, "hello", "notes.txt"]).starts_with("both\n2"));
        let listed = osc.ok(&["api", &format!("/source/{project}/hello")]);
        assert!(listed.contains("xsrcmd5=") && !listed.contains("error="), "{listed}");
        until(osc, &["results", &project, "hello"], "succeeded");
    });
}

#[test]
fn a_link_keeps_edits_as_a_patch_until_it_becomes_a_branch() {
    World::start().with_each(|osc| {
        let upstream = noted(osc, "hello");
        let project = osc.project.clone();
        osc.ok(&["linkpac", &project, "hello", &project, "linked"]);
        assert!(osc.ok(&["cat", &project, "linked", "notes.txt"]).starts_with("1\n"));
        until(osc, &["results", &project, "linked"], "succeeded");
        osc.ok(&["co", "-o", "linked", &project, "linked"]);
        edit(osc, "linked", "1\n", "one\n", "a patch");
        let listed = osc.ok(&["api", &format!("/source/{project}/linked")]);
        assert!(listed.contains("project.diff") && !listed.contains("notes.txt"), "{listed}");
        edit(osc, &upstream, "9\n", "nine\n", "theirs");
        osc.ok_in("linked", &["up"]);
        assert!(notes(osc, "linked").starts_with("one\n2") && notes(osc, "linked").ends_with("nine\n"));
        osc.ok(&["linktobranch", &project, "linked"]);
        let link = osc.ok(&["api", &format!("/source/{project}/linked/_link")]);
        assert!(link.contains("<branch/>") && link.contains("baserev="), "{link}");
        assert!(osc.ok(&["cat", &project, "linked", "notes.txt"]).starts_with("one\n2"));
        let differs = osc.ok(&["api", "-X", "POST", &format!("/source/{project}/linked?cmd=linkdiff&unified=1")]);
        assert!(differs.contains("-1\n+one\n"), "{differs}");
        let who = osc.ok(&["api", "-X", "POST", &format!("/source/{project}/hello?cmd=showlinked")]);
        assert!(who.contains("name=\"linked\""), "{who}");
    });
}

#[test]
fn packages_are_copied_whole_or_as_links() {
    World::start().with_each(|osc| {
        let folder = noted(osc, "hello");
        let project = osc.project.clone();
        osc.ok(&["copypac", &project, "hello", &project, "copied"]);
        assert_eq!(osc.ok(&["cat", &project, "copied", "notes.txt"]).trim_end(), NOTES.trim_end());
        until(osc, &["results", &project, "copied"], "succeeded");
        // An old revision becomes the newest.
        edit(osc, &folder, "1\n", "one\n", "third");
        osc.ok(&["copypac", "-r", "2", &project, "hello", &project, "hello"]);
        assert!(osc.ok(&["cat", &project, "hello", "notes.txt"]).starts_with("1\n"));
        osc.ok(&["linkpac", &project, "hello", &project, "linked"]);
        osc.ok(&["copypac", "-e", &project, "linked", &project, "plain"]);
        let listed = osc.ok(&["api", &format!("/source/{project}/plain")]);
        assert!(listed.contains("notes.txt") && !listed.contains("linkinfo"), "{listed}");
        osc.ok(&["copypac", &project, "linked", &project, "same"]);
        assert!(osc.ok(&["api", &format!("/source/{project}/same")]).contains("linkinfo"));
    });
}

#[test]
fn differences_of_revisions_and_packages_are_shown() {
    World::start().with_each(|osc| {
        let folder = noted(osc, "hello");
        let project = osc.project.clone();
        edit(osc, &folder, "5\n", "five\n", "third");
        osc.write(&format!("{folder}/notes.txt"), notes(osc, &folder).replace("five", "fünf"));
        assert!(osc.ok_in(&folder, &["diff"]).contains("+fünf"));
        osc.ok_in(&folder, &["revert", "notes.txt"]);
        let shown = osc.ok_in(&folder, &["diff", "-r", "2:3"]);
        assert!(shown.contains("-5\n+five\n"), "{shown}");
        let shown = osc.ok(&["rdiff", "-r", "1:3", &project, "hello"]);
        assert!(shown.contains("+five") && shown.contains("notes.txt"), "{shown}");
        let shown = osc.ok(&["rdiff", "-c", "3", &project, "hello"]);
        assert!(shown.contains("-5\n+five\n"), "{shown}");
        let path = format!("/source/{project}/hello?cmd=diff&view=xml&rev=3&file[]=notes.txt");
        let shown = osc.ok(&["api", "-X", "POST", &path]);
        assert!(shown.contains("<file state=\"changed\">") && shown.contains("+five"), "{shown}");
        let path = format!("/source/{project}/hello?cmd=diff&rev=1&orev=0");
        let shown = osc.ok(&["api", "-X", "POST", &path]);
        assert!(shown.contains("new:\n----\n  content.tar"), "{shown}");
    });
}
