//! Builders, one a kind of recipe: what is done inside a prepared root to build a recipe.

pub(crate) mod dsc;
