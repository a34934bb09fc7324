use std::path::PathBuf;

use clap::Args;
use model::Build;
use service::{DistributionOptions, TargetName};

use crate::failure::{Exit, Failure};
use crate::local::{Local, LocalBuild};
use crate::output::Output;
use crate::{env, source};

/// How much of the log is shown when a build fails, in lines.
const TAIL_LINES: usize = 40;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Recipe; a .dsc brings the files it names.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Distribution to build for (`debian-12`).
    #[arg(long, value_name = "DIST")]
    dist: String,
    /// Architecture [default: this machine's].
    #[arg(long)]
    arch: Option<String>,
    /// Folder for the results.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Show the log while it grows, on the standard error.
    #[arg(long)]
    log: bool,
    /// Let the recipe reach the network.
    #[arg(long)]
    network: bool,
    /// Address of the archive [default: the one of this machine's package manager].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Address of the security archive [default: the one of this machine's package manager].
    #[arg(long, value_name = "URL")]
    security: Option<String>,
    /// File with the keys of the archive [default: the distribution's].
    #[arg(long, value_name = "PATH")]
    keyring: Option<PathBuf>,
    /// Believe rpm-md metadata as the server sends it, without a signature.
    #[arg(long, conflicts_with = "keyring")]
    no_signature: bool,
    /// Run the job without a root, for tests.
    #[arg(long, hide = true)]
    fake_engine: bool,
}

/// Builds one package on this machine.
pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    let files = source::with_companions(&arguments.files)?;
    fs_err::create_dir_all(&arguments.output)?;
    let cache = env::cache_home().ok_or_else(|| {
        Failure::new(Exit::Invalid, "there is no home folder for the cache").with_help("set XDG_CACHE_HOME")
    })?;
    let local = Local::open(&cache.join("kiln"), arguments.fake_engine).await?;
    let wanted = LocalBuild {
        files,
        dist: arguments.dist.clone(),
        arch: arguments.arch.clone(),
        network: arguments.network,
        archive: DistributionOptions {
            mirror_url: arguments.mirror.clone(),
            security_url: arguments.security.clone(),
            arches: Vec::new(),
            keyring: arguments.keyring.as_ref().map(|path| path.display().to_string()),
            believes_unsigned: arguments.no_signature,
            repositories: Vec::new(),
        },
    };
    let result = build(&local, &wanted, &arguments, output).await;
    local.close().await;
    result
}

async fn build(local: &Local, wanted: &LocalBuild, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let mut progress = output.progress();
    progress.say("preparing");
    let id = local.submit(wanted).await?;
    let build = tokio::select! {
        build = local.until_finished(id, arguments.log, |text| progress.say(text)) => build?,
        _ = tokio::signal::ctrl_c() => {
            local.cancel(id).await?;
            return Err(Failure::new(Exit::BuildFailed, "interrupted"));
        }
    };
    progress.end();
    match failure(&build) {
        None => {
            for path in local.copy_results(&build, &arguments.output).await? {
                output.result(&serde_json::json!({"file": path}), |output| output.line(path.display()));
            }
            Ok(())
        }
        Some(failure) => {
            if !arguments.log && !output.json {
                let tail = local.log_tail(&build, TAIL_LINES).await;
                if !tail.is_empty() {
                    output.note(tail.trim_end());
                }
            }
            Err(failure)
        }
    }
}

fn failure(build: &Build) -> Option<Failure> {
    use model::BuildState::{Succeeded, Waiting};
    if build.state() == Succeeded {
        return None;
    }
    let word = if build.state() == Waiting { "has no task" } else { build.state().as_str() };
    let cause = build.tasks.iter().find_map(|task| {
        let cause = web::native::reasons::task_cause(build, task)?;
        let target = TargetName { repository: task.repository.clone(), arch: task.arch.clone() };
        Some(format!(": {target}: {}", cause.message))
    });
    let source = build.source_failure.as_ref().map(|failure| format!(": {failure}"));
    Some(Failure::new(Exit::BuildFailed, format!("the build {word}{}", source.or(cause).unwrap_or_default())))
}
