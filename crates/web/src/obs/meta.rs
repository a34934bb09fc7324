//! Projects and packages as `_meta` documents.
//!
//! A client refuses documents with anything it does not know, so what is written here is exactly what its model has; what
//! is read and Kiln can not do is refused by name.

use model::{About, BlockMode, Flag, FlagKind, GroupRole, PackageName, PathElement, Person, ProjectName};
use model::{RebuildMode, RepositoryName, Role, UserName};
use pkg::Arch;
use service::{DescribedProject, ProjectView, WantedProject, WantedRepository};

use super::call::{arch_name, project_name, repository_name};
use super::error::ObsError;
use super::xml::{Element, Node};

/// The switches Kiln has.
const FLAGS: [(&str, FlagKind); 5] = [
    ("lock", FlagKind::Lock),
    ("build", FlagKind::Build),
    ("publish", FlagKind::Publish),
    ("useforbuild", FlagKind::UseForBuild),
    ("debuginfo", FlagKind::DebugInfo),
];

/// Switches that Kiln has in one position only: everybody may read everything.
const FIXED: [&str; 3] = ["binarydownload", "sourceaccess", "access"];

/// A switch by its name.
pub(super) fn flag_kind(name: &str) -> Result<FlagKind, ObsError> {
    let found = FLAGS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    found.ok_or_else(|| match FIXED.contains(&name) {
        true => ObsError::not_yet(format_args!("the flag {name}")),
        false => ObsError::invalid(format!("{:?} is no flag", shorten(name))),
    })
}

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
    if let Some(name) = FIXED.iter().find(|name| **name == child.name) {
        return match child.children.iter().find(|flag| flag.name == "disable") {
            None => Ok(()),
            Some(_) => Err(ObsError::not_yet(format_args!("<{name}><disable/></{name}>"))),
        };
    }
    match child.name.as_str() {
        "title" => child.text().clone_into(&mut about.title),
        "description" => child.text().clone_into(&mut about.description),
        "url" => about.url = Some(child.text().to_owned()).filter(|url| !url.is_empty()),
        "person" => about.people.push(read_person(child)?),
        "group" => about.groups.push(read_group(child)?),
        "link" | "devel" | "maintenance" | "mountproject" | "remoteurl" | "scmsync" | "releasename" | "bcntsynctag" => {
            return Err(ObsError::not_yet(format_args!("<{}> in _meta", child.name)));
        }
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

fn read_group(element: &Element) -> Result<GroupRole, ObsError> {
    only(element, &["groupid", "role"])?;
    let needed = |name: &str| element.attribute(name).ok_or_else(|| validation(format!("<group> without {name}")));
    let group = UserName::parse(needed("groupid")?).map_err(|error| validation(error.to_string()))?;
    let role = needed("role")?;
    let role = Role::parse(role).ok_or_else(|| validation(format!("{:?} is no role", shorten(role))))?;
    Ok(GroupRole { group, role })
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
        if kind == FlagKind::Lock && (repository.is_some() || arch.is_some()) {
            return Err(validation("a lock is for everything or for nothing".to_owned()));
        }
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
    let repositories = view.repositories.iter().cloned().map(WantedRepository::from).collect();
    described(&view.project.name, &DescribedProject { about: view.about.clone(), repositories })
}

/// Writes the `_meta` a project had once.
pub(super) fn described(name: &ProjectName, said: &DescribedProject) -> Node {
    let root = Node::new("project").with("name", name);
    about(root, &said.about).children(said.repositories.iter().map(repository))
}

/// Writes the `_meta` of a package.
pub(super) fn package(project: &ProjectName, name: &PackageName, said: &About) -> Node {
    about(Node::new("package").with("name", name).with("project", project), said)
}

fn about(root: Node, about: &About) -> Node {
    let person = |person: &Person| Node::new("person").with("userid", &person.user).with("role", person.role.as_str());
    let group = |group: &GroupRole| Node::new("group").with("groupid", &group.group).with("role", group.role.as_str());
    let node = root
        .child(Node::leaf("title", about.title.as_str()))
        .child(Node::leaf("description", about.description.as_str()))
        .children(about.url.as_ref().map(|url| Node::leaf("url", url.as_str())))
        .children(about.people.iter().map(person))
        .children(about.groups.iter().map(group));
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

fn repository(repository: &WantedRepository) -> Node {
    let path = |element: &PathElement| {
        Node::new("path").with("project", &element.project).with("repository", &element.repository)
    };
    let changed = |word: &'static str, is_default: bool| Some(word).filter(|_| !is_default);
    Node::new("repository")
        .with("name", &repository.name)
        .with_maybe("rebuild", changed(repository.rebuild.as_str(), repository.rebuild == RebuildMode::default()))
        .with_maybe("block", changed(repository.block.as_str(), repository.block == BlockMode::default()))
        .children(repository.path.iter().map(path))
        .children(repository.arches.iter().map(|arch| Node::leaf("arch", arch.as_str())))
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
             <repository name='standard' rebuild='local' block='never'><path project='Debian:12' repository='standard'/>\
             <arch>x86_64</arch><arch>i586</arch></repository></project>",
        )
        .unwrap();
        assert_eq!((wanted.about.title.as_str(), wanted.about.people.len(), wanted.about.flags.len()), ("T", 1, 4));
        assert_eq!(wanted.repositories[0].path[0].to_string(), "Debian:12/standard");
        assert_eq!(wanted.repositories[0].arches.len(), 2);
        let name = ProjectName::parse("home:dev").unwrap();
        let said = DescribedProject { about: wanted.about, repositories: wanted.repositories };
        let shown = described(&name, &said).render();
        assert!(shown.contains("<repository name=\"standard\" rebuild=\"local\" block=\"never\">"), "{shown}");
        let again = read_project(&xml::read(shown.as_bytes()).unwrap(), &name).unwrap();
        let again = DescribedProject { about: again.about, repositories: again.repositories };
        assert_eq!(described(&name, &again).render(), shown);
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for (inside, word) in [
            ("<lock><enable arch='x86_64'/></lock>", "for everything or for nothing"),
            ("<binarydownload><disable/></binarydownload>", "<binarydownload><disable/>"),
            ("<access><disable/></access>", "<access><disable/></access>"),
            ("<link project='x'/>", "<link> in _meta"),
            ("<group groupid='x' role='king'/>", "is no role"),
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
