//! Builds whose packages are the same as those before them: what is built with those need not be built again.

use model::{ResultFile, TaskId};

use crate::{Session, StoreError};

/// The task before one, if that one was made from something else and somebody wants to know whether that matters: it is the
/// answer to a change, or its project follows changes.
pub(crate) const PREDECESSOR: &str = "SELECT p.id FROM tasks t JOIN builds b ON b.id = t.build_id \
     JOIN projects j ON j.id = t.project_id JOIN fingerprints f ON f.task_id = t.id \
     JOIN tasks p ON p.id = (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = t.package_id \
     AND n.repository_id = t.repository_id AND n.arch = t.arch AND n.state = 'succeeded' AND n.id < t.id) \
     JOIN fingerprints o ON o.task_id = p.id WHERE t.id = $1 AND t.role = 'recipe' \
     AND (json_extract(b.reason, '$.code') = 'changed' OR json_extract(j.settings, '$.trigger') = 'on_change') \
     AND (COALESCE(o.stands_for, o.sha256) <> f.sha256 OR COALESCE(o.stands_for_tree, o.tree) <> f.tree)";

impl Session {
    /// The newest task of the same package and target before this one that succeeded, with its results by name; `None` if there
    /// is none, if both were made from the same, or if no build follows from a change there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn predecessor(&mut self, task: TaskId) -> Result<Option<(TaskId, Vec<ResultFile>)>, StoreError> {
        let found: Option<(i64,)> = sqlx::query_as(PREDECESSOR).bind(task.get()).fetch_optional(self.run()).await?;
        let Some((id,)) = found else { return Ok(None) };
        let id = TaskId::new(id);
        Ok(Some((id, self.results_of_task(id).await?)))
    }

    /// From now on a task counts for what is built with its packages as made from what an older one of the same package and
    /// target was made from. Nothing happens if another one has come between them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn let_stand_for(&mut self, task: TaskId, older: TaskId) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE fingerprints SET stands_for = (SELECT COALESCE(o.stands_for, o.sha256) FROM fingerprints o \
             WHERE o.task_id = $2), stands_for_tree = (SELECT COALESCE(o.stands_for_tree, o.tree) FROM fingerprints o \
             WHERE o.task_id = $2) WHERE task_id = $1 AND $2 = (SELECT MAX(n.id) FROM tasks t JOIN tasks n \
             ON n.package_id = t.package_id AND n.repository_id = t.repository_id AND n.arch = t.arch \
             AND n.state = 'succeeded' AND n.id < t.id WHERE t.id = $1)",
        )
        .bind(task.get())
        .bind(older.get())
        .execute(self.run())
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
