use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::{ProjectSettings, TriggerPolicy};
use web::native::wire::{
    ConfigAnswer, ConfigRequest, EnableRequest, Fate, NewProjectRequest, ProjectAnswer, ProjectsAnswer, Refreshed,
};

use super::client;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::ClientFlags;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a project.
    Create(Create),
    /// List projects.
    List {
        /// Only those of this user.
        #[arg(long)]
        owner: Option<String>,
    },
    /// Show a project and its repositories.
    Show {
        /// Name of the project.
        project: String,
    },
    /// Show or replace the build configuration of a project.
    Config(Config),
    /// Build for one more target.
    Enable {
        /// Name of the project.
        project: String,
        /// Target (`debian-12-x86_64`).
        target: String,
        /// Package that every root gets in addition; repeat it for several.
        #[arg(long = "package", value_name = "PACKAGE")]
        packages: Vec<String>,
        /// Condition of spec files that is on, as with `rpmbuild --with`; repeat it for several.
        #[arg(long, value_name = "CONDITION")]
        with: Vec<String>,
        /// Condition of spec files that is off, as with `rpmbuild --without`; repeat it for several.
        #[arg(long, value_name = "CONDITION")]
        without: Vec<String>,
        /// Make packages of debugging symbols too.
        #[arg(long)]
        debug_packages: bool,
    },
    /// Change settings of a project; what is not named stays as it is.
    Edit(Edit),
    /// Build again what is built with something that has changed since.
    Rebuild {
        /// Name of the project.
        project: String,
    },
    /// Build for a target no more; results stay.
    Disable {
        /// Name of the project.
        project: String,
        /// Target (`debian-12-x86_64`).
        target: String,
    },
    /// Delete a project with everything in it.
    Delete {
        /// Name of the project.
        project: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name: `home:USER:NAME`.
    project: String,
    /// Target to build for (`debian-12-x86_64`); repeat it for several.
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
    /// What the project is.
    #[arg(long, default_value = "")]
    description: String,
    /// Let builds reach the network.
    #[arg(long)]
    network: bool,
    /// Do not publish results.
    #[arg(long)]
    no_publish: bool,
    /// Build packages again when something they are built with changes.
    #[arg(long)]
    rebuild_on_change: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Name of the project.
    project: String,
    /// What the project is.
    #[arg(long)]
    description: Option<String>,
    /// Whether builds may reach the network.
    #[arg(long, value_name = "BOOL")]
    network: Option<bool>,
    /// Whether results are published by themselves.
    #[arg(long, value_name = "BOOL")]
    publish: Option<bool>,
    /// Whether packages are built again when something they are built with changes.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    rebuild_on_change: Option<bool>,
    /// Whether a build configuration with an error is refused; without, every text is stored.
    #[arg(long, value_name = "BOOL")]
    check_config: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// Name of the project.
    project: String,
    /// File with the new configuration, or - for the standard input.
    #[arg(long, value_name = "FILE")]
    set: Option<PathBuf>,
    /// Why it is changed.
    #[arg(long, default_value = "")]
    comment: String,
}

/// Creates, shows and configures projects.
pub(crate) async fn run(command: Command, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let client = client(flags)?;
    match command {
        Command::Create(create) => {
            let settings = ProjectSettings {
                description: create.description,
                network: create.network,
                publish: !create.no_publish,
                trigger: trigger(create.rebuild_on_change),
                ..ProjectSettings::default()
            };
            let request = NewProjectRequest { name: create.project, targets: create.targets, settings: Some(settings) };
            let answer: ProjectAnswer = client.post("/projects", &request).await?;
            show(&client, &answer, output);
        }
        Command::List { owner } => {
            let query = owner.map(|owner| format!("?owner={}", segment(&owner))).unwrap_or_default();
            let answer: ProjectsAnswer = client.get(&format!("/projects{query}")).await?;
            output.result(&answer, |output| {
                let rows: Vec<Vec<String>> = answer
                    .projects
                    .iter()
                    .map(|project| {
                        vec![project.name.to_string(), project.owner.to_string(), project.settings.description.clone()]
                    })
                    .collect();
                output.table(&["PROJECT", "OWNER", "DESCRIPTION"], &rows);
            });
        }
        Command::Show { project } => {
            let answer: ProjectAnswer = client.get(&path(&project)).await?;
            show(&client, &answer, output);
        }
        Command::Config(config) => configure(&client, config, output).await?,
        Command::Enable { project, target, packages, with, without, debug_packages } => {
            let path = format!("{}/targets/{}", path(&project), segment(&target));
            let wanted = EnableRequest { extra_packages: packages, with, without, debug_packages };
            let answer: ProjectAnswer = client.put(&path, &wanted).await?;
            show(&client, &answer, output);
        }
        Command::Edit(wanted) => {
            let answer = edit(&client, wanted).await?;
            show(&client, &answer, output);
        }
        Command::Rebuild { project } => {
            let answer: Refreshed = client.post(&format!("{}/rebuild", path(&project)), &serde_json::json!({})).await?;
            output.result(&answer, |output| show_refreshed(&client, &answer, output));
        }
        Command::Disable { project, target } => {
            client.delete(&format!("{}/targets/{}", path(&project), segment(&target))).await?;
            let answer = serde_json::json!({"disabled": {"project": project, "target": target}});
            output.result(&answer, |output| output.line(format!("{project} no longer builds for {target}")));
        }
        Command::Delete { project } => {
            client.delete(&path(&project)).await?;
            let answer = serde_json::json!({"deleted": {"project": project}});
            output.result(&answer, |output| output.line(format!("{project} is deleted")));
        }
    }
    Ok(())
}

