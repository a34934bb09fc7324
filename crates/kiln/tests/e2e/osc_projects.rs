//! Open Build Service's client: descriptions of projects and packages, what they switch, searches, and what is told of builds.

use crate::osc_kit::{Osc, World};

/// Changes the description of the client's project; gives what the client says.
fn describe(osc: &Osc<'_>, from: &str, to: &str) -> String {
    let text = osc.ok(&["meta", "prj", &osc.project]);
    assert!(text.contains(from), "{from}: {text}");
    let file = osc.write("described", text.replace(from, to));
    let ended = osc.run(&["meta", "prj", &osc.project, "-m", "why", "-F", &file]);
    ended.all()
}

fn describe_package(osc: &Osc<'_>, package: &str, inside: &str) -> String {
    let text = format!("<package name=\"{package}\"><title/><description/>{inside}</package>");
    let file = osc.write("described", text);
    osc.run(&["meta", "pkg", &osc.project, package, "-F", &file]).all()
}

fn api(osc: &Osc<'_>, path: &str) -> String {
    osc.ok(&["api", path])
}

#[test]
fn a_description_keeps_order_policies_groups_and_its_history() {
    let world = World::start();
    world.server.json(&["group", "create", "packagers"]);
    world.with_each(|osc| {
        let project = osc.project.as_str();
        let second = "<group groupid=\"packagers\" role=\"maintainer\"/><useforbuild><disable arch=\"i586\"/></useforbuild>\
                      <repository name=\"again\" rebuild=\"local\" block=\"never\"><path project=\"Debian:12\" \
                      repository=\"standard\"/><arch>x86_64</arch></repository><repository name=\"main\"";
        describe(osc, "<repository name=\"main\"", second);
        let shown = osc.ok(&["meta", "prj", project]);
        let (again, main) = (shown.find("name=\"again\"").unwrap(), shown.find("name=\"main\"").unwrap());
        assert!(again < main, "{shown}");
        for part in
            ["rebuild=\"local\" block=\"never\"", "<group groupid=\"packagers\" role=\"maintainer\"/>", "<useforbuild>"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        // The order is that of results, too, and the client understands all of it.
        let repositories = osc.ok(&["repos", project]);
        assert!(repositories.find("again").unwrap() < repositories.find("main").unwrap(), "{repositories}");
        let history = api(osc, &format!("/source/{project}/_project/_history?meta=1"));
        assert!(history.contains("<revision rev=\"1\"") && history.contains("<revision rev=\"2\""), "{history}");
        assert!(history.contains("<user>admin</user>"), "{history}");
        let first = api(osc, &format!("/source/{project}/_project/_meta?rev=1"));
        assert!(!first.contains("again") && first.contains("name=\"main\""), "{first}");
        let refused = describe(osc, "groupid=\"packagers\"", "groupid=\"nobody\"");
        assert!(refused.contains("there is no group nobody"), "{refused}");
        assert!(osc.ok(&["meta", "prj", project]).contains("packagers"));
        describe_package(osc, "words", "<publish><disable/></publish>");
        describe_package(osc, "words", "<debuginfo><enable/></debuginfo>");
        let history = api(osc, &format!("/source/{project}/words/_history?meta=1"));
        assert_eq!(history.matches("<revision rev=").count(), 2, "{history}");
        assert!(api(osc, &format!("/source/{project}/words/_meta?rev=1")).contains("<publish>"));
    });
}

#[test]
fn what_is_locked_is_not_changed_until_the_lock_is_gone() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let folder = osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        describe_package(osc, "hello", "<lock><enable/></lock>");
        osc.wait_for("hello", "locked");
        osc.write(&format!("{folder}/more.txt"), "more");
        osc.ok_in(&folder, &["add", "more.txt"]);
        let refused = osc.run_in(&folder, &["ci", "-m", "more"]);
        assert!(
            refused.code != 0 && refused.all().contains(&format!("package {project}/hello is locked")),
            "{}",
            refused.all()
        );
        osc.ok(&["api", "-X", "POST", &format!("/source/{project}/hello?cmd=unlock&comment=go")]);
        osc.ok_in(&folder, &["ci", "-m", "more"]);
        describe(osc, "</project>", "<lock><enable/></lock></project>");
        for refused in [
            osc.run(&["rebuild", project, "hello"]),
            osc.run(&["meta", "prjconf", project, "-F", &osc.write("prjconf", "Prefer: a\n")]),
            osc.run(&["rdelete", "-rf", "-m", "x", project]),
        ] {
            assert!(
                refused.code == 1 && refused.all().contains(&format!("project {project} is locked")),
                "{}",
                refused.all()
            );
        }
        assert!(describe(osc, "<title></title>", "<title>Other</title>").contains("is locked"));
        describe(osc, "<enable/>\n  </lock>", "<disable/></lock>");
        osc.ok(&["rebuild", project, "hello"]);
    });
}

