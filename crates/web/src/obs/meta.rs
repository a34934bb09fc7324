//! Projects and packages as `_meta` documents.
//!
//! A client refuses documents with anything it does not know, so what is written here is exactly what its model has; what
//! is read and Kiln can not do is refused by name.

use model::{
    About, BlockMode, Flag, FlagKind, PackageName, PathElement, Person, ProjectName, Repository, RepositoryName, Role,
};
use model::{RebuildMode, UserName};
use pkg::Arch;
use service::{ProjectView, WantedProject, WantedRepository};

use super::call::{arch_name, project_name, repository_name};
use super::error::ObsError;
use super::xml::{Element, Node};

/// The switches Kiln has.
const FLAGS: [(&str, FlagKind); 3] =
    [("build", FlagKind::Build), ("publish", FlagKind::Publish), ("debuginfo", FlagKind::DebugInfo)];

/// Switches that Kiln has in one position only.
const FIXED: [(&str, bool); 5] =
    [("lock", false), ("useforbuild", true), ("binarydownload", true), ("sourceaccess", true), ("access", true)];

/// Reads the `_meta` of a project.
pub(super) fn read_project(root: &Element, name: &ProjectName) -> Result<WantedProject, ObsError> {
    check_root(root, "project", &[("name", name.as_str())], &["kind"])?;
    if let Some(kind) = root.attribute("kind").filter(|kind| *kind != "standard") {
        return Err(ObsError::not_yet(format_args!("projects of kind {kind}")));
    }
    let mut wanted = WantedProject::default();
    for child in &root.children {
        if child.name == "repository" {
            let repository = read_repository(child)?;
            if wanted.repositories.iter().any(|other| other.name == repository.name) {
                return Err(validation(format!("repository {} is there twice", repository.name)));
            }
            wanted.repositories.push(repository);
        } else {
            read_about(child, &mut wanted.about)?;
        }
    }
    Ok(wanted)
}

/// Reads the `_meta` of a package.
pub(super) fn read_package(root: &Element, project: &ProjectName, name: &PackageName) -> Result<About, ObsError> {
    check_root(root, "package", &[("name", name.as_str()), ("project", project.as_str())], &[])?;
    let mut about = About::default();
    root.children.iter().try_for_each(|child| read_about(child, &mut about))?;
    if about.flags.iter().any(|flag| flag.kind == FlagKind::Publish) {
        return Err(ObsError::not_yet("a publish flag of one package"));
    }
    Ok(about)
}

fn validation(summary: String) -> ObsError {
    ObsError::new(axum::http::StatusCode::BAD_REQUEST, "validation_failed", summary)
}

/// The root's name and attributes; what names the document must be what the address names, or absent.
fn check_root(root: &Element, name: &str, same: &[(&str, &str)], also: &[&str]) -> Result<(), ObsError> {
    if root.name != name {
        return Err(validation(format!("the document is a <{}>, not a <{name}>", shorten(&root.name))));
    }
    for (attribute, expected) in same {
        if let Some(found) = root.attribute(attribute).filter(|found| found != expected) {
            let summary =
                format!("{name} {attribute} in the document is {:?}, in the address {expected:?}", shorten(found));
            return Err(ObsError::new(axum::http::StatusCode::BAD_REQUEST, "project_name_mismatch", summary));
        }
    }
    let known: Vec<&str> = same.iter().map(|(attribute, _)| *attribute).chain(also.iter().copied()).collect();
    only(root, &known)
}

/// Refuses attributes that are none of those.
fn only(element: &Element, known: &[&str]) -> Result<(), ObsError> {
    match element.attribute_other_than(known) {
        None => Ok(()),
        Some(other) => Err(validation(format!("<{}> has no attribute {:?}", element.name, shorten(other)))),
    }
}

