/// Why something could not be remembered or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The database could not be brought to this program's schema.
    #[error("the database could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row does not mean anything to this program: it was written by a newer one, or damaged.
    #[error("{table}.{column} of row {row} is not readable: {detail}")]
    Row {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        detail: String,
    },
    /// A file of the store could not be made or read.
    #[error("the store's folder could not be used")]
    Io(#[from] std::io::Error),
}
