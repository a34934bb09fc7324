//! Every environment variable Kiln reads, by name.

use std::path::PathBuf;

/// Address of the server, for the client's commands.
pub(crate) const URL: &str = "KILN_URL";
/// Public half of the token.
pub(crate) const LOGIN: &str = "KILN_LOGIN";
/// Secret half of the token.
pub(crate) const TOKEN: &str = "KILN_TOKEN";
/// Path of the client's settings file.
pub(crate) const CONFIG: &str = "KILN_CONFIG";
/// Data folder of `kiln serve`.
pub(crate) const DATA: &str = "KILN_DATA";
/// What is logged: `info`, `debug`, `service=debug,info`, ...
pub(crate) const LOG: &str = "KILN_LOG";

/// Set to anything: no colours.
pub(crate) const NO_COLOR: &str = "NO_COLOR";

/// Folder of the user's settings: `$XDG_CONFIG_HOME`, else `~/.config`.
pub(crate) fn config_home() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config")
}

/// Folder of the user's data that can be made again: `$XDG_CACHE_HOME`, else `~/.cache`.
pub(crate) fn cache_home() -> Option<PathBuf> {
    folder("XDG_CACHE_HOME", ".cache")
}

/// Folder of the user's data: `$XDG_DATA_HOME`, else `~/.local/share`.
pub(crate) fn data_home() -> Option<PathBuf> {
    folder("XDG_DATA_HOME", ".local/share")
}

/// The value of a variable; the empty text counts as absent.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

// Relative paths in these variables are to be ignored (XDG base directory specification).
fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| text(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_variables_is_complete() {
        let page = include_str!("../../../docs/operating/environment.md");
        for name in
            [URL, LOGIN, TOKEN, CONFIG, DATA, LOG, NO_COLOR, "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"]
        {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
