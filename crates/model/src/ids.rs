use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// An id from the store's number.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number the store and the wire use.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// Number of a project; never used again, not even after the project is deleted.
    ProjectId
);
id!(
    /// Number of a repository of a project.
    RepositoryId
);
id!(
    /// Number of a build; never used again.
    BuildId
);
id!(
    /// Number of a task: one build in one (repository, arch).
    TaskId
);
id!(
    /// Number of a job: one attempt of a task on a worker.
    JobId
);
id!(
    /// Number of a user.
    UserId
);
