//! `_builddepinfo`: which packages of a project need which others.

use model::Project;
use service::{BuildNeeds, PackageNeeds, TargetName};

use super::call::{Answer, Call, document};
use super::error::ObsError;
use super::xml::Node;

/// `GET /build/P/R/A/_builddepinfo`.
pub(super) async fn show(call: &Call, project: &Project, target: &TargetName) -> Answer {
    let found = call.app.service.build_needs(project.id, target).await?;
    let wanted: Vec<&str> = call.query.all("package").collect();
    for name in &wanted {
        if !found.packages.iter().any(|one| one.package.as_str() == *name) {
            // One that has no source that could be read yet needs nothing.
            let package = super::call::package_name(name)?;
            call.app.service.package(project.id, &package).await?;
        }
    }
    let is_wanted = |one: &&PackageNeeds| wanted.is_empty() || wanted.contains(&one.package.as_str());
    let asked = found.packages.iter().filter(is_wanted);
    let nodes: Vec<Node> = match call.query.get("view") {
        None => asked
            .map(|one| whole(one).children(one.makes.iter().map(|name| Node::leaf("subpkg", name.as_str()))))
            .collect(),
        Some("pkgnames") => asked.map(whole).collect(),
        Some("revpkgnames") => asked.map(|one| reverse(one, &found)).collect(),
        Some("order") => {
            let ordered = found.order.iter().filter_map(|place| found.packages.get(*place));
            ordered.filter(is_wanted).map(|one| Node::new("package").with("name", &one.package)).collect()
        }
        Some(view) => {
            let view: String = view.chars().take(40).collect();
            return Err(ObsError::invalid(format!("unknown view '{view}'")));
        }
    };
    let cycle = |members: &Vec<model::PackageName>| {
        Node::new("cycle").children(members.iter().map(|name| Node::leaf("package", name.as_str())))
    };
    Ok(document(&Node::new("builddepinfo").children(nodes).children(found.cycles.iter().map(cycle))))
}

fn whole(one: &PackageNeeds) -> Node {
    Node::new("package")
        .with("name", &one.package)
        .child(Node::leaf("source", one.source.as_str()))
        .children(one.needs.iter().map(|name| Node::leaf("pkgdep", name.as_str())))
}

/// Who needs it.
fn reverse(one: &PackageNeeds, all: &BuildNeeds) -> Node {
    let needing = all.packages.iter().filter(|other| other.needs.contains(&one.package));
    Node::new("package")
        .with("name", &one.package)
        .child(Node::leaf("source", one.source.as_str()))
        .children(needing.map(|other| Node::leaf("pkgdep", other.package.as_str())))
}