#[test]
fn switches_of_parts_decide_what_is_published_and_offered_to_builds() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.commit("hello");
        osc.commit("quiet");
        osc.wait_for("hello", "succeeded");
        osc.wait_for("quiet", "succeeded");
        let index = format!("/repositories/{project}/main/dists/main/main/binary-amd64/Packages");
        let has = |package: &str, wanted: bool| {
            let begun = std::time::Instant::now();
            loop {
                let found = osc.server().url_until_found(&index);
                if found.contains(&format!("Package: {package}\n")) == wanted {
                    return;
                }
                assert!(begun.elapsed().as_secs() < 30, "{package}: {found}");
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
        };
        has("quiet", true);
        describe_package(osc, "quiet", "<publish><disable repository=\"main\"/></publish>");
        has("quiet", false);
        has("hello", true);
        assert!(osc.ok(&["results", "--csv", project, "hello"]).contains("succeeded"));
        // The names of what builds can get.
        let names = format!("/build/{project}/main/x86_64/_repository?view=names");
        assert!(api(osc, &names).contains("quiet.deb"));
        describe_package(osc, "quiet", "<useforbuild><disable/></useforbuild>");
        assert!(!api(osc, &names).contains("quiet.deb"));
        assert!(api(osc, &names).contains("hello.deb"));
        has("quiet", true);
        osc.ok(&["api", "-X", "POST", &format!("/source/{project}/quiet?cmd=remove_flag&flag=useforbuild")]);
        assert!(api(osc, &names).contains("quiet.deb"));
        let set = format!("/source/{project}?cmd=set_flag&flag=publish&status=disable&arch=x86_64");
        osc.ok(&["api", "-X", "POST", &set]);
        osc.wait_for("hello", "succeeded*");
        assert!(osc.ok(&["api", &format!("/build/{project}/_result")]).contains("code=\"unpublished\""));
        for flag in ["access", "sourceaccess", "binarydownload"] {
            let refused = describe(osc, "</project>", &format!("<{flag}><disable/></{flag}></project>"));
            assert!(refused.contains(&format!("does not know <{flag}>")), "{refused}");
        }
    });
}

#[test]
fn searches_find_projects_packages_and_persons() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        describe(osc, "<title></title>", "<title>Findable</title>");
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        assert!(osc.ok(&["search", "hello"]).contains(project));
        assert!(osc.ok(&["search", "--title", "Findable"]).contains(project));
        assert!(osc.ok(&["whois", "admin"]).contains("admin"));
        for (path, part) in [
            ("project?match=starts-with(@name,'home:admin')", format!("<project name=\"{project}\">")),
            ("project/id?match=person/@userid='admin'", format!("<project name=\"{project}\"/>")),
            ("package/id?match=@name='hello'", format!("<package project=\"{project}\" name=\"hello\"/>")),
            ("person?match=@login='admin'", "<login>admin</login>".to_owned()),
            ("published/binary/id?match=@name='hello'", format!("name=\"hello\" project=\"{project}\"")),
            ("project?match=@name='nosuch'", "<collection matches=\"0\"/>".to_owned()),
        ] {
            let found = api(osc, &format!("/search/{path}"));
            assert!(found.contains(&part), "{path}: {found}");
        }
        for (path, word) in [
            ("project?match=count(person)", "count"),
            ("project?match=@name%3E'a'", "&gt;"),
            ("issue?match=@name='a'", "issue"),
            ("project", "match"),
        ] {
            let refused = osc.run(&["api", &format!("/search/{path}")]);
            assert!(refused.code == 1 && refused.all().contains(word.trim_matches('&')), "{path}: {}", refused.all());
        }
    });
}

