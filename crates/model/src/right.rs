use serde::{Deserialize, Serialize};

use crate::UserName;

/// What became of a wish for a right in a project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RightState {
    /// Nobody asked, or it was taken away.
    #[default]
    Nothing,
    /// The user asked for it.
    Requested,
    /// The user has it.
    Approved,
}

impl RightState {
    /// Every state, the weakest first.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Requested, Self::Approved];

    /// The spelling in the store and in Kiln's own interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Requested => "requested",
            Self::Approved => "approved",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a user who does not own a project may do in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRight {
    /// Who.
    pub user: UserName,
    /// To change the project; whoever may that may build too.
    pub edit: RightState,
    /// To submit and cancel builds.
    pub build: RightState,
}
