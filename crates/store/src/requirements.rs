//! What recipes ask for while they run.

use std::collections::HashMap;

use model::{TaskId, Timestamp, Verdict};

use crate::fields::{Fields, json_text};
use crate::{Session, StoreError, TaskChange};

impl Session {
    /// What a task's recipe asked for in earlier rounds, each once, in the order it was asked for; and how many rounds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn task_requirements(&mut self, task: TaskId) -> Result<(Vec<String>, u32), StoreError> {
        let rows =
            sqlx::query("SELECT task_id AS id, requires FROM task_requirements WHERE task_id = $1 ORDER BY round")
                .bind(task.get())
                .fetch_all(self.run())
                .await?;
        let mut known = Vec::new();
        for row in &rows {
            add_new(&mut known, Fields::new("task_requirements", row).json("requires")?);
        }
        Ok((known, u32::try_from(rows.len()).unwrap_or(u32::MAX)))
    }

    /// Sends a task back to planning with further requirements; whether that was legal. The attempt does not count.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn plan_with_more(
        &mut self,
        task: TaskId,
        requires: &[String],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let change = TaskChange::Requeue { not_before: now, counted: false };
        if self.change_task(task, change, now).await?.is_none() {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO task_requirements (task_id, round, requires) \
             SELECT $1, COUNT(*) + 1, $2 FROM task_requirements WHERE task_id = $1",
        )
        .bind(task.get())
        .bind(json_text(&requires))
        .execute(self.run())
        .await?;
        // The plan it had is no longer good enough.
        self.set_verdict(task, &Verdict::Fetching).await
    }

    /// The requirements of every pending task that no worker may claim yet.
    pub(crate) async fn pending_requirements(&mut self) -> Result<HashMap<i64, Vec<String>>, StoreError> {
        let rows = sqlx::query(
            "SELECT q.task_id AS id, q.requires FROM task_requirements q JOIN tasks t ON t.id = q.task_id \
             WHERE t.state = 'pending' AND t.ready = 0 ORDER BY q.task_id, q.round",
        )
        .fetch_all(self.run())
        .await?;
        let mut found: HashMap<i64, Vec<String>> = HashMap::new();
        for row in &rows {
            let fields = Fields::new("task_requirements", row);
            add_new(found.entry(fields.int("id")?).or_default(), fields.json("requires")?);
        }
        Ok(found)
    }
}

fn add_new(known: &mut Vec<String>, more: Vec<String>) {
    for item in more {
        if !known.contains(&item) {
            known.push(item);
        }
    }
}
