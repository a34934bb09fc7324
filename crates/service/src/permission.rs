//! Who may do what. The owner of a project and administrators may do everything to it; everybody may read.

use model::{Project, ProjectName};

use crate::{Action, ServiceError, User};

/// Whether a user may do something to a project; `object` is what the error names.
pub(crate) fn check_project(
    actor: &User,
    action: Action,
    project: &Project,
    object: impl std::fmt::Display,
) -> Result<(), ServiceError> {
    check(actor, action, actor.name == project.owner, object)
}

/// Whether a user may create a project of this name: below the user's own name, or below `home:` and it.
pub(crate) fn check_new_project(actor: &User, name: &ProjectName) -> Result<(), ServiceError> {
    let mut parts = name.as_str().split(':');
    let first = parts.next();
    let home = if first == Some("home") { parts.next() } else { first };
    check(actor, Action::CreateProject, home == Some(actor.name.as_str()), name)
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
    use model::{UserId, UserName};

    use super::*;

    #[test]
    fn people_create_projects_below_their_own_name_and_admins_everywhere() {
        let user = |name, admin| User { id: UserId::new(1), name: UserName::parse(name).unwrap(), admin };
        let may = |user: &User, name| check_new_project(user, &ProjectName::parse(name).unwrap()).is_ok();
        let alice = user("alice", false);
        for name in ["home:alice", "home:alice:tools", "alice", "alice:tools"] {
            assert!(may(&alice, name), "{name}");
        }
        for name in ["home", "home:bob", "home:alicex:tools", "bob:alice", "Debian:12"] {
            assert!(!may(&alice, name), "{name}");
            assert!(may(&user("root", true), name), "{name}");
        }
    }
}