#[test]
fn attributes_groups_and_keys_are_kept() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let text = "<attributes><attribute namespace=\"OBS\" name=\"OwnerRootProject\"><value>DisableDevel</value>\
                    </attribute></attributes>";
        let file = osc.write("attributes", text);
        osc.ok(&["meta", "attribute", project, "--attribute", "OBS:OwnerRootProject", "--set", "DisableDevel"]);
        let shown = osc.ok(&["meta", "attribute", project]);
        assert!(shown.contains("OwnerRootProject") && shown.contains("<value>DisableDevel</value>"), "{shown}");
        assert!(api(osc, "/search/project/id?match=attribute/@name='OBS:OwnerRootProject'").contains(project));
        osc.ok(&["meta", "attribute", project, "--attribute", "OBS:OwnerRootProject", "--delete"]);
        assert!(!osc.ok(&["meta", "attribute", project]).contains("OwnerRootProject"));
        // All or nothing.
        let bad =
            osc.write("bad", text.replace("</attributes>", "<attribute namespace=\"X\" name=\"Y\"/></attributes>"));
        let refused = osc.run(&["api", "-X", "PUT", "-f", &bad, &format!("/source/{project}/_attribute")]);
        assert!(refused.code == 1 && refused.all().contains("X:Y does not exist"), "{}", refused.all());
        assert!(!osc.ok(&["meta", "attribute", project]).contains("OwnerRootProject"));
        osc.ok(&["api", "-X", "PUT", "-f", &file, &format!("/source/{project}/_attribute")]);
        let group = format!("g-{}", osc.client.name);
        let file = osc.write(
            "group",
            format!("<group><title>{group}</title><person><person userid=\"admin\"/></person></group>"),
        );
        osc.ok(&["api", "-X", "PUT", "-f", &file, &format!("/group/{group}")]);
        assert!(api(osc, &format!("/group/{group}")).contains("<person userid=\"admin\"/>"));
        assert!(api(osc, "/group?login=admin").contains(&group));
        osc.ok(&["api", "-X", "POST", &format!("/source/{project}?cmd=createkey")]);
        let keys = api(osc, &format!("/source/{project}/_keyinfo"));
        assert!(keys.contains("algo=\"ed25519\"") && keys.contains(&format!("userid=\"Project {project}\"")), "{keys}");
        let person = osc.ok(&["meta", "user", "admin"]);
        let file = osc.write("person", &person);
        osc.ok(&["api", "-X", "PUT", "-f", &file, "/person/admin"]);
        let file = osc.write("person", person.replace("<realname></realname>", "<realname>A</realname>"));
        let refused = osc.run(&["api", "-X", "PUT", "-f", &file, "/person/admin"]);
        assert!(
            refused.code == 1 && refused.all().contains("does not know &lt;realname&gt;")
                || refused.all().contains("<realname>"),
            "{}",
            refused.all()
        );
    });
}

#[test]
fn the_client_is_told_who_depends_on_whom_and_what_has_run() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.commit("base");
        osc.wait_for("base", "succeeded");
        let folder = osc.commit("above");
        let dsc = osc.home.join(&folder).join("above_1.0-1.dsc");
        let text = std::fs::read_to_string(&dsc).unwrap().replace("debhelper", "debhelper, base");
        std::fs::write(&dsc, text).unwrap();
        osc.ok_in(&folder, &["ci", "-m", "needs base"]);
        osc.wait_for("above", "succeeded");
        let history = api(osc, &format!("/source/{project}/above/_history"));
        assert!(history.contains("rev=\"2\" vrev=\"2\"") && history.contains("<version>1.0</version>"), "{history}");
        let needs = osc.ok(&["dependson", project, "above", "main", "x86_64"]);
        assert!(needs.contains("base"), "{needs}");
        let needed = osc.ok(&["whatdependson", project, "base", "main", "x86_64"]);
        assert!(needed.contains("above"), "{needed}");
        let order = api(osc, &format!("/build/{project}/main/x86_64/_builddepinfo?view=order"));
        assert!(order.find("\"base\"").unwrap() < order.find("\"above\"").unwrap(), "{order}");
        let whole = api(osc, &format!("/build/{project}/main/x86_64/_builddepinfo"));
        assert!(whole.contains("<subpkg>above</subpkg>") && whole.contains("<pkgdep>base</pkgdep>"), "{whole}");
        for path in ["", "/main", "/main/x86_64"] {
            assert!(api(osc, &format!("/build/{project}{path}")).contains("<directory"), "{path}");
        }
        assert!(api(osc, &format!("/build/{project}/main/x86_64")).contains("name=\"above\""));
        let status = api(osc, &format!("/build/{project}/main/x86_64/above/_status"));
        assert!(status.contains("code=\"succeeded\""), "{status}");
        let reason = osc.ok(&["triggerreason", project, "above", "main", "x86_64"]);
        assert!(reason.contains("source change") || reason.contains("new build"), "{reason}");
        assert!(osc.ok(&["buildhist", project, "above", "main", "x86_64"]).contains("1.0"));
        assert!(osc.ok(&["jobhist", project, "above", "main", "x86_64"]).contains("succeeded"));
        assert!(api(osc, "/worker/_status").contains("<workerstatus"));
        osc.server().url_until_found(&format!("/repositories/{project}/main/dists/main/InRelease"));
        let published = api(osc, &format!("/published/{project}/main/dists/main"));
        assert!(published.contains("name=\"InRelease\""), "{published}");
        assert!(
            api(osc, &format!("/published/{project}/main/dists/main/InRelease")).contains("BEGIN PGP SIGNED MESSAGE")
        );
    });
}

