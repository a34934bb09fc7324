//! Groups of users, and what users may do in projects that are not theirs.

use model::{ProjectId, ProjectRight, RightState, Timestamp, UserId, UserName};

use crate::fields::Fields;
use crate::{Session, StoreError, User};

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name: the first part of the names of its projects.
    pub name: UserName,
    /// Who belongs to it, by name.
    pub members: Vec<UserName>,
}

impl Session {
    /// Adds a group; whether the name was free.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_group(&mut self, name: &UserName, now: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query("INSERT INTO groups (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name.as_str())
            .bind(now.as_millis())
            .execute(self.run())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes a group away; its projects belong to those who created them then. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_group(&mut self, name: &UserName) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM groups WHERE name = $1").bind(name.as_str()).execute(self.run()).await?;
        Ok(done.rows_affected() > 0)
    }

    /// A group with its members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn group(&mut self, name: &UserName) -> Result<Option<Group>, StoreError> {
        let found: Option<(i64,)> = sqlx::query_as("SELECT id FROM groups WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(self.run())
            .await?;
        let Some((id,)) = found else { return Ok(None) };
        let rows = sqlx::query(
            "SELECT u.id, u.name FROM group_members m JOIN users u ON u.id = m.user_id WHERE m.group_id = $1 \
             ORDER BY u.name",
        )
        .bind(id)
        .fetch_all(self.run())
        .await?;
        let members = rows.iter().map(|row| Fields::new("users", row).name("name")).collect::<Result<_, _>>()?;
        Ok(Some(Group { name: name.clone(), members }))
    }

    /// The names of all groups, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn group_names(&mut self) -> Result<Vec<UserName>, StoreError> {
        let rows = sqlx::query("SELECT id, name FROM groups ORDER BY name").fetch_all(self.run()).await?;
        rows.iter().map(|row| Fields::new("groups", row).name("name")).collect()
    }

    /// Lets a user belong to a group, or not any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_member(&mut self, group: &UserName, user: UserId, member: bool) -> Result<(), StoreError> {
        let sql = if member {
            "INSERT INTO group_members (group_id, user_id) SELECT id, $2 FROM groups WHERE name = $1 \
             ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM group_members WHERE group_id = (SELECT id FROM groups WHERE name = $1) AND user_id = $2"
        };
        sqlx::query(sql).bind(group.as_str()).bind(user.get()).execute(self.run()).await?;
        Ok(())
    }

    /// Whether a user belongs to a group; `None` if there is no such group.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_member(&mut self, group: &str, user: UserId) -> Result<Option<bool>, StoreError> {
        let found: Option<(bool,)> = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM group_members m WHERE m.group_id = g.id AND m.user_id = $2) \
             FROM groups g WHERE g.name = $1",
        )
        .bind(group)
        .bind(user.get())
        .fetch_optional(self.run())
        .await?;
        Ok(found.map(|(member,)| member))
    }

    /// What users were given or asked for in a project, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rights(&mut self, project: ProjectId) -> Result<Vec<ProjectRight>, StoreError> {
        let rows = sqlx::query(
            "SELECT u.id, u.name, r.edit, r.build FROM project_rights r JOIN users u ON u.id = r.user_id \
             WHERE r.project_id = $1 ORDER BY u.name",
        )
        .bind(project.get())
        .fetch_all(self.run())
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("project_rights", row);
                Ok(ProjectRight {
                    user: fields.name("name")?,
                    edit: fields.word("edit", RightState::parse)?,
                    build: fields.word("build", RightState::parse)?,
                })
            })
            .collect()
    }

    /// What one user was given or asked for in a project: to edit, to build.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn right_of(&mut self, project: ProjectId, user: UserId) -> Result<(RightState, RightState), StoreError> {
        let row =
            sqlx::query("SELECT user_id AS id, edit, build FROM project_rights WHERE project_id = $1 AND user_id = $2")
                .bind(project.get())
                .bind(user.get())
                .fetch_optional(self.run())
                .await?;
        let Some(row) = row else { return Ok(Default::default()) };
        let fields = Fields::new("project_rights", &row);
        Ok((fields.word("edit", RightState::parse)?, fields.word("build", RightState::parse)?))
    }

    /// Replaces what a user was given or asked for in a project.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_right(
        &mut self,
        project: ProjectId,
        user: UserId,
        (edit, build): (RightState, RightState),
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO project_rights (project_id, user_id, edit, build) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (project_id, user_id) DO UPDATE SET edit = excluded.edit, build = excluded.build",
        )
        .bind(project.get())
        .bind(user.get())
        .bind(edit.as_str())
        .bind(build.as_str())
        .execute(self.run())
        .await?;
        Ok(())
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let rows = sqlx::query("SELECT id, name, admin FROM users ORDER BY name").fetch_all(self.run()).await?;
        rows.iter().map(crate::users::user).collect()
    }

    /// Makes a user an administrator, or not any more; whether there is such a user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_admin(&mut self, name: &UserName, admin: bool) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE users SET admin = $2 WHERE name = $1")
            .bind(name.as_str())
            .bind(i64::from(admin))
            .execute(self.run())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The public halves of a user's tokens with the time each stops to work, the last to expire first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens_of(&mut self, user: UserId) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT login, expires_at FROM tokens WHERE user_id = $1 ORDER BY expires_at DESC, login")
                .bind(user.get())
                .fetch_all(self.run())
                .await?;
        Ok(rows.into_iter().map(|(login, at)| (login, Timestamp::from_millis(at))).collect())
    }

    /// Takes tokens of a user away: the one with this public half, or all. Gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_tokens(&mut self, user: UserId, login: Option<&str>) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM tokens WHERE user_id = $1 AND login = COALESCE($2, login)")
            .bind(user.get())
            .bind(login)
            .execute(self.run())
            .await?;
        Ok(done.rows_affected())
    }
}
