use std::time::Duration;

use model::UserName;

use crate::{NewToken, Service, ServiceError, User};

impl Service {
    /// Who a login and a secret belong to; `None` if they are wrong or expired.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn authenticate(&self, _login: &str, _token: &str) -> Result<Option<User>, ServiceError> {
        todo!()
    }

    /// Creates a user. Only for administrators.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserExists`].
    pub async fn create_user(&self, _actor: &User, _name: &UserName, _admin: bool) -> Result<User, ServiceError> {
        todo!()
    }

    /// Creates a token: for oneself, or as an administrator for anybody.
    ///
    /// # Errors
    /// [`ServiceError::Denied`], [`ServiceError::UserMissing`].
    pub async fn create_token(
        &self,
        _actor: &User,
        _user: &UserName,
        _lifetime: Duration,
    ) -> Result<NewToken, ServiceError> {
        todo!()
    }

    /// A user by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn user(&self, _name: &UserName) -> Result<Option<User>, ServiceError> {
        todo!()
    }
}
