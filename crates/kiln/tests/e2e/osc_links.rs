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
fn a_package_is_built_in_flavors() {
    World::start().with_each(|osc| {
        let folder = osc.commit("hello");
        let project = osc.project.clone();
        osc.write(&format!("{folder}/_multibuild"), "<multibuild><flavor>a</flavor><flavor>b</flavor></multibuild>\n");
        osc.ok_in(&folder, &["add", "_multibuild"]);
        osc.ok_in(&folder, &["ci", "-m", "flavors"]);
        for name in ["hello", "hello:a", "hello:b"] {
            until(osc, &["api", &format!("/build/{project}/_result?package={name}")], "code=\"succeeded\"");
        }
        let shown = osc.ok(&["results", &project, "hello"]);
        assert!(shown.contains("hello:a") && shown.contains("hello:b"), "{shown}");
        let names = osc.ok(&["api", &format!("/source/{project}")]);
        assert!(!names.contains("hello:a"), "{names}");
        assert!(osc.ok(&["api", &format!("/source/{project}?deleted=0")]).contains("hello:a"));
        assert!(osc.ok(&["api", &format!("/source/{project}/hello:a")]).contains("_multibuild"));
        assert!(osc.ok(&["ls", "-b", &project, "hello:a", "main", "x86_64"]).contains(".deb"));
        osc.ok(&["rebuild", &project, "hello:a"]);
        until(osc, &["api", &format!("/build/{project}/main/x86_64/hello:a/_history")], "<entry ");
        osc.write(&format!("{folder}/_multibuild"), "<multibuild><flavor>b</flavor></multibuild>\n");
        osc.ok_in(&folder, &["ci", "-m", "fewer"]);
        let left = osc.ok(&["results", &project, "hello"]);
        assert!(!left.contains("hello:a") && left.contains("hello:b"), "{left}");
        osc.write(&format!("{folder}/_multibuild"), "<multibuild><flavor>../b</flavor></multibuild>\n");
        let refused = osc.run_in(&folder, &["ci", "-m", "bad"]);
        assert!(refused.code != 0 && refused.all().contains("is not a flavor"), "{}", refused.all());
        osc.ok(&["rdelete", "-f", "-m", "bye", &project, "hello"]);
        assert!(!osc.ok(&["api", &format!("/source/{project}?deleted=0")]).contains("hello"));
    });
}

#[test]
fn a_package_that_no_machine_can_build_says_why() {
    World::start().with_each(|osc| {
        let folder = osc.commit("hello");
        let project = osc.project.clone();
        let constraints = |memory: u32| {
            format!(
                "<constraints><hardware><memory><size unit=\"T\">{memory}</size></memory></hardware></constraints>\n"
            )
        };
        osc.write(&format!("{folder}/_constraints"), constraints(99));
        osc.ok_in(&folder, &["add", "_constraints"]);
        osc.ok_in(&folder, &["ci", "-m", "large"]);
        let why = "no compliant worker exists, because of hardware:memory";
        until(osc, &["api", &format!("/build/{project}/_result?package=hello")], why);
        let check = ["checkconstraints", &project, "hello", "main", "x86_64"];
        assert!(!osc.ok(&check).contains(":local"));
        osc.write(&format!("{folder}/_constraints"), constraints(0));
        osc.ok_in(&folder, &["ci", "-m", "small"]);
        assert!(osc.ok(&check).contains(":local"));
        until(osc, &["results", &project, "hello"], "succeeded");
        let worker = osc.ok(&["workerinfo", "local"]);
        assert!(worker.contains("<processors>") && worker.contains("<buildarch>x86_64</buildarch>"), "{worker}");
        osc.write(&format!("{folder}/_constraints"), "<constraints><gpu/></constraints>\n");
        let refused = osc.run_in(&folder, &["ci", "-m", "bad"]);
        assert!(refused.code != 0 && refused.all().contains("gpu"), "{}", refused.all());
        // The configuration of the project is the ground.
        let file = osc.write("prjconf", "Constraint: hardware:processors 100000\n");
        osc.ok(&["meta", "prjconf", &project, "-F", &file]);
        assert!(!osc.ok(&check).contains(":local"));
    });
}

