//! Commands that change one switch of a project or a package.

use model::{Flag, FlagKind, PackageName, Project};
use service::SwitchChange;

use super::call::{Answer, Call, arch_name, ok, repository_name};
use super::error::ObsError;
use super::meta;

/// The commands this file knows.
pub(super) const COMMANDS: [&str; 4] = ["lock", "unlock", "set_flag", "remove_flag"];

/// `POST ...?cmd=` with one of [`COMMANDS`].
pub(super) async fn run(call: &Call, project: &Project, package: Option<&PackageName>, command: &str) -> Answer {
    let lock = |on| SwitchChange::Set(Flag { kind: FlagKind::Lock, on, repository: None, arch: None });
    let change = match command {
        "lock" => lock(true),
        "unlock" => lock(false),
        _ => {
            let needed = |name: &str| call.query.get(name).ok_or_else(|| ObsError::parameter(name));
            let kind = meta::flag_kind(needed("flag")?)?;
            let repository = call.query.get("repository").map(repository_name).transpose()?;
            let arch = call.query.get("arch").map(arch_name).transpose()?;
            let flag = |on| Flag { kind, on, repository, arch };
            if command == "remove_flag" {
                SwitchChange::Remove(flag(true))
            } else {
                let on = match needed("status")? {
                    "enable" => true,
                    "disable" => false,
                    _ => return Err(ObsError::invalid("status is neither enable nor disable")),
                };
                SwitchChange::Set(flag(on))
            }
        }
    };
    call.app.service.switch(&call.user, project.id, package, (change, call.comment())).await?;
    Ok(ok())
}

/// `POST /source/P?cmd=`.
pub(super) async fn of_project(call: &Call, project: &Project) -> Answer {
    match call.query.get("cmd") {
        Some(command) if COMMANDS.contains(&command) => run(call, project, None, command).await,
        // The key is made when it is first asked for, stays for ever and does not expire.
        Some("createkey" | "extendkey") => {
            if !call.app.service.may_edit(&call.user, project.id).await? {
                let summary = format!("no permission to change project {}", project.name);
                let status = axum::http::StatusCode::FORBIDDEN;
                return Err(ObsError::new(status, "change_project_no_permission", summary));
            }
            call.app.service.public_key(project.id).await?;
            Ok(ok())
        }
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            Err(ObsError::not_yet(format_args!("cmd={other} of a project")))
        }
        None => Err(ObsError::parameter("cmd")),
    }
}