fn read_about(child: &Element, about: &mut About) -> Result<(), ObsError> {
    if let Some((_, kind)) = FLAGS.iter().find(|(name, _)| *name == child.name) {
        return read_flags(child, *kind, about);
    }
    if let Some((name, fixed)) = FIXED.iter().find(|(name, _)| *name == child.name) {
        let other = if *fixed { "disable" } else { "enable" };
        return match child.children.iter().find(|flag| flag.name == other) {
            None => Ok(()),
            Some(_) => Err(ObsError::not_yet(format_args!("<{name}><{other}/></{name}>"))),
        };
    }
    match child.name.as_str() {
        "title" => child.text().clone_into(&mut about.title),
        "description" => child.text().clone_into(&mut about.description),
        "url" => about.url = Some(child.text().to_owned()).filter(|url| !url.is_empty()),
        "person" => about.people.push(read_person(child)?),
        "group" | "link" | "devel" | "maintenance" | "mountproject" | "remoteurl" | "scmsync" | "releasename"
        | "bcntsynctag" => return Err(ObsError::not_yet(format_args!("<{}> in _meta", child.name))),
        other => return Err(validation(format!("_meta has no element <{}>", shorten(other)))),
    }
    Ok(())
}

fn read_person(element: &Element) -> Result<Person, ObsError> {
    only(element, &["userid", "role"])?;
    let needed = |name: &str| element.attribute(name).ok_or_else(|| validation(format!("<person> without {name}")));
    let user = UserName::parse(needed("userid")?).map_err(|error| validation(error.to_string()))?;
    let role = needed("role")?;
    let role = Role::parse(role).ok_or_else(|| validation(format!("{:?} is no role", shorten(role))))?;
    Ok(Person { user, role })
}

fn read_flags(element: &Element, kind: FlagKind, about: &mut About) -> Result<(), ObsError> {
    for flag in &element.children {
        only(flag, &["repository", "arch"])?;
        let on = match flag.name.as_str() {
            "enable" => true,
            "disable" => false,
            other => return Err(validation(format!("<{}> in <{}>", shorten(other), element.name))),
        };
        let repository = flag.attribute("repository").map(repository_name).transpose()?;
        let arch = flag.attribute("arch").map(arch_name).transpose()?;
        about.flags.push(Flag { kind, on, repository, arch });
    }
    Ok(())
}