#[test]
fn results_are_taken_over_from_other_packages() {
    World::start().with_each(|osc| {
        let folder = osc.commit("hello");
        let project = osc.project.clone();
        until(osc, &["results", &project, "hello"], "succeeded");
        let other = format!("{project}:other");
        let meta =
            osc.ok(&["meta", "prj", &project]).replace(&format!("name=\"{project}\""), &format!("name=\"{other}\""));
        let file = osc.write("other.xml", meta);
        osc.ok(&["meta", "prj", &other, "-F", &file]);
        osc.ok(&["aggregatepac", &project, "hello", &other]);
        let files = ["api", &format!("/build/{other}/main/x86_64/hello")];
        until(osc, &files, "hello_1.0-1_amd64.deb");
        assert!(osc.ok(&["results", &other, "hello"]).contains("succeeded"));
        // A new result is taken over as well, and one that is gone goes.
        let text =
            testkit::deb::description("hello", "2.0-1", "Build-Depends: debhelper\n", &[("content.tar", b"content")]);
        osc.write(&format!("{folder}/hello_2.0-1.dsc"), text);
        osc.ok_in(&folder, &["rm", "hello_1.0-1.dsc"]);
        osc.ok_in(&folder, &["add", "hello_2.0-1.dsc"]);
        osc.ok_in(&folder, &["ci", "-m", "new"]);
        until(osc, &files, "hello_2.0-1_amd64.deb");
        let bad = osc.write("_aggregate", "<aggregatelist><aggregate/></aggregatelist>");
        let refused = osc.run(&["api", "-T", &bad, &format!("/source/{other}/hello/_aggregate")]);
        assert!(refused.code != 0 && refused.all().contains("names no project"), "{}", refused.all());
    });
}

#[test]
fn services_make_files_on_the_server() {
    let tools = ["git", "ca-certificates", "cpio", "tar"].map(|name| format!("P: {name}\n")).concat();
    World::offering(&format!("P: debhelper\n{tools}")).with_each(|osc| {
        osc.ok(&["co", &osc.project]);
        let project = osc.project.clone();
        osc.ok_in(&project, &["mkpac", "hello"]);
        let folder = format!("{project}/hello");
        let service = |name: &str, mode: &str| {
            format!(
                "<services><service name=\"{name}\"{mode}><param name=\"url\">https://example.org/hello.git</param>\
                 </service></services>\n"
            )
        };
        osc.write(&format!("{folder}/_service"), service("obs_scm", ""));
        osc.ok_in(&folder, &["add", "_service"]);
        // The client waits until the server has run them.
        osc.ok_in(&folder, &["ci", "-m", "services"]);
        until(osc, &["api", &format!("/source/{project}/hello")], "code=\"succeeded\"");
        osc.ok(&["service", "wait", &project, "hello"]);
        let whole = osc.ok(&["api", &format!("/source/{project}/hello?expand=1")]);
        assert!(whole.contains("name=\"_service:made:hello_1.0.dsc\""), "{whole}");
        until(osc, &["results", &project, "hello"], "succeeded");
        osc.ok(&["service", "remoterun", &project, "hello"]);
        osc.ok(&["service", "wait", &project, "hello"]);
        osc.ok(&["service", "merge", &project, "hello"]);
        let merged = osc.ok(&["api", &format!("/source/{project}/hello")]);
        assert!(merged.contains("name=\"hello_1.0.dsc\"") && !merged.contains("_service"), "{merged}");
        // What the server does not know is refused by its name, unless nobody asks it to run.
        osc.ok_in(&folder, &["up"]);
        for (name, mode, ok) in [("go_modules", "", false), ("go_modules", " mode=\"manual\"", true)] {
            osc.write(&format!("{folder}/_service"), service(name, mode));
            osc.run_in(&folder, &["add", "_service"]);
            let sent = osc.run_in(&folder, &["ci", "--noservice", "-m", "other"]);
            assert_eq!(sent.code == 0, ok, "{}", sent.all());
            assert!(ok || sent.all().contains("the service go_modules is not known"), "{}", sent.all());
        }
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
