//! dep
