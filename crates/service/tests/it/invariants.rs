//! Long random lives: whatever happens in whatever order, restarts included, these hold:
//! the derived column `finished` says what the model says; a task is at a worker exactly if one active job is its own; a
//! build that is finished stays as it is; only a task that succeeded has results, and their bytes are there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{BuildId, FailureCause, JobId, JobOutcome, Phase, ProjectId, TaskState};
use service::{BuildFilter, TaskFilter, User};

use crate::kit::{World, failed, report};

const SEEDS: u64 = 3;
const STEPS: u64 = 120;

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> Option<T> {
        let place = self.roll(among.len().max(1) as u64);
        among.get(usize::try_from(place).unwrap()).cloned()
    }
}

struct Life {
    world: World,
    dice: Dice,
    owners: Vec<(User, ProjectId)>,
    builds: Vec<(User, BuildId)>,
    unprepared: BTreeSet<BuildId>,
    /// Every job that ever was: workers speak of jobs that have long ended.
    jobs: Vec<JobId>,
    finished: BTreeMap<BuildId, String>,
    /// Every state some task was in.
    seen: BTreeSet<TaskState>,
}

impl Life {
    async fn begin(seed: u64) -> Self {
        let world = World::new().await;
        let mut owners = Vec::new();
        for who in ["alice", "bob"] {
            let user = world.user(who).await;
            let project = world.project(&user, "tools").await;
            owners.push((user, project));
        }
        Self {
            world,
            dice: Dice(seed),
            owners,
            builds: Vec::new(),
            unprepared: BTreeSet::new(),
            jobs: Vec::new(),
            finished: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    async fn step(mut self) -> Self {
        match self.dice.roll(16) {
            0..=2 => self.submit().await,
            3..=5 => self.prepare().await,
            6..=8 => self.claim().await,
            9..=11 => self.speak().await,
            12 => self.cancel().await,
            13 => self.delete().await,
            14 => {
                self.world.advance(Duration::from_secs(self.dice.roll(40)));
                self.world.service.reconcile("leases").await.unwrap();
            }
            _ => {
                self.world.service.reconcile("prune").await.unwrap();
                self.world = self.world.restart().await;
            }
        }
        self
    }

    async fn submit(&mut self) {
        if let Some((user, project)) = self.dice.pick(&self.owners) {
            let build = self.world.submit(&user, project).await;
            self.builds.push((user, build));
            self.unprepared.insert(build);
        }
    }

    async fn prepare(&mut self) {
        if let Some(build) = self.unprepared.pop_first() {
            self.world.prepare(build).await;
        }
    }

    async fn claim(&mut self) {
        if let Some(spec) = self.world.claim().await {
            assert!(!self.jobs.contains(&spec.job), "a job is given out once");
            self.jobs.push(spec.job);
        }
    }

    /// A worker says something of a job, wanted or not.
    async fn speak(&mut self) {
        let Some(job) = self.dice.pick(&self.jobs) else { return };
        let service = self.world.service.clone();
        match self.dice.roll(6) {
            0 => drop(service.heartbeat(job).await.unwrap()),
            1 => service.job_phase(job, Phase::Recipe).await.unwrap(),
            2 => service.finish(job, failed(FailureCause::NoResults)).await.unwrap(),
            3 => service.finish(job, failed(FailureCause::Worker { detail: "x".to_owned() })).await.unwrap(),
            4 => service.finish(job, report(JobOutcome::Canceled, Vec::new())).await.unwrap(),
            _ => self.world.succeed(job, &format!("package of job {job}")).await,
        }
    }

    async fn cancel(&mut self) {
        let Some((user, build)) = self.dice.pick(&self.builds) else { return };
        let finished = self.world.service.build(build).await.unwrap().is_finished();
        assert_eq!(self.world.service.cancel(&user, build).await.is_err(), finished);
        self.unprepared.remove(&build);
    }

    async fn delete(&mut self) {
        let Some((user, build)) = self.dice.pick(&self.builds) else { return };
        let finished = self.world.service.build(build).await.unwrap().is_finished();
        assert_eq!(self.world.service.delete(&user, build).await.is_ok(), finished);
        if finished {
            self.builds.retain(|(_, other)| *other != build);
            self.finished.remove(&build);
        }
    }

    async fn check(&mut self) {
        let list = async |finished| {
            let filter = BuildFilter { finished, ..BuildFilter::default() };
            self.world.service.builds(&filter).await.unwrap()
        };
        for (said, builds) in [(true, list(Some(true)).await), (false, list(Some(false)).await)] {
            assert!(builds.iter().all(|build| build.is_finished() == said));
        }
        let all = list(None).await;
        assert_eq!(all.len(), self.builds.len());
        for build in all.into_iter().filter(model::Build::is_finished) {
            let now = format!("{build:?}");
            let before = self.finished.entry(build.id).or_insert_with(|| now.clone());
            assert_eq!(*before, now);
        }
        self.check_jobs().await;
    }

    async fn check_jobs(&mut self) {
        let active = self.world.store.read().await.unwrap().active_jobs(None).await.unwrap();
        let at_worker: BTreeSet<_> = active.iter().map(|job| job.task).collect();
        assert_eq!(at_worker.len(), active.len(), "one active job a task");
        for task in self.world.service.tasks(&TaskFilter::default()).await.unwrap() {
            let working = matches!(task.state, TaskState::Starting | TaskState::Running);
            assert_eq!(working, at_worker.contains(&task.id), "{task:?}");
            let results = self.world.service.results(task.id).await.unwrap();
            assert_eq!(results.len(), usize::from(task.state == TaskState::Succeeded), "{task:?}");
            assert!(results.iter().all(|stored| stored.path.exists()));
            assert_eq!(task.state.is_finished(), task.ended_at.is_some(), "{task:?}");
            assert_eq!(task.state == TaskState::Failed, task.failure.is_some(), "{task:?}");
            assert!(task.attempts <= 3, "{task:?}");
            self.seen.insert(task.state);
        }
    }
}

#[tokio::test]
async fn whatever_happens_in_whatever_order_the_rules_hold() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut life = Life::begin(seed).await;
        for _ in 0..STEPS {
            life = life.step().await;
            life.check().await;
        }
        seen.extend(life.seen);
    }
    // All but the one only the planner makes.
    assert_eq!(seen.len(), TaskState::ALL.len() - 1, "{seen:?}");
}
