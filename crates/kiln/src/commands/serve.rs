use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::JobRunner;
use model::WorkerName;
use service::{NewToken, Service, ServiceConfig, User};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use web::{Server, ServerOptions, WebOptions};

use crate::failure::{Exit, Failure};
use crate::oidc::OidcFlags;
use crate::output::Output;
use crate::settings::{ClientFile, default_path};
use crate::source_jobs::SourceJobFlags;
use crate::worker::{Ending, Worker};
use crate::{env, machine, runner};

/// How long the token of a settings file works.
const TOKEN_LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);

/// How long background work may take to end its pass.
const BACKGROUND_DRAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of everything the server remembers [default: ~/.local/share/kiln, env: KILN_DATA].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address people reach the server at [default: http:// and the address it listens on].
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Write a settings file with an administrator's token for clients [default path: ~/.config/copr].
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    write_client_config: Option<Option<PathBuf>>,
    /// Jobs at once on this machine; 0 runs none.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// How long running jobs may go on after SIGTERM; then they are handed back and run again after the next start.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    drain_seconds: u64,
    /// OpenPGP keyring that the signatures of submitted sources are checked against; may be given several times.
    #[arg(long, value_name = "PATH")]
    source_keyring: Vec<PathBuf>,
    /// Let source addresses point into this machine or its private network [default: only if it listens on loopback].
    #[arg(long)]
    allow_private_sources: bool,
    #[command(flatten)]
    oidc: OidcFlags,
    #[command(flatten)]
    source_jobs: SourceJobFlags,
    /// Run jobs without a root, for tests.
    #[arg(long, hide = true)]
    fake_engine: bool,
}

/// Runs the server until it is told to stop.
pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let data = data_folder(&arguments)?;
    // A machine that can not run jobs should say so before anything else is done.
    let authorities = arguments.source_jobs.authorities()?;
    let runner = match arguments.workers {
        0 => None,
        _ => Some(runner::runner(&data.join("engine"), arguments.fake_engine, authorities).await?),
    };
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        Failure::new(Exit::Conflicting, format!("{} can not be listened on: {error}", arguments.listen))
    })?;
    let url = match &arguments.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", listener.local_addr()?),
    };
    let mut config = ServiceConfig::new(&data, &url);
    config.allow_private_sources = arguments.allow_private_sources || arguments.listen.ip().is_loopback();
    config.source_keyrings.clone_from(&arguments.source_keyring);
    config.oidc = arguments.oidc.config()?;
    arguments.source_jobs.apply(&mut config);
    config.worker = Some(machine::describe(&runner::arches(), &config.limits));
    let upload_bytes = config.upload_bytes;
    let lease = config.lease;
    let service = Service::open(config).await?;
    let first = service.first_admin().await?;
    write_client_config(&arguments, &service, first.as_ref(), &url, output).await?;
    announce(first.as_ref(), &url, output);

    let background = service.start();
    let stop = CancellationToken::new();
    let options = WebOptions { public_url: url, upload_bytes, stop: stop.clone() };
    let router = web::router(service.clone(), options);
    let server = tokio::spawn(Server::new(listener, ServerOptions::default()).run(router, stop.clone()));
    let ending = Ending::default();
    let worker = runner.map(|runner| start_worker(&arguments, &service, runner, lease, &ending));
    tracing::info!("ready");

    signals.next().await;
    tracing::info!("stopping");
    ending.drain.cancel();
    stop.cancel();
    if let Some(worker) = worker {
        drain(worker, &ending, Duration::from_secs(arguments.drain_seconds), &mut signals).await;
    }
    let _ = server.await;
    // A fetch that hangs must not keep the program alive: the next start does it again.
    if tokio::time::timeout(BACKGROUND_DRAIN, background.stop()).await.is_err() {
        tracing::warn!("background work was cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

fn data_folder(arguments: &Arguments) -> Result<PathBuf, Failure> {
    let known = arguments.data.clone().or_else(|| env::text(env::DATA).map(PathBuf::from));
    known.or_else(|| env::data_home().map(|folder| folder.join("kiln"))).ok_or_else(|| {
        Failure::new(Exit::Invalid, "there is no home folder to keep data in").with_help("give --data or set KILN_DATA")
    })
}

/// The signals that ask for an orderly end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The first start of a data folder shows the administrator's token, once.
fn announce(first: Option<&NewToken>, url: &str, output: Output) {
    if output.json {
        let admin =
            first.map(|token| serde_json::json!({"user": token.user, "login": token.login, "token": token.token}));
        output.line(serde_json::json!({"listening": url, "admin": admin}));
        return;
    }
    output.line(format!("listening on {url}"));
    if let Some(token) = first {
        output.line(format!("administrator: {}", token.user));
        output.line(format!("login: {}", token.login));
        output.line(format!("token: {} (shown only now)", token.token));
    }
}

async fn write_client_config(
    arguments: &Arguments,
    service: &Service,
    first: Option<&NewToken>,
    url: &str,
    output: Output,
) -> Result<(), Failure> {
    let Some(path) = &arguments.write_client_config else { return Ok(()) };
    let path = path.clone().or_else(default_path).ok_or_else(|| {
        Failure::new(Exit::Invalid, "there is no home folder for the settings file")
            .with_help("give its path: --write-client-config=PATH")
    })?;
    let file = match first {
        Some(token) => client_file(token, url),
        None => known_or_new(service, &path, url).await?,
    };
    file.write(&path)?;
    output.note(format!("client settings are in {}", path.display()));
    Ok(())
}

fn client_file(token: &NewToken, url: &str) -> ClientFile {
    ClientFile {
        login: Some(token.login.clone()),
        token: Some(token.token.clone()),
        username: Some(token.user.to_string()),
        url: Some(url.to_owned()),
    }
}

/// The credentials the file has, if they still work; else new ones.
async fn known_or_new(service: &Service, path: &Path, url: &str) -> Result<ClientFile, Failure> {
    let old = ClientFile::parse(&fs_err::read_to_string(path).unwrap_or_default());
    if let (Some(login), Some(token)) = (&old.login, &old.token)
        && service.authenticate(login, token).await?.is_some()
    {
        return Ok(ClientFile { url: Some(url.to_owned()), ..old });
    }
    let admin = administrator(service).await?;
    Ok(client_file(&service.create_token(&admin, &admin.name, TOKEN_LIFETIME).await?, url))
}

async fn administrator(service: &Service) -> Result<User, Failure> {
    let name = model::UserName::parse("admin")?;
    let admin = service.user(&name).await?;
    admin.ok_or_else(|| Failure::new(Exit::Missing, "there is no user admin"))
}

fn start_worker(
    arguments: &Arguments,
    service: &Service,
    runner: Arc<dyn JobRunner>,
    lease: Duration,
    ending: &Ending,
) -> JoinHandle<()> {
    let worker = Worker {
        service: service.clone(),
        runner,
        name: WorkerName::parse("local").expect("a word is a name"),
        arches: runner::arches(),
        slots: arguments.workers,
        heartbeat: lease / 3,
    };
    tokio::spawn(worker.run(ending.clone()))
}

/// Gives running jobs their time; a second signal ends it at once.
async fn drain(mut worker: JoinHandle<()>, ending: &Ending, time: Duration, signals: &mut Signals) {
    tokio::select! {
        _ = &mut worker => return,
        () = tokio::time::sleep(time) => {}
        () = signals.next() => {}
    }
    ending.abandon.cancel();
    let _ = worker.await;
}
