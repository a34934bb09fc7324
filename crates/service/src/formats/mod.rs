//! What differs between kinds of packages, in one place: which file is a source of which kind, how a recipe is read for a
//! target, how a package file is read, how a repository is laid out.
//!
//! Everything else in this crate works on what these give back. A new format is a new arm here, a writer in `publish` and a
//! reader in `mirror`. Read [`Submission`] first.

mod layout;
mod package;
mod recipe;
mod submission;

pub(crate) use layout::Layout;
pub(crate) use package::{is_for_arch, likeness, read_package};
pub(crate) use recipe::{RecipeReader, RecipeText, read_recipe, read_text};
pub(crate) use submission::Submission;