const fn trigger(on_change: bool) -> TriggerPolicy {
    if on_change { TriggerPolicy::OnChange } else { TriggerPolicy::OnRequest }
}

async fn edit(client: &Client, wanted: Edit) -> Result<ProjectAnswer, Failure> {
    let path = path(&wanted.project);
    let known: ProjectAnswer = client.get(&path).await?;
    let mut settings = known.project.settings;
    settings.description = wanted.description.unwrap_or(settings.description);
    settings.network = wanted.network.unwrap_or(settings.network);
    settings.publish = wanted.publish.unwrap_or(settings.publish);
    settings.trigger = wanted.rebuild_on_change.map_or(settings.trigger, trigger);
    settings.takes_any_config = wanted.check_config.map_or(settings.takes_any_config, |checks| !checks);
    client.put(&path, &settings).await
}

fn show_refreshed(client: &Client, answer: &Refreshed, output: Output) {
    for build in &answer.builds {
        output.line(format!("{}/builds/{build}", client.url()));
    }
    for package in &answer.packages {
        output.note(format!("{} {}: {}", package.package, package.target, fate_words(&package.fate)));
    }
    for target in &answer.not_looked_at {
        output.note(format!("not looked at: {target}"));
    }
    if answer.builds.is_empty() && answer.packages.is_empty() && answer.not_looked_at.is_empty() {
        output.note("everything is up to date");
    }
}

/// What is to be done with a package, for people.
pub(super) fn fate_words(fate: &Fate) -> String {
    match fate {
        Fate::Building => "is being built".to_owned(),
        Fate::Current { .. } => "up to date".to_owned(),
        Fate::Waits { by } => format!("to be looked at again when these are built: {}", by.join(", ")),
        Fate::Outdated { what } => format!("out of date, because of {}", what.join(", ")),
        Fate::Impossible { verdict } => format!("could not be built again: {verdict}"),
    }
}

fn path(project: &str) -> String {
    format!("/projects/{}", segment(project))
}

fn show(client: &Client, answer: &ProjectAnswer, output: Output) {
    output.result(answer, |output| {
        let project = &answer.project;
        output.line(format!("{} of {}", project.name, project.owner));
        if !project.settings.description.is_empty() {
            output.line(&project.settings.description);
        }
        if project.settings.trigger == TriggerPolicy::OnChange {
            output.line("builds packages again when something they are built with changes");
        }
        for repository in &answer.repositories {
            for arch in &repository.arches {
                let state = if arch.enabled { "" } else { " (disabled)" };
                output.line(format!("  {}-{}{state}", repository.name, arch.arch));
            }
        }
        output.line(format!("{}/projects/{}", client.url(), project.name));
    });
}

async fn configure(client: &Client, config: Config, output: Output) -> Result<(), Failure> {
    let path = format!("{}/config", path(&config.project));
    let answer: ConfigAnswer = match config.set {
        None => client.get(&path).await?,
        Some(file) => {
            let text = if file.as_os_str() == "-" {
                std::io::read_to_string(std::io::stdin())?
            } else {
                fs_err::read_to_string(file)?
            };
            client.put(&path, &ConfigRequest { text, comment: config.comment }).await?
        }
    };
    output.result(&answer, |output| output.raw(answer.text.as_bytes()));
    for finding in &answer.findings {
        output.note(super::config::render(finding, &config.project, answer.text.as_bytes(), false));
    }
    Ok(())
}
