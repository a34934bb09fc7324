//! Carries out what the planner says of a task.

use model::{
    BuildSettings, FailureCause, FlagKind, JobFile, JobWork, RecipeSpec, RootSpec, SourceFile, TaskId, TriggerPolicy,
    Verdict,
};
use sched::{PlannedTask, RootPlan};
use store::{PendingTask, PendingWork, SourceTree, TaskChange, TaskPlan};

use super::config::MergedConfig;
use super::origin;
use super::world::World;
use crate::ServiceError;
use crate::inner::{Inner, blocking};

/// Writes a verdict down. Builds on request end with what can not be built; builds on change wait for a change. Whether
/// anything changed.
pub(super) async fn note(
    inner: &Inner,
    task: &PendingTask,
    verdict: &Verdict,
    trigger: TriggerPolicy,
) -> Result<bool, ServiceError> {
    if task.verdict.as_ref() == Some(verdict) {
        return Ok(false);
    }
    let now = inner.now();
    let mut session = inner.store.write().await?;
    let on_request = trigger == TriggerPolicy::OnRequest;
    match verdict {
        Verdict::Excluded { .. } => {
            session.change_task(task.task, TaskChange::Exclude(verdict), now).await?;
        }
        Verdict::Unresolvable { problems } if on_request => {
            let cause = FailureCause::Unresolvable { problems: problems.clone() };
            session.change_task(task.task, TaskChange::Fail(&cause), now).await?;
        }
        Verdict::Broken { detail } if on_request => {
            let cause = FailureCause::Configuration { detail: detail.clone() };
            session.change_task(task.task, TaskChange::Fail(&cause), now).await?;
        }
        _ => {
            session.set_verdict(task.task, verdict).await?;
        }
    }
    session.commit().await?;
    tracing::info!(task.id = %task.task, "task {} ({} {} {}): {verdict}", task.task, task.subject(), task.repository, task.arch);
    inner.changed();
    Ok(true)
}

/// Writes down why a task waits, whatever the project's policy: the reason is not the package's.
pub(super) async fn wait(inner: &Inner, task: &PendingTask, verdict: &Verdict) -> Result<bool, ServiceError> {
    note(inner, task, verdict, TriggerPolicy::OnChange).await
}

/// Ends a task whose packages can not be had.
pub(super) async fn fail(inner: &Inner, task: TaskId, cause: &FailureCause) -> Result<(), ServiceError> {
    let mut session = inner.store.write().await?;
    session.change_task(task, TaskChange::Fail(cause), inner.now()).await?;
    session.commit().await?;
    inner.changed();
    Ok(())
}

/// A task whose root is known, ready to be scheduled once every package is here.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) task: TaskId,
    pub(super) plan: TaskPlan,
    pub(super) root: RootSpec,
    pub(super) config_text: Vec<u8>,
    /// What it is made from; nothing, if that can not be told.
    pub(super) fingerprint: Option<Vec<u8>>,
}

/// Puts together what a worker will be given.
pub(super) fn prepare(
    inner: &Inner,
    task: &PendingTask,
    planned: &PlannedTask,
    root: &RootPlan,
    (world, tree, config): (&World, Option<&SourceTree>, &MergedConfig),
) -> Result<Ready, String> {
    let mut packages = Vec::with_capacity(root.packages.len());
    for package in &root.packages {
        let found = world.root_package(*package);
        packages.push(found.ok_or_else(|| format!("{} has no usable file name", world.pool.name(*package)))?);
    }
    let (work, sources) = work(task, tree)?;
    // Sources come from outside; that is what such a job is for.
    let network = task.network || matches!(work, JobWork::Source(_));
    let plan = TaskPlan {
        title: format!("{}/{} {} {}", task.project, task.subject(), task.repository, task.arch),
        work,
        sources,
        settings: settings(task, root),
        limits: task.limits.unwrap_or(inner.config.limits),
        network,
    };
    let root = RootSpec {
        format: world.pool.format(),
        preinstall: root.preinstall.clone(),
        run_scripts: root.run_scripts.clone(),
        packages,
    };
    let fingerprint = planned.fingerprint.as_deref().map(origin::write_lines);
    Ok(Ready { task: planned.task, plan, root, config_text: config.tree.text().to_vec(), fingerprint })
}

/// What the configuration and the target say of the way to build, as far as the package says nothing else.
fn settings(task: &PendingTask, root: &RootPlan) -> BuildSettings {
    let settings = root.settings.clone();
    let place = Some((&task.repository, &task.arch));
    let debug_packages = task.about.is_on(FlagKind::DebugInfo, place, settings.debug_packages);
    BuildSettings { debug_packages, ..settings }
}

/// What is done in the root, and the files it is done with.
fn work(task: &PendingTask, tree: Option<&SourceTree>) -> Result<(JobWork, Vec<JobFile>), String> {
    match (&task.work, tree) {
        (PendingWork::Source(job), _) => Ok((JobWork::Source(job.script.clone()), job.files.clone())),
        (PendingWork::Recipe { .. }, Some(tree)) => {
            let file = |file: &SourceFile| JobFile { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256 };
            let recipe = RecipeSpec { kind: tree.recipe_kind, file: tree.recipe_file.clone() };
            Ok((JobWork::Recipe(recipe), tree.files.iter().map(file).collect()))
        }
        (PendingWork::Recipe { package, .. }, None) => Err(format!("{package} has no source")),
    }
}

/// Makes a task claimable: its exact environment and configuration are stored with it.
pub(super) async fn schedule(inner: &Inner, ready: Ready) -> Result<bool, ServiceError> {
    let Ready { task, plan, root, config_text, fingerprint } = ready;
    let blobs = inner.blobs.clone();
    let digests: Vec<_> = root.packages.iter().map(|package| package.file.sha256).collect();
    let (root, config, fingerprint) = blocking(move || {
        let text = serde_json::to_vec(&root).map_err(|error| ServiceError::Failed {
            what: format!("writing the root of task {task}"),
            source: error.into(),
        })?;
        let fingerprint = fingerprint.map(|lines| blobs.put(&lines)).transpose()?;
        Ok::<_, ServiceError>((blobs.put(&text)?, blobs.put(&config_text)?, fingerprint))
    })
    .await??;
    let mut session = inner.store.write().await?;
    let scheduled = session.put_plan(task, &plan, &root, &digests, inner.now()).await?;
    if scheduled {
        session.set_plan_config(task, &config).await?;
        if let Some(fingerprint) = fingerprint {
            session.put_fingerprint(task, &fingerprint).await?;
        }
    }
    session.commit().await?;
    if scheduled {
        tracing::info!(task.id = %task, packages = digests.len(), "task {task} ({}) is scheduled", plan.title);
        inner.changed();
        inner.poke_workers();
    }
    Ok(scheduled)
}
