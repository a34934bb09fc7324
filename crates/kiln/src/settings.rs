//! Where the client's settings come from, resolved in one place: flags, then the environment, then the settings file.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::env;
use crate::failure::{Exit, Failure};

/// Section of the settings file; the file is the one Copr's clients read.
const SECTION: &str = "copr-cli";

/// Flags of every command that talks to a server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClientFlags {
    /// Address of the server [env: KILN_URL].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Settings file with login, token and address [default: ~/.config/copr, env: KILN_CONFIG].
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
}

/// What a client needs to know.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClientSettings {
    /// Address of the server, without a slash at the end.
    pub(crate) url: String,
    /// Login and token.
    pub(crate) credentials: Option<(String, String)>,
}

/// Resolves the settings.
///
/// # Errors
/// If no address is known, or a file that was named can not be read.
pub(crate) fn resolve(flags: &ClientFlags) -> Result<ClientSettings, Failure> {
    let named = flags.config.clone().or_else(|| env::text(env::CONFIG).map(PathBuf::from));
    let text = match (&named, default_path()) {
        (Some(path), _) => fs_err::read_to_string(path)?,
        (None, Some(path)) => fs_err::read_to_string(path).unwrap_or_default(),
        (None, None) => String::new(),
    };
    let file = ClientFile::parse(&text);
    let url = flags.url.clone().or_else(|| env::text(env::URL)).or(file.url).ok_or_else(|| {
        Failure::new(Exit::Invalid, "the address of the server is not known")
            .with_help("give --url, set KILN_URL, or let `kiln serve --write-client-config` write ~/.config/copr")
    })?;
    let login = env::text(env::LOGIN).or(file.login);
    let token = env::text(env::TOKEN).or(file.token);
    Ok(ClientSettings { url: url.trim_end_matches('/').to_owned(), credentials: login.zip(token) })
}

/// Where the settings file is, unless somebody says otherwise.
pub(crate) fn default_path() -> Option<PathBuf> {
    env::config_home().map(|folder| folder.join("copr"))
}

/// What a settings file says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientFile {
    /// Public half of the token.
    pub(crate) login: Option<String>,
    /// Secret half.
    pub(crate) token: Option<String>,
    /// Whose token it is.
    pub(crate) username: Option<String>,
    /// Address of the server.
    pub(crate) url: Option<String>,
}

impl ClientFile {
    /// Reads the one section; everything else in the file is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut inside = false;
        for line in text.lines().map(str::trim) {
            if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                inside = section.trim() == SECTION;
                continue;
            }
            let Some((key, value)) = line.split_once(['=', ':']).filter(|_| inside && !line.starts_with(['#', ';']))
            else {
                continue;
            };
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match key.trim() {
                "login" => file.login = value,
                "token" => file.token = value,
                "username" => file.username = value,
                "copr_url" => file.url = value,
                _ => {}
            }
        }
        file
    }

    /// Writes the file anew, readable for its owner alone from the first byte on.
    ///
    /// # Errors
    /// If the folder or the file can not be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        use std::io::Write as _;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs_err::create_dir_all(folder)?;
        }
        let part = path.with_extension("new");
        // What an interrupted program left may have other rights.
        let _ = fs_err::remove_file(&part);
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(options.options_mut(), 0o600);
        let mut file = options.open(&part)?;
        file.write_all(self.to_text().as_bytes())?;
        drop(file);
        Ok(fs_err::rename(&part, path)?)
    }

    /// The text of the file.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("[{SECTION}]\n");
        let pairs =
            [("login", &self.login), ("username", &self.username), ("token", &self.token), ("copr_url", &self.url)];
        for (key, value) in pairs {
            if let Some(value) = value {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        if self.url.as_ref().is_some_and(|url| url.starts_with("http://")) {
            // Newer clients refuse plain addresses without this line.
            text.push_str("encrypted = false\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> ClientFile {
        ClientFile {
            login: Some("abc".to_owned()),
            token: Some("d=e".to_owned()),
            username: Some("admin".to_owned()),
            url: Some("http://127.0.0.1:8080".to_owned()),
        }
    }

    #[test]
    fn the_file_reads_back_what_it_says() {
        assert!(ClientFile::parse(&example().to_text()) == example());
        let odd = "[other]\nlogin=no\n[copr-cli]\n# token = no\nlogin:abc\nusername = admin\ntoken=d=e\n\
                   copr_url = http://127.0.0.1:8080\nencrypted = false\n[more]\ntoken = no\n";
        assert!(ClientFile::parse(odd) == example());
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/copr");
        example().write(&path).unwrap();
        example().write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(ClientFile::parse(&std::fs::read_to_string(&path).unwrap()) == example());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
