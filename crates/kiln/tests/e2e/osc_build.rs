//! `osc build`: the client makes a root of what the server says and offers, and builds in it, on this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use testkit::http::HttpServer;
use testkit::rpm_distribution::RpmDistribution;

use crate::kit::Server;
use crate::osc_kit::{Client, Ended, clients, settings};

/// A package that every root gets: the distribution of the tests has no PAM, without which its `su` does nothing.
const TOOLS: &str = "\
Name: root-tools
Version: 1
Release: 1
Summary: What a root needs that has no PAM
License: MIT
BuildArch: noarch
Requires: util-linux
%description
What a root needs that has no PAM.
%install
mkdir -p %{buildroot}/usr/sbin
cat > %{buildroot}/usr/sbin/su <<'END'
#!/bin/sh
user=root command=
while [ $# -gt 0 ]; do
    case \"$1\" in
        -c) command=$2; shift ;;
        -|-l) ;;
        -s) shift ;;
        *) user=$1 ;;
    esac
    shift
done
IFS=: read -r _ _ uid gid _ home _ <<LINE
$(grep \"^$user:\" /etc/passwd)
LINE
cd \"$home\" 2>/dev/null || cd /
export HOME=\"$home\" USER=\"$user\" LOGNAME=\"$user\"
exec setpriv --reuid \"$uid\" --regid \"$gid\" --clear-groups -- /bin/sh ${command:+-c \"$command\"}
END
chmod 755 %{buildroot}/usr/sbin/su
%files
/usr/sbin/su
";

const HELLO: &str = "\
Name: hello
Version: 1.0
Release: 1%{?dist}
Summary: Says hello
License: MIT
Source0: hello.c
BuildRequires: gcc, make
%description
Says hello.
%prep
%setup -q -c -T
cp %{SOURCE0} .
%build
gcc %{optflags} -o hello hello.c
%install
install -D -m 755 hello %{buildroot}%{_bindir}/hello
%files
%{_bindir}/hello
";

const PROGRAM: &str = "#include <stdio.h>\nint main(void) { return puts(\"hello\") == EOF; }\n";

/// The scripts that build in a root, where the client of the distribution looks for them.
pub(crate) const DEBIAN_SCRIPTS: &str = "/usr/lib/obs-build";

/// A server with an rpm distribution, and a project whose roots get [`TOOLS`], which it has built.
struct Bed {
    server: Server,
    _archive: HttpServer,
    folder: tempfile::TempDir,
}

/// Says why there is none.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn bed() -> Option<Bed> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        eprintln!("skipped: only root may install a root");
        return None;
    }
    if scripts().is_none() {
        eprintln!("skipped: obs-build is not installed (scripts/setup.sh test does that)");
        return None;
    }
    let distribution = RpmDistribution::get_or_say()?;
    let archive = HttpServer::start();
    crate::rpm::serve(&archive, distribution.folder(), "dist");
    let folder = tempfile::tempdir().unwrap();
    let keyring = folder.path().join("keys.asc");
    std::fs::write(&keyring, RpmDistribution::public_key()).unwrap();
    let server = Server::start_with_engine(folder.path(), &["--workers", "1"]);
    let (repository, keyring) = (format!("all={}", archive.url("dist")), keyring.to_str().unwrap());
    server.json(&["dist", "add", "fedora-44", "--repository", &repository, "--keyring", keyring, "--arch", "x86_64"]);
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    server.json(&["project", "config", "Fedora:44", "--set", &write("prjconf", RpmDistribution::CONFIG)]);
    server.json(&["project", "create", "home:admin:tools", "--target", "fedora-44-x86_64"]);
    let build = server.json(&["submit", "home:admin:tools", &write("root-tools.spec", TOOLS)]);
    server.wait_for(build["build"].as_i64().unwrap(), "succeeded");
    Some(Bed { server, _archive: archive, folder })
}

impl Bed {
    /// The root of all clients: the scripts bring one that is there to what is asked for.
    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }
}

/// The folder of the scripts: a checkout that the environment names, or the distribution's.
pub(crate) fn scripts() -> Option<String> {
    let named = std::env::var("KILN_TEST_OBS_BUILD").ok().filter(|folder| !folder.is_empty());
    let folder = named.unwrap_or_else(|| DEBIAN_SCRIPTS.to_owned());
    Path::new(&folder).join("build").is_file().then_some(folder)
}

/// A client with its settings, which builds on this machine.
pub(crate) struct Local {
    pub(crate) client: Client,
    pub(crate) home: std::path::PathBuf,
    pub(crate) project: String,
}

