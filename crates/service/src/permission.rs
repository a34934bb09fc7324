//! Who may do what. Everybody may read.
//!
//! A project below `home:USER` is that user's; a project below the name of a group is its members'; any other is whose who
//! created it. They, and administrators, may do everything to it. Others may be given the right to edit it (all but
//! deleting it), or only to build in it.

use model::{Project, ProjectName, RightState, Role};
use store::Session;

use crate::{Action, ServiceError, User};

/// The part of a project name that says whose it is: a user's, or a group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace<'a> {
    /// Below `home:` and this name.
    Home(&'a str),
    /// Below this name, or it itself.
    Shared(&'a str),
}

impl<'a> Namespace<'a> {
    /// Where a project lies.
    pub(crate) fn of(project: &'a ProjectName) -> Self {
        let mut parts = project.as_str().split(':');
        match (parts.next(), parts.next()) {
            (Some("home"), Some(user)) => Self::Home(user),
            (first, _) => Self::Shared(first.unwrap_or_default()),
        }
    }
}

/// Whether a user may do something to a project, and nobody has locked it; `object` is what the error names.
pub(crate) async fn check_project(
    session: &mut Session,
    actor: &User,
    action: Action,
    project: &Project,
    object: impl std::fmt::Display,
) -> Result<(), ServiceError> {
    check_right(session, actor, action, project, object).await?;
    if action != Action::CancelBuild && session.about_project(project.id).await?.is_locked() {
        return Err(ServiceError::Locked { object: format!("project {}", project.name) });
    }
    Ok(())
}

/// As [`check_project`], locked or not.
pub(crate) async fn check_right(
    session: &mut Session,
    actor: &User,
    action: Action,
    project: &Project,
    object: impl std::fmt::Display,
) -> Result<(), ServiceError> {
    let may = owns(session, actor, project).await? || has_right(session, actor, action, project).await?;
    check(actor, action, may, object)
}

/// Whether a project is a user's own, or the user an administrator.
pub(crate) async fn owns(session: &mut Session, actor: &User, project: &Project) -> Result<bool, ServiceError> {
    if actor.admin {
        return Ok(true);
    }
    let created = actor.name == project.owner;
    Ok(match Namespace::of(&project.name) {
        Namespace::Home(user) => created || actor.name.as_str() == user,
        Namespace::Shared(name) => match session.is_member(name, actor.id).await? {
            Some(member) => member,
            None => created || actor.name.as_str() == name,
        },
    })
}

async fn has_right(
    session: &mut Session,
    actor: &User,
    action: Action,
    project: &Project,
) -> Result<bool, ServiceError> {
    let (edit, build) = session.right_of(project.id, actor.id).await?;
    let (edit, build) = (edit == RightState::Approved, build == RightState::Approved);
    let edit = edit || maintains_by_group(session, actor, project).await?;
    Ok(match action {
        Action::SubmitBuild | Action::CancelBuild => edit || build,
        Action::EditProject | Action::DeleteBuild => edit,
        Action::DeleteProject | Action::CreateProject | Action::Administer => false,
    })
}

/// Whether a user belongs to a group that maintains a project.
async fn maintains_by_group(session: &mut Session, actor: &User, project: &Project) -> Result<bool, ServiceError> {
    let groups = session.about_project(project.id).await?.groups;
    for maintaining in groups.iter().filter(|group| group.role == Role::Maintainer) {
        if session.is_member(maintaining.group.as_str(), actor.id).await? == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a user may create a project of this name: below the user's own name, below `home:` and it, or below the name of
/// a group the user belongs to.
pub(crate) async fn check_new_project(
    session: &mut Session,
    actor: &User,
    name: &ProjectName,
) -> Result<(), ServiceError> {
    let own = match Namespace::of(name) {
        Namespace::Home(user) => actor.name.as_str() == user,
        Namespace::Shared(first) => session.is_member(first, actor.id).await?.unwrap_or(actor.name.as_str() == first),
    };
    check(actor, Action::CreateProject, own, name)
}

/// Whether a user is an administrator.
pub(crate) fn check_admin(actor: &User, object: impl std::fmt::Display) -> Result<(), ServiceError> {
    check(actor, Action::Administer, false, object)
}

fn check(actor: &User, action: Action, own: bool, object: impl std::fmt::Display) -> Result<(), ServiceError> {
    if own || actor.admin {
        return Ok(());
    }
    Err(ServiceError::Denied { user: actor.name.clone(), action, object: object.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_a_project_is() {
        let of = |text: &str| format!("{:?}", Namespace::of(&ProjectName::parse(text).unwrap()));
        assert_eq!(of("home:alice:tools"), "Home(\"alice\")");
        assert_eq!(of("home:alice"), "Home(\"alice\")");
        assert_eq!(of("home"), "Shared(\"home\")");
        assert_eq!(of("team:tools"), "Shared(\"team\")");
        assert_eq!(of("tools"), "Shared(\"tools\")");
    }
}
