//! A run's ports, put together for this machine, and the loop that drives them.

use super::Site;
use super::forge::{self, RunForge};
use crate::error::AppError;
use ppe_adapters::board::RunBoard;
use ppe_adapters::clock::AwakeClock;
use ppe_adapters::config::{self, Command, NativeAgent};
use ppe_adapters::executor::drivers::{AcpSettings, AgentSettings, Home, KNOWN, NativeSettings, Permissions};
use ppe_adapters::executor::local::{
    CommandKind, CommandSpec, Daemons, ExecutorSettings, LocalExecutor, RunPlaces, Weight,
};
use ppe_adapters::failpoint;
use ppe_adapters::forge::github::Webhook;
use ppe_adapters::git::Identity;
use ppe_adapters::log::FileLog;
use ppe_adapters::notify::CommandNotifier;
use ppe_adapters::radar::RunRadar;
use ppe_adapters::state_dir::RunDir;
use ppe_core::ids::RunId;
use ppe_core::input::Trouble;
use ppe_core::state::{Progress, State};
use ppe_engine::api::RunHandle;
use ppe_engine::attach;
use ppe_engine::ports::{Ports, Sightings};
use ppe_engine::run_loop::{Options, RunLoop, Stay};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;

/// The ports of a run on this machine.
pub(crate) struct LocalPorts {
    executor: LocalExecutor,
    forge: RunForge,
    radar: RunRadar,
    board: RunBoard,
    clock: AwakeClock,
    notifier: CommandNotifier,
}

impl Ports for LocalPorts {
    type Executor = LocalExecutor;
    type Forge = RunForge;
    type Radar = RunRadar;
    type Board = RunBoard;
    type Clock = AwakeClock;
    type Notifier = CommandNotifier;

    fn executor(&self) -> &LocalExecutor {
        &self.executor
    }

    fn forge(&self) -> &RunForge {
        &self.forge
    }

    fn radar(&self) -> &RunRadar {
        &self.radar
    }

    fn board(&self) -> &RunBoard {
        &self.board
    }

    fn clock(&self) -> &AwakeClock {
        &self.clock
    }

    fn notifier(&self) -> &CommandNotifier {
        &self.notifier
    }
}

impl LocalPorts {
    /// The ports for a run whose state, if it has one, is given for its clock.
    pub(crate) fn new(
        site: &Site,
        dir: &RunDir,
        run: &RunId,
        state: Option<&State>,
    ) -> Result<(Self, Sightings), AppError> {
        let sightings = Sightings::default();
        let identity = identity(site)?;
        let places = places(dir, temp_dir(site)?.join(run.as_str()));
        let settings = executor_settings(site, &identity)?;
        let executor =
            LocalExecutor::new(site.repo.clone(), run.clone(), places, settings, sightings.clone());
        let floor = state.map_or_else(Default::default, |s| s.clock.last);
        let notifier =
            CommandNotifier::new(site.settings.notify.clone(), site.settings.job_environment(&site.env));
        // A run that has begun keeps what it began with, whatever the settings say today.
        let begun = state.filter(|state| state.progress != Progress::New);
        let policy = begun.map_or(&site.settings.policy, |state| &*state.policy);
        let forge = RunForge::new(site, run, identity, policy)?;
        let radar = RunRadar::new(&site.repo, dir);
        let leaves_board = dir.no_board().exists();
        let board = if leaves_board { RunBoard::Nowhere } else { super::board::open(site, Some(dir))? };
        let clock = AwakeClock::starting_at_least(floor);
        Ok((Self { executor, forge, radar, board, clock, notifier }, sightings))
    }
}

fn places(dir: &RunDir, temp: PathBuf) -> RunPlaces {
    RunPlaces {
        workspaces: dir.workspaces(),
        tasks: dir.folder().join("tasks"),
        candidates: dir.folder().join("candidates"),
        temp,
    }
}

/// Whom commits are by: the user, as git knows them.
fn identity(site: &Site) -> Result<Identity, AppError> {
    site.repo.identity()?.ok_or_else(|| {
        AppError::environment("git does not know who you are: commits need a name and an address")
            .hint("git config user.name \"…\" and git config user.email \"…\"")
    })
}