impl Local {
    /// A client with a folder of its own below the one of the test, that builds in a root.
    pub(crate) fn new(server: &Server, folder: &Path, root: &Path, client: &Client) -> Self {
        let home = folder.join(format!("local-{}", client.name));
        std::fs::create_dir_all(&home).unwrap();
        let scripts = scripts().unwrap();
        let wrapper = home.join("build");
        // Debian's scripts are older than two options that the newest client always gives.
        let text = format!(
            "#!/bin/sh\nfor word; do\n  shift\n  case \"$word\" in\n    --repos-directory=*|--containers-directory=*) \
             test {scripts} = {DEBIAN_SCRIPTS} && continue ;;\n  esac\n  set -- \"$@\" \"$word\"\ndone\nexport \
             BUILD_DIR={scripts}\nexec {scripts}/build \"$@\"\n"
        );
        std::fs::write(&wrapper, text).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&wrapper).status().unwrap().success());
        let general = format!(
            "build-cmd = {}\nqueryconfig-cmd = {scripts}/queryconfig\nbuild-root = {}\npackagecachedir = \
             {}/cache\nsu-wrapper = env\n",
            wrapper.display(),
            root.display(),
            home.display()
        );
        settings(server, &home, "secret", &general);
        let project = format!("home:admin:{}", client.name);
        Self { client: client.clone(), home, project }
    }

    /// Makes the project with a configuration, and its package `hello` with these files; they are committed and checked out.
    pub(crate) fn commit(&self, paths: &str, config: &str, files: &[(&str, &[u8])]) {
        let project = &self.project;
        let meta = format!(
            "<project name=\"{project}\"><title/><description/><repository name=\"main\">{paths}<arch>x86_64</arch>\
             </repository></project>"
        );
        std::fs::write(self.home.join("meta"), meta).unwrap();
        std::fs::write(self.home.join("prjconf"), config).unwrap();
        self.ok("", &["meta", "prj", project, "-F", "meta"]);
        self.ok("", &["meta", "prjconf", project, "-F", "prjconf"]);
        self.ok("", &["co", project]);
        self.ok(project, &["mkpac", "hello"]);
        let folder = self.folder();
        for (name, content) in files {
            std::fs::write(self.home.join(&folder).join(name), content).unwrap();
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        self.ok(&folder, &[&["add"][..], &names].concat());
        self.ok(&folder, &["ci", "-m", "first"]);
    }

    pub(crate) fn folder(&self) -> String {
        format!("{}/hello", self.project)
    }

    pub(crate) fn run(&self, folder: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(self.client.program());
        command.arg("--config").arg(self.home.join("oscrc")).args(arguments).current_dir(self.home.join(folder));
        command.env("HOME", &self.home).env("LC_ALL", "C.UTF-8").env("PYTHONWARNINGS", "ignore");
        command.env("BUILD_DIR", scripts().unwrap()).stdin(Stdio::null());
        Ended::of(command.output().unwrap())
    }

    pub(crate) fn ok(&self, folder: &str, arguments: &[&str]) -> String {
        let ended = self.run(folder, arguments);
        assert_eq!(ended.code, 0, "{} {arguments:?}: {}", self.client.name, ended.all());
        ended.all()
    }
}

/// The client of the project with the rpm distribution.
struct RpmLocal<'a> {
    local: Local,
    bed: &'a Bed,
}

impl std::ops::Deref for RpmLocal<'_> {
    type Target = Local;

    fn deref(&self) -> &Local {
        &self.local
    }
}

impl<'a> RpmLocal<'a> {
    fn new(bed: &'a Bed, client: &Client) -> Self {
        let local = Local::new(&bed.server, bed.folder.path(), &bed.root(), client);
        let paths = "<path project=\"home:admin:tools\" repository=\"fedora-44\"/><path project=\"Fedora:44\" \
                     repository=\"standard\"/>";
        let files: [(&str, &[u8]); 2] = [("hello.spec", HELLO.as_bytes()), ("hello.c", PROGRAM.as_bytes())];
        local.commit(paths, "Support: root-tools\n", &files);
        Self { local, bed }
    }

    /// Builds the checkout; the package must be there afterwards.
    fn build(&self, options: &[&str]) -> String {
        let package = self.bed.root().join("home/abuild/rpmbuild/RPMS/x86_64/hello-1.0-1.t1.x86_64.rpm");
        let _none = std::fs::remove_file(&package);
        let options = [&["build", "--trust-all-projects"], options, &["main", "x86_64", "hello.spec"]].concat();
        let said = self.ok(&self.folder(), &options);
        assert!(package.is_file(), "{}: {said}", self.client.name);
        said
    }
}