fn read_repository(element: &Element) -> Result<WantedRepository, ObsError> {
    only(element, &["name", "rebuild", "block", "linkedbuild"])?;
    if let Some(other) = element.attribute("linkedbuild").filter(|value| *value != "off") {
        return Err(ObsError::not_yet(format_args!("linkedbuild={:?} of a repository", shorten(other))));
    }
    let unknown = |attribute: &str, word: &str| validation(format!("{attribute}={:?} is not known", shorten(word)));
    let rebuild =
        element.attribute("rebuild").map(|word| RebuildMode::parse(word).ok_or_else(|| unknown("rebuild", word)));
    let block = element.attribute("block").map(|word| BlockMode::parse(word).ok_or_else(|| unknown("block", word)));
    let (rebuild, block) = (rebuild.transpose()?.unwrap_or_default(), block.transpose()?.unwrap_or_default());
    let name = element.attribute("name").ok_or_else(|| validation("<repository> without name".to_owned()))?;
    let mut repository =
        WantedRepository { name: repository_name(name)?, path: Vec::new(), arches: Vec::new(), rebuild, block };
    for child in &element.children {
        match child.name.as_str() {
            "path" => {
                only(child, &["project", "repository"])?;
                let needed =
                    |name: &str| child.attribute(name).ok_or_else(|| validation(format!("<path> without {name}")));
                let element = PathElement {
                    project: project_name(needed("project")?)?,
                    repository: repository_name(needed("repository")?)?,
                };
                if !repository.path.contains(&element) {
                    repository.path.push(element);
                }
            }
            "arch" => {
                let arch: Arch = arch_name(child.text())?;
                if !repository.arches.contains(&arch) {
                    repository.arches.push(arch);
                }
            }
            "download" => {
                return Err(ObsError::not_yet("<download> in _meta; an administrator adds distributions otherwise"));
            }
            "releasetarget" | "hostsystem" => {
                return Err(ObsError::not_yet(format_args!("<{}> of a repository", child.name)));
            }
            other => return Err(validation(format!("<repository> has no element <{}>", shorten(other)))),
        }
    }
    Ok(repository)
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Writes the `_meta` of a project.
pub(super) fn project(view: &ProjectView) -> Node {
    let root = Node::new("project").with("name", &view.project.name);
    about(root, &view.about).children(view.repositories.iter().map(repository))
}

/// Writes the `_meta` of a package.
pub(super) fn package(project: &ProjectName, name: &PackageName, said: &About) -> Node {
    about(Node::new("package").with("name", name).with("project", project), said)
}

fn about(root: Node, about: &About) -> Node {
    let person = |person: &Person| Node::new("person").with("userid", &person.user).with("role", person.role.as_str());
    let node = root
        .child(Node::leaf("title", about.title.as_str()))
        .child(Node::leaf("description", about.description.as_str()))
        .children(about.url.as_ref().map(|url| Node::leaf("url", url.as_str())))
        .children(about.people.iter().map(person));
    FLAGS.iter().fold(node, |node, (name, kind)| {
        let flags: Vec<Node> = about.flags.iter().filter(|flag| flag.kind == *kind).map(flag).collect();
        if flags.is_empty() { node } else { node.child(Node::new(name).children(flags)) }
    })
}

fn flag(flag: &Flag) -> Node {
    Node::new(if flag.on { "enable" } else { "disable" })
        .with_maybe("repository", flag.repository.as_ref().map(RepositoryName::as_str))
        .with_maybe("arch", flag.arch.as_ref().map(Arch::as_str))
}

fn repository(repository: &Repository) -> Node {
    let path = |element: &PathElement| {
        Node::new("path").with("project", &element.project).with("repository", &element.repository)
    };
    let changed = |word: &'static str, is_default: bool| Some(word).filter(|_| !is_default);
    Node::new("repository")
        .with("name", &repository.name)
        .with_maybe("rebuild", changed(repository.rebuild.as_str(), repository.rebuild == RebuildMode::default()))
        .with_maybe("block", changed(repository.block.as_str(), repository.block == BlockMode::default()))
        .children(repository.path.iter().map(path))
        .children(repository.arches.iter().map(|arch| Node::leaf("arch", arch.arch.as_str())))
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    fn read(text: &str) -> Result<WantedProject, String> {
        let root = xml::read(text.as_bytes()).map_err(|error| error.to_string())?;
        read_project(&root, &ProjectName::parse("home:dev").unwrap()).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_template_of_the_client_is_understood() {
        let wanted = read(
            "<project name=\"home:dev\">\r\n  <title>T</title>\r\n  <description/><!-- words -->\r\n\
             <person role=\"maintainer\" userid=\"dev\" />\r\n<publish>\r\n<disable />\r\n</publish>\
             <build><enable/><disable arch='i586'/></build><lock><disable/></lock>\
             <repository name='standard' rebuild='transitive' block='all'><path project='Debian:12' repository='standard'/>\
             <arch>x86_64</arch><arch>i586</arch></repository></project>",
        )
        .unwrap();
        assert_eq!((wanted.about.title.as_str(), wanted.about.people.len(), wanted.about.flags.len()), ("T", 1, 3));
        assert_eq!(wanted.repositories[0].path[0].to_string(), "Debian:12/standard");
        assert_eq!(wanted.repositories[0].arches.len(), 2);
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for (inside, word) in [
            ("<lock><enable/></lock>", "<lock><enable/></lock>"),
            ("<access><disable/></access>", "<access><disable/></access>"),
            ("<link project='x'/>", "<link> in _meta"),
            ("<group groupid='x' role='maintainer'/>", "<group> in _meta"),
            ("<nonsense/>", "no element <nonsense>"),
            ("<person userid='a' role='king'/>", "is no role"),
            ("<repository name='r' rebuild='sometimes'/>", "rebuild="),
            ("<repository name='r' block='maybe'/>", "block="),
            ("<repository name='r' linkedbuild='all'/>", "linkedbuild="),
            ("<repository name='r'><download/></repository>", "<download>"),
            ("<repository name='r'/><repository name='r'/>", "twice"),
            ("<repository name='_r'/>", "repository name"),
            ("<repository name='r'><arch>a b</arch></repository>", "arch"),
        ] {
            let refusal = read(&format!("<project name='home:dev'>{inside}</project>")).unwrap_err();
            assert!(refusal.contains(word), "{inside}: {refusal}");
        }
        assert!(read("<project name='home:other'/>").unwrap_err().contains("project_name_mismatch"));
        assert!(read("<package name='home:dev'/>").unwrap_err().contains("not a <project>"));
        assert!(read("<project created='1'/>").unwrap_err().contains("no attribute"));
    }
}
