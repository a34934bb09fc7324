//! Packages that are built in flavors, and what is known of each flavor, with Open Build Service's unmodified client.

use crate::osc_build::scripts;
use crate::osc_kit::{Osc, World};

/// Whether the client can ask for the root of a checkout here.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn asks_for_roots() -> bool {
    if scripts().is_none() {
        eprintln!("skipped: obs-build is not installed (scripts/setup.sh test does that)");
    }
    scripts().is_some()
}

fn api(osc: &Osc<'_>, path: &str) -> String {
    osc.ok(&["api", path])
}

/// Waits until the client shows a word for a flavor.
fn wait_for(osc: &Osc<'_>, flavor: &str, word: &str) {
    let begun = std::time::Instant::now();
    loop {
        let shown = osc.ok(&["results", "-M", flavor, &osc.project, "hello"]);
        if shown.contains(&format!("hello:{flavor}")) && shown.contains(word) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "hello:{flavor} should be {word}: {shown}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}

#[test]
fn each_flavor_has_results_logs_roots_and_rebuilds_of_its_own() {
    if !asks_for_roots() {
        return;
    }
    World::offering("P: debhelper\nP: extra\n").with_each(|osc| {
        let folder = osc.commit("hello");
        let project = osc.project.as_str();
        osc.write(&format!("{folder}/_multibuild"), "<multibuild><flavor>a</flavor><flavor>b</flavor></multibuild>\n");
        osc.ok_in(&folder, &["add", "_multibuild"]);
        osc.ok_in(&folder, &["ci", "-m", "flavors"]);
        for flavor in ["a", "b"] {
            wait_for(osc, flavor, "succeeded");
        }
        let shown = osc.ok(&["results", "-M", "a", project, "hello"]);
        assert!(shown.contains("hello:a") && !shown.contains("hello:b"), "{shown}");

        // Logs, results, dependencies.
        let log = osc.ok(&["remotebuildlog", project, "hello:a", "main", "x86_64"]);
        assert!(log.contains("a small package at once"), "{log}");
        let log = osc.ok_in(&folder, &["buildlog", "-M", "b", "main", "x86_64"]);
        assert!(log.contains("a small package at once"), "{log}");
        let needs = api(osc, &format!("/build/{project}/main/x86_64/_builddepinfo?package=hello:a"));
        assert!(needs.contains("name=\"hello:a\"") && !needs.contains("name=\"hello:b\""), "{needs}");
        osc.ok_in(&folder, &["getbinaries", "-M", "a", "main", "x86_64"]);
        let mut names = std::fs::read_dir(osc.home.join(&folder).join("binaries")).unwrap();
        assert!(names.any(|entry| entry.unwrap().file_name().to_str().unwrap().ends_with("_amd64.deb")));

        // Roots: of what is stored, of what is in the checkout, and of a flavor that is not there.
        let stored = osc.ok(&["buildinfo", project, "hello:a", "main", "x86_64"]);
        assert!(stored.contains("package=\"hello:a\"") && stored.contains("<bdep name=\"debhelper\""), "{stored}");
        let dsc = format!("{folder}/hello_1.0-1.dsc");
        let text = std::fs::read_to_string(osc.home.join(&dsc)).unwrap();
        osc.write(&dsc, text.replace("debhelper", "debhelper, extra"));
        let sent = osc.ok_in(&folder, &["buildinfo", "-M", "b", "main", "x86_64", "hello_1.0-1.dsc"]);
        assert!(sent.contains("package=\"hello:b\"") && sent.contains("<bdep name=\"extra\""), "{sent}");
        let none = osc.run(&["buildinfo", project, "hello:c", "main", "x86_64"]);
        assert!(none.code != 0 && none.all().contains("hello:c"), "{}", none.all());
        osc.write(&dsc, text);

        // A flavor is built again alone.
        let builds =
            |name: &str| api(osc, &format!("/build/{project}/main/x86_64/{name}/_history")).matches("<entry ").count();
        let before = (builds("hello"), builds("hello:a"), builds("hello:b"));
        osc.ok_in(&folder, &["rebuild", "-M", "a", "-r", "main"]);
        let begun = std::time::Instant::now();
        while builds("hello:a") == before.1 {
            assert!(begun.elapsed().as_secs() < 60, "hello:a should be built again");
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        assert_eq!((builds("hello"), builds("hello:b")), (before.0, before.2));
    });
}

#[test]
fn a_recipe_is_read_with_its_flavor() {
    if !asks_for_roots() {
        return;
    }
    World::offering("P: debhelper\nP: extra\n").with_each(|osc| {
        let project = osc.project.as_str();
        let config = osc.write("prjconf", "Type: spec\nBinaryType: deb\n");
        osc.ok(&["meta", "prjconf", project, "-F", &config]);
        osc.ok(&["co", project]);
        osc.ok_in(project, &["mkpac", "hello"]);
        let folder = format!("{project}/hello");
        let spec = "Name: hello\nVersion: 1\nRelease: 1\nSummary: Says hello\nLicense: MIT\nBuildRequires: debhelper\n\
                    %if \"@BUILD_FLAVOR@\" == \"full\"\nBuildRequires: extra\n%endif\n%description\nSays hello.\n%files\n";
        osc.write(&format!("{folder}/hello.spec"), spec);
        osc.write(&format!("{folder}/_multibuild"), "<multibuild><flavor>full</flavor></multibuild>\n");
        osc.ok_in(&folder, &["add", "hello.spec", "_multibuild"]);
        osc.ok_in(&folder, &["ci", "-m", "flavors"]);
        let has_extra = |text: &str| {
            assert!(text.contains("<bdep name=\"debhelper\""), "{text}");
            text.contains("<bdep name=\"extra\"")
        };
        assert!(!has_extra(&osc.ok(&["buildinfo", project, "hello", "main", "x86_64"])));
        assert!(has_extra(&osc.ok(&["buildinfo", project, "hello:full", "main", "x86_64"])));
        let checkout = ["buildinfo", "-M", "full", "main", "x86_64", "hello.spec"];
        assert!(has_extra(&osc.ok_in(&folder, &checkout)));
        assert!(!has_extra(&osc.ok_in(&folder, &["buildinfo", "main", "x86_64", "hello.spec"])));
        // The switches of the package are the flavor's.
        let meta = osc.write(
            "pkg.xml",
            format!(
                "<package name=\"hello\" project=\"{project}\"><title/><description/><debuginfo><enable/></debuginfo></package>"
            ),
        );
        osc.ok(&["meta", "pkg", project, "hello", "-F", &meta]);
        for name in ["hello", "hello:full"] {
            let shown = osc.ok(&["buildinfo", project, name, "main", "x86_64"]);
            assert!(shown.contains("<debuginfo>1</debuginfo>"), "{shown}");
        }
    });
}
