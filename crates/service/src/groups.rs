use model::{ProjectId, ProjectRight, RightState, UserName};
use store::Group;

use crate::permission::{check_admin, check_project, owns};
use crate::projects::existing;
use crate::{Action, Service, ServiceError, User};

/// A change of what one user may do in a project; `None` leaves a right as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightChange {
    /// Who.
    pub user: UserName,
    /// To edit.
    pub edit: Option<RightState>,
    /// To build.
    pub build: Option<RightState>,
}

impl Service {
    /// Creates a group, without members. Only for administrators.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserExists`] if a user or group has the name.
    pub async fn create_group(&self, actor: &User, name: &UserName) -> Result<(), ServiceError> {
        check_admin(actor, format_args!("group {name}"))?;
        let mut session = self.inner.store.write().await?;
        // Both name the projects below them, so one name can not be both.
        if session.user(name).await?.is_some() || !session.add_group(name, self.inner.now()).await? {
            return Err(ServiceError::UserExists { user: name.clone() });
        }
        Ok(session.commit().await?)
    }

    /// Deletes a group. Only for administrators.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::GroupMissing`].
    pub async fn delete_group(&self, actor: &User, name: &UserName) -> Result<(), ServiceError> {
        check_admin(actor, format_args!("group {name}"))?;
        let mut session = self.inner.store.write().await?;
        if !session.delete_group(name).await? {
            return Err(ServiceError::GroupMissing { group: name.clone() });
        }
        Ok(session.commit().await?)
    }

    /// Lets a user belong to a group, or not any more. Only for administrators.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::GroupMissing`], [`ServiceError::UserMissing`].
    pub async fn set_member(
        &self,
        actor: &User,
        group: &UserName,
        user: &UserName,
        member: bool,
    ) -> Result<(), ServiceError> {
        check_admin(actor, format_args!("group {group}"))?;
        let mut session = self.inner.store.write().await?;
        if session.group(group).await?.is_none() {
            return Err(ServiceError::GroupMissing { group: group.clone() });
        }
        let found = session.user(user).await?.ok_or_else(|| ServiceError::UserMissing { user: user.clone() })?;
        session.set_member(group, found.id, member).await?;
        Ok(session.commit().await?)
    }

    /// A group with its members.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn group(&self, name: &UserName) -> Result<Option<Group>, ServiceError> {
        Ok(self.inner.store.read().await?.group(name).await?)
    }

    /// Every group with its members, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn groups(&self) -> Result<Vec<Group>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let mut groups = Vec::new();
        for name in session.group_names().await? {
            groups.extend(session.group(&name).await?);
        }
        Ok(groups)
    }

    /// What users who do not own a project were given or asked for; for those who may edit it.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`].
    pub async fn rights(&self, actor: &User, id: ProjectId) -> Result<Vec<ProjectRight>, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, id).await?;
        check_project(&mut session, actor, Action::EditProject, &project, &project.name).await?;
        Ok(session.rights(id).await?)
    }

    /// Gives rights, or takes them away; all or none of the changes happen.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::Denied`], [`ServiceError::UserMissing`],
    /// [`ServiceError::OwnsProject`] for somebody who needs no rights.
    pub async fn set_rights(&self, actor: &User, id: ProjectId, changes: &[RightChange]) -> Result<(), ServiceError> {
        let mut session = self.edit(actor, Action::EditProject, id).await?;
        let project = existing(&mut session, id).await?;
        for change in changes {
            let found = session.user(&change.user).await?;
            let user = found.ok_or_else(|| ServiceError::UserMissing { user: change.user.clone() })?;
            if owns(&mut session, &User { admin: false, ..user.clone() }, &project).await? {
                return Err(ServiceError::OwnsProject { user: user.name, project: project.name });
            }
            let (edit, build) = session.right_of(id, user.id).await?;
            let rights = (change.edit.unwrap_or(edit), change.build.unwrap_or(build));
            session.set_right(id, user.id, rights).await?;
        }
        Ok(session.commit().await?)
    }

    /// Asks for rights in somebody else's project, or withdraws that; whether anything changed. What was approved stays.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`], [`ServiceError::OwnsProject`].
    pub async fn request_rights(
        &self,
        actor: &User,
        id: ProjectId,
        edit: Option<bool>,
        build: Option<bool>,
    ) -> Result<bool, ServiceError> {
        let mut session = self.inner.store.write().await?;
        let project = existing(&mut session, id).await?;
        if owns(&mut session, &User { admin: false, ..actor.clone() }, &project).await? {
            return Err(ServiceError::OwnsProject { user: actor.name.clone(), project: project.name });
        }
        let known = session.right_of(id, actor.id).await?;
        let wished = (wish(known.0, edit), wish(known.1, build));
        if wished == known {
            return Ok(false);
        }
        session.set_right(id, actor.id, wished).await?;
        session.commit().await?;
        Ok(true)
    }

    /// Whether a user may submit builds to a project.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn may_build(&self, user: &User, id: ProjectId) -> Result<bool, ServiceError> {
        self.may(user, Action::SubmitBuild, id).await
    }

    /// Whether a user may change the configuration and the settings of a project.
    ///
    /// # Errors
    /// [`ServiceError::ProjectMissing`].
    pub async fn may_edit(&self, user: &User, id: ProjectId) -> Result<bool, ServiceError> {
        self.may(user, Action::EditProject, id).await
    }

    async fn may(&self, user: &User, action: Action, id: ProjectId) -> Result<bool, ServiceError> {
        let mut session = self.inner.store.read().await?;
        let project = existing(&mut session, id).await?;
        match check_project(&mut session, user, action, &project, &project.name).await {
            Ok(()) => Ok(true),
            Err(ServiceError::Denied { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What a right becomes when its user wants it, does not want it any more, or says nothing.
const fn wish(known: RightState, wanted: Option<bool>) -> RightState {
    match (wanted, known) {
        (Some(false), _) => RightState::Nothing,
        (Some(true), RightState::Nothing) => RightState::Requested,
        _ => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishing_never_takes_an_approval_away_unless_it_is_given_up() {
        use RightState::{Approved, Nothing, Requested};
        assert_eq!(wish(Nothing, Some(true)), Requested);
        assert_eq!(wish(Approved, Some(true)), Approved);
        assert_eq!(wish(Approved, None), Approved);
        assert_eq!(wish(Approved, Some(false)), Nothing);
        assert_eq!(wish(Requested, Some(false)), Nothing);
    }
}
