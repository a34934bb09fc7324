//! `_attribute`: named lists of values that tools keep with projects and packages. They mean nothing to Kiln.

use axum::body::Body;
use model::{PackageName, Project};

use super::call::{Answer, Call, directory, document, ok, read_xml};
use super::error::ObsError;
use super::xml::Node;

/// The one namespace there is.
const NAMESPACE: &str = "OBS";

/// The attributes in it.
const NAMES: [&str; 26] = [
    "ApprovedRequestSource",
    "AutoCleanup",
    "BranchRepositoriesFromProject",
    "BranchSkipRepositories",
    "BranchTarget",
    "CreatorCannotAcceptOwnRequests",
    "DelegateRequestTarget",
    "EmbargoDate",
    "EnforceRevisionsInRequests",
    "ImageTemplates",
    "IncidentPriority",
    "InitializeDevelPackage",
    "Issues",
    "MaintenanceIdTemplate",
    "MaintenanceProject",
    "MakeOriginOlder",
    "Maintained",
    "OwnerRootProject",
    "PlannedReleaseDate",
    "ProjectStatusPackageFailComment",
    "QualityCategory",
    "RejectRequests",
    "RequestCloned",
    "ScreenShots",
    "UpdateProject",
    "VeryImportantProject",
];

/// The full name of an attribute that exists.
fn full_name(namespace: &str, name: &str) -> Result<String, ObsError> {
    if namespace == NAMESPACE && NAMES.contains(&name) {
        return Ok(format!("{namespace}:{name}"));
    }
    let shown: String = format!("{namespace}:{name}").chars().take(80).collect();
    Err(ObsError::missing(format!("attribute type {shown} does not exist")))
}

fn parse(text: &str) -> Result<String, ObsError> {
    match text.split_once(':') {
        Some((namespace, name)) => full_name(namespace, name),
        None => Err(ObsError::invalid("an attribute is called NAMESPACE:NAME")),
    }
}

/// The attributes of a project or a package as conditions of searches see them: with their full names.
pub(super) async fn nodes(
    call: &Call,
    project: &Project,
    package: Option<&PackageName>,
) -> Result<Vec<Node>, ObsError> {
    let found = call.app.service.attributes(project.id, package).await?;
    Ok(found.keys().map(|name| Node::new("attribute").with("name", name)).collect())
}

fn node(name: &str, values: &[String]) -> Node {
    let (namespace, short) = name.split_once(':').unwrap_or(("", name));
    Node::new("attribute")
        .with("name", short)
        .with("namespace", namespace)
        .children(values.iter().map(|value| Node::leaf("value", value.as_str())))
}

/// `GET .../_attribute[/NAMESPACE:NAME]`.
pub(super) async fn show(call: &Call, project: &Project, package: Option<&PackageName>, name: Option<&str>) -> Answer {
    let name = name.map(parse).transpose()?;
    let found = call.app.service.attributes(project.id, package).await?;
    let wanted = found.iter().filter(|(known, _)| name.as_ref().is_none_or(|name| name == *known));
    Ok(document(&Node::new("attributes").children(wanted.map(|(name, values)| node(name, values)))))
}

/// `PUT|POST .../_attribute[/NAMESPACE:NAME]`: all of the document or nothing.
pub(super) async fn store(
    call: &Call,
    project: &Project,
    package: Option<&PackageName>,
    name: Option<&str>,
    body: Body,
) -> Answer {
    let only = name.map(parse).transpose()?;
    let root = read_xml(body).await?;
    if root.name != "attributes" {
        return Err(ObsError::invalid("the document is no <attributes>"));
    }
    let mut changes = Vec::new();
    for element in &root.children {
        let needed = |name: &str| {
            element.attribute(name).ok_or_else(|| ObsError::invalid(format!("<attribute> without {name}")))
        };
        let name = full_name(needed("namespace")?, needed("name")?)?;
        if only.as_ref().is_some_and(|only| *only != name) {
            return Err(ObsError::invalid(format!("the document has {name}, which the address does not name")));
        }
        if let Some(other) = element.children.iter().find(|child| child.name != "value") {
            return Err(ObsError::not_yet(format_args!("<{}> in an attribute", other.name)));
        }
        changes.push((name, Some(element.children.iter().map(|value| value.text().to_owned()).collect())));
    }
    call.app.service.set_attributes(&call.user, project.id, package, &changes).await?;
    Ok(ok())
}

/// `DELETE .../_attribute/NAMESPACE:NAME`.
pub(super) async fn delete(call: &Call, project: &Project, package: Option<&PackageName>, name: &str) -> Answer {
    let name = parse(name)?;
    let found = call.app.service.attributes(project.id, package).await?;
    if !found.contains_key(&name) {
        return Err(ObsError::missing(format!("{} has no attribute {name}", project.name)));
    }
    call.app.service.set_attributes(&call.user, project.id, package, &[(name, None)]).await?;
    Ok(ok())
}

/// `GET /attribute[/NAMESPACE[/NAME/_meta]]`: which there are.
pub(super) fn kinds(path: &[&str]) -> Answer {
    match path {
        [] => Ok(directory([NAMESPACE])),
        [NAMESPACE] => Ok(directory(NAMES)),
        [NAMESPACE, "_meta"] => Ok(document(&Node::new("namespace").with("name", NAMESPACE))),
        [namespace, name, "_meta"] => {
            full_name(namespace, name)?;
            Ok(document(&Node::new("definition").with("name", name).with("namespace", namespace)))
        }
        _ => Err(ObsError::missing("there is only the namespace OBS")),
    }
}