fn commands(commands: &[Command]) -> Vec<CommandSpec> {
    let spec = |c: &Command| CommandSpec {
        name: c.name.clone(),
        argv: c.run.clone(),
        limit_ms: c.timeout_ms,
        kind: match c.kind {
            config::CommandKind::Fix => CommandKind::Fix,
            config::CommandKind::Build => CommandKind::Build,
            config::CommandKind::Test => CommandKind::Test,
            config::CommandKind::Coverage => CommandKind::Coverage,
            config::CommandKind::Other => CommandKind::Other,
        },
        weight: match c.weight {
            config::Weight::Light => Weight::Light,
            config::Weight::Heavy => Weight::Heavy,
        },
    };
    commands.iter().map(spec).collect()
}

fn executor_settings(site: &Site, identity: &Identity) -> Result<ExecutorSettings, AppError> {
    let settings = &site.settings;
    let shell = |line: &String| CommandSpec {
        name: line.clone(),
        argv: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        limit_ms: settings.limits.verify_ms,
        kind: CommandKind::Other,
        weight: Weight::Light,
    };
    Ok(ExecutorSettings {
        agents: agent_settings(site),
        agent_env: KNOWN
            .iter()
            .map(|name| ((*name).to_owned(), settings.agent_environment(name, &site.env)))
            .collect(),
        job_env: settings.job_environment(&site.env),
        verify: commands(&settings.verify),
        checks: commands(settings.checks()),
        copy: settings.workspace.copy.clone(),
        setup: settings.workspace.setup.iter().map(shell).collect(),
        output_cap_bytes: settings.limits.output_bytes,
        grace_ms: settings.policy.grace_ms,
        disk_floor_bytes: settings.limits.disk_floor_bytes,
        memory_floor_bytes: settings.limits.memory_floor_bytes,
        heavy: heavy_at_once(settings.limits.heavy),
        daemons: match settings.workspace.daemons {
            config::Daemons::Own => Daemons::Own,
            config::Daemons::Shared => Daemons::Shared,
        },
        identity: identity.clone(),
        attribution_patterns: settings.attribution_patterns.clone(),
        slots: site.state_root.join("slots"),
        accounts: site.state_root.join("accounts"),
        heavy_slots: site.state_root.join("heavy"),
        ports: site.state_root.join("ports"),
        program: std::env::current_exe()?,
    })
}

/// Heavy commands at once: as chosen, else one for every four processors.
fn heavy_at_once(chosen: u32) -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if chosen > 0 { chosen } else { u32::try_from(processors.div_ceil(4)).unwrap_or(1) }
}

/// The agents as configured.
pub(crate) fn agent_settings(site: &Site) -> AgentSettings {
    let settings = &site.settings;
    let native = |agent: &NativeAgent| NativeSettings {
        program: agent.program.clone(),
        agent: agent.agent.clone(),
        permissions: permissions(agent.permissions),
        allow: agent.allow.clone(),
        args: agent.args.clone(),
        home: match agent.home {
            config::Home::User => Home::User,
            config::Home::Private => Home::Private,
        },
    };
    AgentSettings {
        claude: native(&settings.agents.claude),
        codex: native(&settings.agents.codex),
        opencode: native(&settings.agents.opencode),
        gemini: native(&settings.agents.gemini),
        acp: AcpSettings {
            argv: settings.acp_agent.argv.clone(),
            mode: settings.acp_agent.mode.clone(),
            permissions: permissions(settings.acp_agent.permissions),
        },
        command: settings.command_agent.argv.clone(),
        script: settings.scripted_agent.script.as_ref().map(|path| site.path(path)),
        speed: settings.scripted_agent.speed,
        search_path: settings.job_environment(&site.env).remove("PATH").unwrap_or_default(),
    }
}

fn permissions(permissions: config::Permissions) -> Permissions {
    match permissions {
        config::Permissions::Edits => Permissions::Edits,
        config::Permissions::All => Permissions::All,
    }
}

/// How long the last notices may take on their way.
const NOTICES: Duration = Duration::from_secs(5);

/// A run that is about to be driven.
pub(crate) struct Launched {
    /// The loop; nothing happens until it is run.
    pub(crate) run_loop: RunLoop<LocalPorts>,
    /// The handle for faces.
    pub(crate) handle: RunHandle,
    /// The socket for commands of other processes, removed at the end.
    pub(crate) socket: Socket,
    /// What the run leaves elsewhere.
    pub(crate) leavings: Leavings,
    /// Where GitHub's calls are taken, closed at the end.
    pub(crate) webhook: Option<Webhook>,
}

