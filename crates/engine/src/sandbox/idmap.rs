//! Which ids of the host a sandbox may use.

use std::io;
use std::path::Path;
use std::process::Command;

use super::protocol::{IdMaps, IdSpan};
use crate::config::IdRange;

/// Ids a Debian system needs: up to `nobody`, 65534.
const NEEDED: u32 = 65536;
/// First id for sandboxes of a privileged engine: far above users, containers of others and directory services.
const PRIVILEGED_FIRST: u32 = 0x4000_0000;

impl IdMaps {
    /// The host's id of root inside.
    pub(crate) fn root(&self) -> u32 {
        self.users.iter().find(|span| span.inside == 0).map_or(0, |span| span.outside)
    }
}

/// Chooses the id maps.
///
/// # Errors
/// The reason, in words for the administrator.
pub(crate) fn choose(range: IdRange, privileged: bool) -> Result<IdMaps, String> {
    match (range, privileged) {
        (IdRange::Auto, true) => Ok(whole(PRIVILEGED_FIRST, NEEDED)),
        (IdRange::From { first, count }, true) if count >= NEEDED && first.checked_add(count).is_some() => {
            Ok(whole(first, count))
        }
        (IdRange::From { first, count }, true) => {
            Err(format!("the configured ids {first}+{count} are fewer than {NEEDED} or end above 2^32"))
        }
        (IdRange::From { .. }, false) => Err("a configured id range needs root; give this user lines in /etc/subuid \
                                              and /etc/subgid instead"
            .to_owned()),
        (IdRange::Auto, false) => subordinate(),
    }
}

fn whole(first: u32, count: u32) -> IdMaps {
    let span = vec![IdSpan { inside: 0, outside: first, count }];
    IdMaps { users: span.clone(), groups: span }
}

/// Maps root to the user itself and all other ids to its subordinate ones.
fn subordinate() -> Result<IdMaps, String> {
    for program in ["newuidmap", "newgidmap"] {
        if find_program(program).is_none() {
            return Err(format!(
                "{program} is not installed; it maps ids for users who are not root: install the package uidmap, or run as root"
            ));
        }
    }
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let name = user_name(user);
    let read = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        range_of(&text, user, name.as_deref()).ok_or_else(|| {
            let user = name.clone().unwrap_or_else(|| user.to_string());
            format!(
                "{path} gives user {user} no range of at least {} ids; as root: usermod --add-subuids 100000-165535 \
                 --add-subgids 100000-165535 {user} (or other ids nobody has), or run as root",
                NEEDED - 1
            )
        })
    };
    let (users, groups) = (read("/etc/subuid")?, read("/etc/subgid")?);
    let spans = |own: u32, (first, count): (u32, u32)| {
        vec![IdSpan { inside: 0, outside: own, count: 1 }, IdSpan { inside: 1, outside: first, count }]
    };
    Ok(IdMaps { users: spans(user, users), groups: spans(group, groups) })
}

/// The first range of subuid(5) text that is large enough.
fn range_of(text: &str, user: u32, name: Option<&str>) -> Option<(u32, u32)> {
    let number = user.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let range = (fields.next()?.parse().ok()?, fields.next()?.trim().parse().ok()?);
        ((owner == number || Some(owner) == name) && range.1 >= NEEDED - 1).then_some(range)
    })
}

fn user_name(user: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(user)).then(|| name.to_owned())
    })
}

/// A program of the host, in `PATH` or the folders administrators' programs live in.
pub(crate) fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(Into::into));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Writes the maps of a process that has just got its user namespace.
pub(super) fn write(process: u32, maps: &IdMaps, privileged: bool) -> io::Result<()> {
    if privileged {
        std::fs::write(Path::new("/proc").join(process.to_string()).join("uid_map"), lines(&maps.users))?;
        return std::fs::write(Path::new("/proc").join(process.to_string()).join("gid_map"), lines(&maps.groups));
    }
    run_mapper("newuidmap", process, &maps.users)?;
    run_mapper("newgidmap", process, &maps.groups)
}

fn lines(spans: &[IdSpan]) -> String {
    spans.iter().map(|span| format!("{} {} {}\n", span.inside, span.outside, span.count)).collect()
}

fn run_mapper(program: &str, process: u32, spans: &[IdSpan]) -> io::Result<()> {
    let path = find_program(program).ok_or_else(|| io::Error::other(format!("{program} is not installed")))?;
    let words = spans.iter().flat_map(|span| [span.inside, span.outside, span.count]).map(|id| id.to_string());
    let output = Command::new(path).arg(process.to_string()).args(words).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ranges_are_found_by_name_and_number_and_must_be_large() {
        let text = "bob:100000:65536\nalice:1000:10\nalice:300000:65536\n1007:500000:70000\n";
        assert_eq!(range_of(text, 1001, Some("alice")), Some((300_000, 65_536)));
        assert_eq!(range_of(text, 1007, None), Some((500_000, 70_000)));
        assert_eq!(range_of(text, 1002, Some("carol")), None);
    }

    #[test]
    fn a_configured_range_must_hold_a_whole_system() {
        assert!(choose(IdRange::From { first: 100_000, count: 1000 }, true).is_err());
        assert!(choose(IdRange::From { first: 100_000, count: 65_536 }, false).is_err());
        assert_eq!(choose(IdRange::Auto, true).unwrap().root(), PRIVILEGED_FIRST);
    }
}
