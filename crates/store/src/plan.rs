use model::TaskId;
use pkg::Sha256;

use crate::fields::Fields;
use crate::{Session, StoreError};

impl Session {
    /// Notes the blob of the merged build configuration that a task's plan was derived from.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_plan_config(&mut self, task: TaskId, config: &Sha256) -> Result<(), StoreError> {
        sqlx::query("UPDATE task_plans SET config_sha256 = $2 WHERE task_id = $1")
            .bind(task.get())
            .bind(config.to_string())
            .execute(self.run())
            .await?;
        Ok(())
    }

    /// The blob of the merged build configuration that a task's newest plan was derived from.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn plan_config(&mut self, task: TaskId) -> Result<Option<Sha256>, StoreError> {
        let row = sqlx::query("SELECT task_id AS id, config_sha256 FROM task_plans WHERE task_id = $1")
            .bind(task.get())
            .fetch_optional(self.run())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Fields::new("task_plans", &row).maybe_name("config_sha256")
    }
}
