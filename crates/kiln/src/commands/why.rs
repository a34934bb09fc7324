use clap::Args;
use model::{BuildReason, Verdict};
use web::native::wire::{Held, Outlook, PackageWhy};

use super::client;
use super::project::fate_words;
use crate::client::segment;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Project and package (`home:alice:tools/hello`).
    #[arg(value_name = "PROJECT/PACKAGE")]
    package: String,
    /// Repository (`debian-12`).
    repository: String,
    /// Architecture (`x86_64`).
    arch: String,
    /// Package or dependency: how it came into the root, or why not.
    dependency: Option<String>,
}

/// Shows why a package gets the root it gets, or none.
pub(crate) async fn run(arguments: Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let Some((project, package)) = arguments.package.split_once('/') else {
        return Err(Failure::new(Exit::Invalid, format!("{:?} has to be PROJECT/PACKAGE", arguments.package)));
    };
    let dependency = arguments.dependency.as_deref().map(|name| format!("&dep={}", segment(name))).unwrap_or_default();
    let path = format!(
        "/projects/{}/packages/{}/why?target={}/{}{dependency}",
        segment(project),
        segment(package),
        segment(&arguments.repository),
        segment(&arguments.arch)
    );
    let answer: PackageWhy = client(flags)?.get(&path).await?;
    output.result(&answer, |output| {
        let state = match &answer.verdict {
            Verdict::Scheduled => "can be built".to_owned(),
            Verdict::Unresolvable { problems } if problems.len() > 1 => {
                format!("unresolvable, {} problems", problems.len())
            }
            Verdict::Unresolvable { .. } => "unresolvable".to_owned(),
            verdict => verdict.to_string(),
        };
        output.line(format!("{}/{} {}: {state}", answer.project, answer.package, answer.target));
        if let Some(why) = &answer.why {
            output.raw(why.to_text().as_bytes());
        }
        if arguments.dependency.is_none() {
            show_builds(&answer.outlook, output);
        }
    });
    Ok(())
}

/// Why it was built last, and whether it is to be built again.
fn show_builds(answer: &Outlook, output: Output) {
    if let Some(newest) = &answer.newest {
        let reason = match &newest.reason {
            BuildReason::Submitted { by } => format!("submitted by {by}"),
            BuildReason::Changed { what } => format!("because of changes: {}", what.join(", ")),
        };
        output.line(format!("newest build: {}, {reason}", newest.build));
    }
    if let Some(fate) = &answer.rebuild {
        let who = if answer.rebuilds_itself { "" } else { " (this project builds only on request)" };
        output.line(format!("as built: {}{who}", fate_words(fate)));
    }
    if let Some(held) = answer.held {
        output.line(match held {
            Held::ProjectLocked => "nothing is built: the project is locked",
            Held::PackageLocked => "nothing is built: the package is locked",
            Held::TargetOff => "nothing is built: the project does not build for this target now",
            Held::PackageOff => "nothing is built: builds of the package are switched off there",
        });
    }
}
