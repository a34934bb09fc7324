//! Reads the columns of a row into the types of the model.

use model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::StoreError;

/// One row of a table, with what an error must say of it. Columns are named as in the statement.
pub(crate) struct Fields<'r> {
    row: &'r SqliteRow,
    table: &'static str,
}

impl<'r> Fields<'r> {
    pub(crate) const fn new(table: &'static str, row: &'r SqliteRow) -> Self {
        Self { row, table }
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    /// A number that is never negative.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let number = self.int(column)?;
        T::try_from(number).map_err(|_| self.error(column, format!("{number} is out of range")))
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.int(column)?))
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int(column)?.map(Timestamp::from_millis))
    }

    /// A validated name, digest or architecture.
    pub(crate) fn name<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: TryFrom<String>,
        T::Error: std::fmt::Display,
    {
        T::try_from(self.text(column)?).map_err(|error| self.error(column, error.to_string()))
    }

    pub(crate) fn maybe_name<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: TryFrom<String>,
        T::Error: std::fmt::Display,
    {
        let text = self.maybe_text(column)?;
        text.map(T::try_from).transpose().map_err(|error| self.error(column, error.to_string()))
    }

    /// A word that `read` knows.
    pub(crate) fn word<T>(&self, column: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let text = self.text(column)?;
        read(&text).ok_or_else(|| self.error(column, format!("{text:?} is not a known word")))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| self.error(column, error.to_string()))
    }

    pub(crate) fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text = self.maybe_text(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| self.error(column, error.to_string()))
    }

    fn error(&self, column: &'static str, detail: String) -> StoreError {
        let row = self.row.try_get::<i64, _>("id").map_or_else(|_| "?".to_owned(), |id| id.to_string());
        StoreError::Row { table: self.table, column, row, detail }
    }
}

/// A value as the JSON text of a column.
pub(crate) fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the model's types have string keys and finite numbers only")
}

/// A size as the number of a column.
pub(crate) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// `LIMIT` and `OFFSET` values for an optional limit.
pub(crate) fn page(limit: Option<u32>, offset: u32) -> (i64, i64) {
    (limit.map_or(i64::MAX, i64::from), i64::from(offset))
}
