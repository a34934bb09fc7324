//! Adds Debian 12 from this machine's own archive, submits a source package of it and prints the root of its build.
//!
//! `cargo run -p service --example plan_hello [FOLDER [PATH-IN-ARCHIVE]]`; needs the network. The folder is kept, so that a
//! second run shows what a warm start costs.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::time::{Duration, Instant};

use model::{BuildId, Mirror, ProjectName, ProjectSettings, RepositoryName, WorkerName};
use pkg::Arch;
use service::{DistributionOptions, NewBuild, NewProject, NewSource, Service, ServiceConfig, TargetName, User};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().unwrap_or_else(|| "target/plan-hello".to_owned());
    let path = words.next().unwrap_or_else(|| "pool/main/h/hello/hello_2.10-3.dsc".to_owned());
    let mut config = ServiceConfig::new(folder, "http://localhost:8080");
    config.allow_private_sources = true;
    let service = Service::open(config).await?;
    let admin = admin(&service).await?;
    let begun = Instant::now();
    let distribution = service.add_distribution(&admin, "debian-12", DistributionOptions::default()).await?;
    let status = service.refresh_mirrors(distribution.id).await?;
    println!("mirror: {} packages, {} indices fetched, {:?}", status.packages, status.fetched, begun.elapsed());
    let repositories = service.repositories(distribution.id).await?;
    let Some(Mirror::Debian { url, .. }) = repositories.first().and_then(|repository| repository.mirror.as_ref())
    else {
        return Err("no mirror".into());
    };
    let build = submit(&service, &admin, format!("{url}/{path}")).await?;
    let background = service.start();
    let begun = Instant::now();
    print_job(&service, build, begun).await?;
    background.stop().await;
    println!("memory: {}", resident());
    Ok(())
}

async fn admin(service: &Service) -> Result<User, Box<dyn Error>> {
    service.first_admin().await?;
    Ok(service.user(&model::UserName::parse("admin")?).await?.ok_or("no administrator")?)
}

async fn submit(service: &Service, admin: &User, url: String) -> Result<BuildId, Box<dyn Error>> {
    let name = ProjectName::parse("admin:example")?;
    let target = TargetName { repository: RepositoryName::parse("debian-12")?, arch: Arch::parse("x86_64")? };
    let project = match service.project_by_name(&name).await {
        Ok(project) => project,
        Err(_) => {
            let new = NewProject { name, settings: ProjectSettings::default(), targets: vec![target] };
            service.create_project(admin, new).await?
        }
    };
    let new = NewBuild {
        project: project.id,
        source: NewSource::Url(url),
        targets: None,
        network: None,
        limits: None,
        queue: Default::default(),
    };
    Ok(service.submit(admin, new).await?)
}

async fn print_job(service: &Service, build: BuildId, begun: Instant) -> Result<(), Box<dyn Error>> {
    let (worker, arches) = (WorkerName::parse("example")?, [Arch::parse("x86_64")?]);
    let job = loop {
        let found = service.build(build).await?;
        if found.is_finished() {
            return Err(format!("the build ended: {found:?}").into());
        }
        if let Some(job) = service.claim(&worker, &arches).await? {
            break job;
        }
        let verdict = found.tasks.first().and_then(|task| task.verdict.clone());
        println!("{:>8.3} s: source {:?}, verdict {verdict:?}", begun.elapsed().as_secs_f64(), found.source_state);
        let seen = service.wait_for_change(0).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), service.wait_for_change(seen)).await;
    };
    println!("{:>8.3} s: {} can be built", begun.elapsed().as_secs_f64(), job.title);
    let bytes: u64 = job.root.packages.iter().map(|package| package.file.bytes).sum();
    println!(
        "{} packages, {} MB; preinstalled: {}",
        job.root.packages.len(),
        bytes >> 20,
        job.root.preinstall.join(" ")
    );
    println!("scripts at once: {}", job.root.run_scripts.join(" "));
    for package in &job.root.packages {
        println!("  {} {} {}", package.name, package.version, package.arch);
    }
    println!("sources: {}", job.sources.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(" "));
    Ok(())
}

/// The program's memory now, as the kernel tells.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    format!("{} {}", line("VmRSS"), line("VmHWM"))
}
