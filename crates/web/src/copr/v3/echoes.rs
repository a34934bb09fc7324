//! How Copr makes roots and isolates jobs: what makes no difference here is taken, remembered and told again.
//!
//! Kiln makes every root in one way, with the tools of the root itself, and isolates every job at least as much as any of
//! these words asks for.

use std::collections::BTreeMap;

use super::error::V3Error;
use super::form::Form;

const BOOTSTRAP: [&str; 4] = ["default", "on", "off", "unchanged"];
const ISOLATION: [&str; 4] = ["default", "nspawn", "simple", "unchanged"];

/// Checks the words, and leaves them in the form; words that nobody knows become problems.
///
/// # Errors
/// 400 that names what Kiln can not do: roots made from images of containers.
pub(super) fn check(form: &mut Form) -> Result<(), V3Error> {
    const INSTEAD: &str = "roots are made of packages, as the build configuration says";
    form.nothing("bootstrap_image", INSTEAD)?;
    if let Some(word @ ("image" | "custom_image")) = form.peek("bootstrap") {
        return Err(V3Error::unsupported(&format!("bootstrap={word}"), INSTEAD));
    }
    for (name, words) in [("bootstrap", BOOTSTRAP), ("isolation", ISOLATION)] {
        let Some(text) = form.peek(name).map(str::to_owned) else { continue };
        if !text.is_empty() && !words.contains(&text.as_str()) {
            form.problem(name, super::form::not_a_choice(&text));
        }
    }
    Ok(())
}

/// Takes the words into what is remembered; `usual` is the one that is not worth it.
pub(super) fn take(form: &mut Form, known: &mut BTreeMap<String, String>, usual: &str) {
    for name in ["bootstrap", "isolation"] {
        match form.text(name) {
            Some(text) if text == usual => drop(known.remove(name)),
            Some(text) if !text.is_empty() => drop(known.insert(name.to_owned(), text)),
            _ => {}
        }
    }
}

/// What a client is told.
pub(super) fn shown<'a>(known: &'a BTreeMap<String, String>, name: &str, usual: &'a str) -> &'a str {
    known.get(name).map_or(usual, String::as_str)
}