#[test]
fn packages_are_built_at_home_with_what_the_server_offers() {
    let Some(bed) = bed() else { return };
    for client in clients() {
        let local = RpmLocal::new(&bed, &client);
        let said = local.build(&["--no-verify"]);
        assert!(said.contains("attempting download from api"), "{said}");
        // Everything is in the client's cache now.
        one_by_one(&local);
        let again = local.build(&["--no-verify", "--offline"]);
        assert!(!again.contains("from server"), "{again}");
        buildinfo(&local);
        if client.name == clients().first().map_or("", |first| first.name) {
            debugging_symbols(&local);
        }
    }
}

/// The server makes packages of debugging symbols for a package that asks for them, and for no other of its project.
fn debugging_symbols(local: &Local) {
    let project = &local.project;
    let built = |package: &str| local.ok("", &["ls", "-b", project, package, "main", "x86_64"]);
    let wait_for = |package: &str, word: &str| {
        let begun = std::time::Instant::now();
        while !built(package).contains(word) {
            assert!(begun.elapsed().as_secs() < 240, "{package} should have {word}: {}", built(package));
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    };
    wait_for("hello", "hello-1.0-1.t1.x86_64.rpm");
    assert!(!built("hello").contains("debuginfo"), "{}", built("hello"));
    let meta = format!(
        "<package name=\"other\" project=\"{project}\"><title/><description/><debuginfo><enable repository=\"main\"/>\
         </debuginfo></package>"
    );
    std::fs::write(local.home.join("meta"), meta).unwrap();
    local.ok("", &["meta", "pkg", project, "other", "-F", "meta"]);
    local.ok("", &["copypac", "-K", project, "hello", project, "other"]);
    local.ok("", &["rebuild", project, "hello"]);
    wait_for("other", "hello-debuginfo-1.0-1.t1.x86_64.rpm");
    local.ok("", &["results", "-w", project, "hello"]);
    assert!(!built("hello").contains("debuginfo"), "{}", built("hello"));
}

/// Without the archive of many packages the client asks for each: as much as shows that it gets them.
fn one_by_one(local: &Local) {
    let cached = local.home.join("cache/Fedora:44/standard/x86_64");
    for name in std::fs::read_dir(&cached).unwrap().take(3) {
        std::fs::remove_file(name.unwrap().path()).unwrap();
    }
    let options =
        ["build", "--trust-all-projects", "--preload", "--disable-cpio-bulk-download", "main", "x86_64", "hello.spec"];
    local.ok(&local.folder(), &options);
    assert!(std::fs::read_dir(&cached).unwrap().count() > 100);
}

fn buildinfo(local: &Local) {
    let project = &local.project;
    let said = local.ok(&local.folder(), &["buildinfo", "main", "x86_64", "hello.spec"]);
    assert!(said.contains("<bdep name=\"gcc\"") && said.contains("<file>hello.spec</file>"), "{said}");
    let (tools, _) = said.split_once("name=\"root-tools\"").map(|(_, rest)| rest.split_once("/>").unwrap()).unwrap();
    // The oldest client can not read an identity and gives up over it.
    assert_eq!(tools.contains("hdrmd5="), local.client.name == "fresh", "{tools}");
    assert!(tools.contains("project=\"home:admin:tools\" repository=\"fedora-44\" repoarch=\"x86_64\""), "{tools}");
    let outside = local.ok("", &["buildinfo", project, "hello", "main", "x86_64"]);
    assert!(outside.contains("<rev>1</rev>") && outside.contains("preinstall=\"1\""), "{outside}");
    let more = local.ok("", &["buildinfo", "-x", "zstd", "--debug", project, "hello", "main", "x86_64"]);
    assert!(more.contains("<bdep name=\"zstd\"") && more.contains("<expanddebug>"), "{more}");
    let spec = local.home.join(local.folder()).join("hello.spec");
    std::fs::write(&spec, HELLO.replace("gcc, make", "gcc, nosuch, neither")).unwrap();
    let said = local.ok(&local.folder(), &["buildinfo", "main", "x86_64", "hello.spec"]);
    assert!(said.contains("<error>unresolvable: nothing provides nosuch"), "{said}");
    let refused = local.run(&local.folder(), &["build", "--no-verify", "main", "x86_64", "hello.spec"]);
    assert!(refused.code == 1 && refused.all().contains("nothing provides neither"), "{}", refused.all());
    std::fs::write(&spec, "Summary: a\n").unwrap();
    let refused = local.run(&local.folder(), &["buildinfo", "main", "x86_64", "hello.spec"]);
    assert!(
        refused.code == 1 && refused.all().contains("could not parse build description (spec)"),
        "{}",
        refused.all()
    );
    std::fs::write(&spec, HELLO).unwrap();
    // Every project whose packages are in the root has keys, the mirrored one those of its archive.
    for other in [project, "home:admin:tools", "Fedora:44"] {
        assert!(local.ok("", &["signkey", other]).contains("BEGIN PGP PUBLIC KEY BLOCK"), "{other}");
    }
}