#[test]
fn projects_without_packages_or_repositories_are_shown() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.ok(&["co", project]);
        assert!(osc.home.join(project).is_dir());
        osc.ok(&["results", project]);
        let bare = format!("{project}:bare");
        let file = osc.write("bare", format!("<project name=\"{bare}\"><title/><description/></project>"));
        osc.ok(&["meta", "prj", &bare, "-F", &file]);
        osc.ok(&["results", &bare]);
        osc.ok(&["prjresults", &bare]);
        assert!(api(osc, &format!("/build/{bare}/_result")).contains(&"0".repeat(32)));
        osc.ok(&["rdelete", "-rf", "-m", "bye", &bare]);
    });
}

#[test]
fn the_end_of_a_log_is_shown_with_and_without_times() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        osc.commit("hello");
        osc.wait_for("hello", "succeeded");
        // The older client takes a project only under another name of the command.
        let before = if osc.client.name == "debian" { "remote" } else { "" };
        let tail = osc.ok(&[&format!("{before}buildlogtail"), project, "hello", "main", "x86_64"]);
        assert!(tail.contains("a small package at once"), "{tail}");
        let word = &format!("{before}buildlog");
        let plain = osc.ok(&[word, "--strip-time", project, "hello", "main", "x86_64"]);
        assert!(plain.contains("a small package at once"), "{plain}");
        assert!(osc.ok(&[word, "--last", project, "hello", "main", "x86_64"]).contains("a small package at once"));
    });
}

#[test]
fn hostile_documents_are_refused_whole() {
    World::start().with_each(|osc| {
        let project = osc.project.as_str();
        let before = osc.ok(&["meta", "prj", project]);
        let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
        let wide = format!("<title {}/>", (0..100).map(|n| format!("a{n}='x' ")).collect::<String>());
        let long = format!("<title a='{}'/>", "x".repeat(100_000));
        let many = "<person userid='admin' role='reader'/>".repeat(60_000);
        let bomb = "<!DOCTYPE project [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>";
        for (front, inside) in [
            (bomb, "<title>&b;</title>"),
            ("", "<title>&unknown;</title>"),
            ("", deep.as_str()),
            ("", wide.as_str()),
            ("", long.as_str()),
            ("", many.as_str()),
            ("", "<title>A</title><title"),
            ("", "<title>A</title><nonsense/>"),
            ("", "<title>A</title><repository name='x'><path project='no' repository='no'/></repository>"),
            ("", "<title>A</title><person userid='nobody' role='maintainer'/>"),
        ] {
            let file = osc.write("hostile", format!("{front}<project name=\"{project}\">{inside}</project>"));
            let refused = osc.run(&["api", "-X", "PUT", "-f", &file, &format!("/source/{project}/_meta")]);
            let said = refused.all();
            assert!(refused.code == 1 && (said.contains("400") || said.contains("404")), "{inside:.60}: {said:.2000}");
        }
        assert_eq!(osc.ok(&["meta", "prj", project]), before);
    });
}
