//! Links between packages as Open Build Service's client sees them, and what hostile ones do.

use std::time::Duration;

use crate::kit::{Answer, World};

/// A world with alice's project `home:alice:p`.
struct Links {
    world: World,
    login: String,
    token: String,
}

impl Links {
    async fn new() -> Self {
        let world = World::new().await;
        let (login, token) = world.token("alice", Duration::from_secs(3600)).await;
        let links = Self { world, login, token };
        links.project("home:alice:p").await;
        links
    }

    async fn project(&self, name: &str) {
        let meta = format!("<project name=\"{name}\"><title/><description/></project>");
        self.ok("PUT", &format!("/source/{name}/_meta"), &meta).await;
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let request = self.world.request(method, path).basic_auth(&self.login, Some(&self.token));
        self.world.send(request.body(body.to_owned())).await
    }

    async fn ok(&self, method: &str, path: &str, body: &str) -> String {
        let answer = self.send(method, path, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer.text()
    }

    async fn get(&self, path: &str) -> String {
        self.ok("GET", path, "").await
    }

    async fn refused(&self, method: &str, path: &str, body: &str) -> String {
        let answer = self.send(method, path, body).await;
        assert!((400..500).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        answer.text()
    }

    /// A package with files.
    async fn package(&self, name: &str, files: &[(&str, &str)]) {
        let meta = format!("<package name=\"{name}\"><title/><description/></package>");
        self.ok("PUT", &format!("/source/home:alice:p/{name}/_meta"), &meta).await;
        for (file, content) in files {
            self.ok("PUT", &format!("/source/home:alice:p/{name}/{file}"), content).await;
        }
    }
}

/// The value of an attribute in a document.
fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.find(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name} in {text}")) + name.len() + 3;
    text[start..].split('"').next().unwrap()
}

#[tokio::test]
async fn a_list_says_whether_a_link_is_put_together() {
    let links = Links::new().await;
    links.package("a", &[("x.txt", "1\n")]).await;
    links.package("b", &[("_link", "<link package=\"a\"/>"), ("y.txt", "2\n")]).await;
    let own = links.get("/source/home:alice:p/b?rev=latest").await;
    let (whole, local) = (attribute(&own, "xsrcmd5"), attribute(&own, "lsrcmd5"));
    assert_eq!(attribute(&own, "rev"), "2");
    assert!(own.contains("name=\"_link\"") && !own.contains("x.txt"), "{own}");
    let target = links.get("/source/home:alice:p/a").await;
    assert!(own.contains(&format!(" srcmd5=\"{}\"", attribute(&target, "srcmd5"))));
    let named = links.get(&format!("/source/home:alice:p/b?rev={whole}")).await;
    let expanded = links.get("/source/home:alice:p/b?expand=1").await;
    assert_eq!(named, expanded);
    assert!(!expanded.contains("xsrcmd5") && expanded.contains(&format!("lsrcmd5=\"{local}\"")), "{expanded}");
    assert!(expanded.contains("x.txt") && expanded.contains("y.txt") && !expanded.contains("_link"), "{expanded}");
    assert_eq!(attribute(&expanded, "rev"), whole);
    assert_eq!(links.get(&format!("/source/home:alice:p/b/x.txt?rev={whole}")).await, "1\n");
    assert_eq!(links.get("/source/home:alice:p/b/x.txt?expand=1").await, "1\n");
    links.refused("GET", "/source/home:alice:p/b/x.txt", "").await;
    let info = links.get("/source/home:alice:p?view=info&nofilename=1&package=b").await;
    assert!(info.contains("<linked project=\"home:alice:p\" package=\"a\"/>") && info.contains(whole), "{info}");
    // What was put together once is found under its name, whatever becomes of the other package.
    links.ok("PUT", "/source/home:alice:p/a/x.txt", "other\n").await;
    assert_eq!(links.get(&format!("/source/home:alice:p/b/x.txt?rev={whole}")).await, "1\n");
    assert_eq!(links.get("/source/home:alice:p/b/x.txt?expand=1").await, "other\n");
    assert_ne!(attribute(&links.get("/source/home:alice:p/b").await, "xsrcmd5"), whole);
}

#[tokio::test]
async fn a_link_that_leads_nowhere_says_why() {
    let links = Links::new().await;
    links.package("a", &[("_link", "<link package=\"b\"/>")]).await;
    for (link, why) in [
        ("<link package=\"nosuch\"/>", "linked package 'nosuch' does not exist in project 'home:alice:p'"),
        ("<link project=\"no:such\" package=\"x\"/>", "linked project 'no:such' does not exist"),
        ("<link package=\"a\"/>", "circular package link"),
        ("<link/>", "circular package link"),
        ("<link package=\"empty\"/>", "linked package 'empty' is empty"),
        ("<link package=\"full\" rev=\"7\"/>", "no such revision '7'"),
        ("<link package=\"full\" rev=\"nonsense\"/>", "no such revision 'nonsense'"),
    ] {
        links.package("empty", &[]).await;
        links.package("full", &[("x", "1")]).await;
        links.package("b", &[("_link", link)]).await;
        let listed = links.get("/source/home:alice:p/b").await;
        assert!(listed.contains(why) && listed.contains("error=") && !listed.contains("xsrcmd5"), "{listed}");
        assert!(links.refused("GET", "/source/home:alice:p/b?expand=1", "").await.contains(why));
    }
    links.package("b", &[("_link", "<link package=\"nosuch\" missingok=\"1\"/>")]).await;
    assert!(links.get("/source/home:alice:p/b").await.contains("missingok=\"true\""));
    assert!(links.get("/source/home:alice:p/b?expand=1").await.contains("linkinfo"));
}

#[tokio::test]
async fn links_that_can_not_be_read_are_refused_when_they_are_sent() {
    let links = Links::new().await;
    links.package("a", &[]).await;
    for (link, why) in [
        ("<link package=\"../x\"/>", "is not a package name"),
        ("<link package=\"b:flavor\"/>", "illegal package name"),
        ("<link><patches><add name=\"a\" type=\"x\"/></patches></link>", "attribute type of &lt;add&gt;"),
        ("<!DOCTYPE l [<!ENTITY e \"x\">]><link/>", "document type"),
        ("<services/>", "is not a &lt;link&gt;"),
    ] {
        let refused = links.refused("PUT", "/source/home:alice:p/a/_link", link).await;
        assert!(refused.contains(why), "{refused}");
    }
    assert!(links.refused("PUT", "/source/home:alice:p/a/_other", "x").await.contains("the special file _other"));
    assert!(!links.get("/source/home:alice:p/a").await.contains("entry"));
}

#[tokio::test]
async fn services_are_refused_by_name_and_say_how_far_they_are() {
    let links = Links::new().await;
    links.package("a", &[("x.txt", "1\n")]).await;
    for (services, why) in [
        ("<service name=\"go_modules\"/>", "the service go_modules is not known"),
        ("<service name=\"recompress\"><param name=\"level\">9</param></service>", "the parameter level"),
        ("<service name=\"tar_scm\"><param name=\"scm\">svn</param></service>", "scm only as git"),
        ("<service name=\"../../bin/sh\"/>", "without a name"),
    ] {
        let text = format!("<services>{services}</services>");
        let refused = links.refused("PUT", "/source/home:alice:p/a/_service", &text).await;
        assert!(refused.contains(why), "{refused}");
    }
    assert!(links.refused("POST", "/source/home:alice:p/a?cmd=runservice", "").await.contains("has no services"));
    assert!(links.refused("POST", "/source/home:alice:p/a?cmd=mergeservice", "").await.contains("has no services"));
    // Nobody runs what is for hand only.
    let by_hand = "<services><service name=\"go_modules\" mode=\"manual\"/></services>";
    links.package("b", &[("_service", by_hand)]).await;
    assert!(!links.get("/source/home:alice:p/b").await.contains("serviceinfo"));
    let download = "<services><service name=\"download_url\"><param name=\"url\">http://example.org/a.tar</param>\
                    </service></services>";
    links.package("c", &[("_service", download)]).await;
    // Nothing runs here, so the answer comes without them.
    let listed = links.get("/source/home:alice:p/c").await;
    assert!(listed.contains("<serviceinfo code=\"running\"") && listed.contains("name=\"_service\""), "{listed}");
    let refused = links.refused("POST", "/source/home:alice:p/c?cmd=mergeservice", "").await;
    assert!(refused.contains("still running"), "{refused}");
}

#[tokio::test]
async fn long_chains_of_links_end() {
    let links = Links::new().await;
    links.package("p0", &[("x.txt", "1\n")]).await;
    for number in 1..=22 {
        let link = format!("<link package=\"p{}\"/>", number - 1);
        links.package(&format!("p{number}"), &[("_link", link.as_str())]).await;
    }
    assert_eq!(links.get("/source/home:alice:p/p20/x.txt?expand=1").await, "1\n");
    assert!(links.get("/source/home:alice:p/p22").await.contains("links in a row"));
}

#[tokio::test]
async fn merges_of_large_files_end() {
    let links = Links::new().await;
    let text = |step: u32| -> String { (0..20_000).map(|at| format!("{}\n", at * step % 20_011)).collect() };
    links.package("a", &[("x.txt", &text(1))]).await;
    links.project("home:alice:b").await;
    links.ok("POST", "/source/home:alice:p/a?cmd=branch&target_project=home:alice:b", "").await;
    links.ok("PUT", "/source/home:alice:b/a/x.txt", &text(7919)).await;
    links.ok("PUT", "/source/home:alice:p/a/x.txt", &text(7907)).await;
    let listed = links.get("/source/home:alice:b/a").await;
    assert!(listed.contains("conflict in file x.txt"), "{listed}");
    let differs = links.ok("POST", "/source/home:alice:p/a?cmd=diff&unified=1", "").await;
    assert!(differs.contains("@@"));
}

#[tokio::test]
async fn a_branch_names_what_was_made_and_needs_the_right_to_make_it() {
    let links = Links::new().await;
    links.package("a", &[("x.txt", "1\n")]).await;
    let made = links.ok("POST", "/source/home:alice:p/a?cmd=branch", "").await;
    for part in [
        "<data name=\"targetproject\">home:alice:branches:home:alice:p</data>",
        "<data name=\"targetpackage\">a</data>",
        "<data name=\"sourceproject\">home:alice:p</data>",
        "<data name=\"sourcepackage\">a</data>",
    ] {
        assert!(made.contains(part), "{part}: {made}");
    }
    let again = links.send("POST", "/source/home:alice:p/a?cmd=branch", "").await;
    assert_eq!(again.header("x-opensuse-errorcode"), Some("double_branch_package"));
    assert!(again.text().contains("branch target package already exists: home:alice:branches:home:alice:p/a"));
    links.ok("POST", "/source/home:alice:p/a?cmd=branch&force=1", "").await;
    links.refused("POST", "/source/home:alice:p/a?cmd=branch&target_project=home:bob:x", "").await;
    links.refused("POST", "/source/home:alice:p/nosuch?cmd=branch", "").await;
    assert!(links.refused("POST", "/source/home:alice:p/a?cmd=branch&maintenance=1", "").await.contains("maintenance"));
    links.refused("POST", "/source/home:alice:p/a?cmd=linktobranch", "").await;
    links.refused("POST", "/source/home:alice:p/a?cmd=copy", "").await;
    let (login, token) = links.world.token("bob", Duration::from_secs(60)).await;
    for command in ["linktobranch", "copy&oproject=home:alice:p&opackage=a&orev=1"] {
        let path = format!("/source/home:alice:branches:home:alice:p/a?cmd={command}");
        let request = links.world.request("POST", &path).basic_auth(&login, Some(&token));
        let answer = links.world.send(request).await;
        assert!([400, 403].contains(&answer.status), "{command}: {}", answer.text());
    }
}