/// What a run leaves elsewhere: branches that it made for a while, pins of what it saw, and its last notices.
pub(crate) struct Leavings {
    ports: Arc<LocalPorts>,
    /// Other runs that are over, and may have left some as well.
    over: Vec<RunId>,
}

impl Leavings {
    /// Takes away what is of no use to the run as it stands.
    pub(crate) async fn clear(&self, state: &State) -> Result<(), Trouble> {
        self.ports.forge.clear(state).await
    }

    /// Waits until the last notices have been handed over: the end of the process would end their commands' threads.
    pub(crate) fn hand_over_notices(&self) {
        self.ports.notifier.hand_over(NOTICES);
    }

    /// Takes away what those left who were killed before they could.
    pub(crate) async fn clear_over(&self) -> Result<(), Trouble> {
        self.ports.forge.clear_over(self.over.clone()).await
    }
}

/// Puts a run together.
pub(crate) fn launch(
    site: &Site,
    dir: &RunDir,
    run: &RunId,
    log: FileLog,
    state: State,
    stay: Stay,
) -> Result<Launched, AppError> {
    forge::settle(site, dir)?;
    let (ports, sightings) = LocalPorts::new(site, dir, run, Some(&state))?;
    let (refresh_ms, radar_ms) = (site.settings.dashboard_refresh_ms, site.settings.radar_ms);
    let change_url = forge::change_url(site);
    let options = Options { stay, refresh_ms, radar_ms, change_url, sightings };
    let webhook = ports.forge.webhook(site)?;
    let ports = Arc::new(ports);
    let leavings = Leavings { over: ports.forge.unclear(site, run)?, ports: Arc::clone(&ports) };
    let (run_loop, handle) = RunLoop::new(ports, log, state, options)?;
    let socket = Socket::bind(site, dir, run, handle.clone())?;
    Ok(Launched { run_loop, handle, socket, leavings, webhook })
}

/// The control socket. Its file and the pointer to it go when this is dropped.
pub(crate) struct Socket {
    server: Option<attach::Server>,
    path: PathBuf,
    pointer: PathBuf,
}

impl Socket {
    fn bind(site: &Site, dir: &RunDir, run: &RunId, handle: RunHandle) -> Result<Self, AppError> {
        let folder = runtime_dir(site)?;
        let path = folder.join(format!("{run}.sock"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let listener = UnixListener::bind(&path)
            .map_err(|e| AppError::environment(format!("control socket {}: {e}", path.display())))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let pointer = dir.socket_pointer();
        std::fs::write(&pointer, path.as_os_str().as_encoded_bytes())?;
        failpoint::hit("run.launched");
        Ok(Self { server: Some(attach::Server::start(listener, handle)), path, pointer })
    }

    /// Closes it when all who asked have their answer.
    pub(crate) async fn close(mut self) {
        if let Some(server) = self.server.take() {
            server.close().await;
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
        drop(std::fs::remove_file(&self.pointer));
    }
}

/// A folder of this user's for sockets, whose paths must be short.
fn runtime_dir(site: &Site) -> Result<PathBuf, AppError> {
    let base = match site.env.get("XDG_RUNTIME_DIR").map(Path::new) {
        Some(dir) if dir.is_dir() => dir.join("ppe"),
        _ => return temp_dir(site),
    };
    private(base)
}

/// A folder of this user's for temporary files. It lies where large ones may: a runtime folder is often memory.
fn temp_dir(site: &Site) -> Result<PathBuf, AppError> {
    let named = site.env.get("TMPDIR").map(PathBuf::from).filter(|dir| dir.is_dir());
    let temp = named.unwrap_or_else(|| PathBuf::from("/tmp"));
    private(temp.join(format!("ppe-{}", nix::unistd::getuid())))
}

/// Makes a folder that is this user's alone, or finds it so.
fn private(base: PathBuf) -> Result<PathBuf, AppError> {
    match std::fs::create_dir(&base) {
        Ok(()) => std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o700))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check_private(&base)?,
        Err(error) => return Err(error.into()),
    }
    Ok(base)
}

/// A folder in a shared place counts only if it is ours alone.
fn check_private(dir: &Path) -> Result<(), AppError> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(dir)?;
    let closed = found.mode().trailing_zeros() >= 6;
    let ours = found.is_dir() && found.uid() == nix::unistd::getuid().as_raw() && closed;
    if ours {
        return Ok(());
    }
    Err(AppError::environment(format!("{} is not a private folder of yours", dir.display()))
        .hint("set XDG_RUNTIME_DIR to a folder that only you can enter"))
}
