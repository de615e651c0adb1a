//! A run under way, seen from its own terminal: the screen or the lines, the signals, the keys, and the end.

use super::control::typed;
use super::report::last_words;
use super::screen::{Letters, Plain, dashboard, details};
use super::terminal;
use super::ui::{Terminal, Ui};
use crate::error::{AppError, EXIT_DONE, EXIT_INTERRUPTED, EXIT_NEEDS_YOU, EXIT_PAUSED};
use crate::wiring::{Background, Launched, Measuring, RunDir, Site, Startup, outside};
use ppe_core::decide::{Rest, rest};
use ppe_core::input::{Command, Input, Reply, Trouble};
use ppe_core::state::{State, StopMode};
use ppe_core::text::shown;
use ppe_core::view::{Live, RunView, view};
use ppe_core::wording::{span, thousands};
use ppe_engine::api::{Leave, RunHandle, Snapshot};
use ppe_engine::run_loop::{End, Stay};
use std::ffi::OsString;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, mpsc};

/// Between two redraws at the least: elapsed times go on while nothing happens.
const REDRAW: Duration = Duration::from_secs(1);

/// How a run is to be driven and shown.
pub(super) struct Drive {
    /// When it ends by itself.
    pub(super) stay: Stay,
    shown: Shown,
    refresh: Duration,
    dir: RunDir,
    measuring: Measuring,
}

/// How the run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// A screen that is redrawn.
    Screen,
    /// A line per event.
    Lines,
}

impl Drive {
    /// For a run of this repository.
    pub(super) fn new(site: &Site, dir: &RunDir, stay: Stay, plain: bool) -> Self {
        Self {
            stay,
            shown: if plain || stay == Stay::UntilRest { Shown::Lines } else { Shown::Screen },
            refresh: Duration::from_millis(site.settings.dashboard_refresh_ms.max(1_000)),
            dir: dir.clone(),
            measuring: Measuring::new(site, dir),
        }
    }
}

/// Drives a run to its end.
pub(super) async fn drive(
    drive: Drive,
    launched: Launched,
    first: Vec<Input>,
    ui: &mut Ui,
) -> Result<u8, AppError> {
    let Launched { run_loop, mut handle, socket, leavings, webhook } = launched;
    let mut face = Face::new(&drive, &handle);
    let mut signals = Signals::listen()?;
    let mut keys = (drive.shown == Shown::Screen).then(typed_lines);
    let period = if drive.shown == Shown::Screen { REDRAW } else { drive.refresh };
    // Not at once: the run has yet to begin.
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    let mut running = tokio::spawn(run_loop.run(first));
    face.begin(ui);
    let mut clearing = Some(Box::pin(leavings.clear_over()));
    let end = loop {
        tokio::select! {
            end = &mut running => break end.map_err(AppError::bug)?,
            cleared = some(&mut clearing) => {
                clearing = None;
                say_what_is_left(cleared, "an earlier run", ui);
            }
            _ = tick.tick() => face.tick(&handle, ui),
            snapshot = handle.fresh(), if drive.shown == Shown::Screen => {
                if let Ok(snapshot) = snapshot {
                    face.draw(&snapshot, ui);
                }
                // At most ten pictures a second.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            line = face.next_line(), if drive.shown == Shown::Lines => face.print(line, &handle, ui),
            key = next_key(&mut keys) => match key {
                Some(line) => face.typed(&line, &handle, ui).await,
                None => keys = None,
            },
            _ = signals.interrupt.recv() => face.interrupted(&handle, ui).await,
            _ = signals.terminate.recv() => {
                drop(handle.command(Command::Stop(StopMode::Agents)).await);
            }
            // A closed terminal: the run goes on without one.
            _ = signals.hang_up.recv() => face.detached(),
        }
    };
    face.end(&handle, ui);
    socket.close().await;
    drop(webhook);
    leavings.hand_over_notices();
    if matches!(end, End::Rest(_)) {
        if let Some(clearing) = clearing {
            say_what_is_left(clearing.await, "an earlier run", ui);
        }
        say_what_is_left(leavings.clear(&handle.snapshot().state).await, "the run", ui);
    }
    conclude(&drive, &face, &handle.snapshot(), &end, ui)
}

/// What is said at the end, and the exit code.
fn conclude(drive: &Drive, face: &Face, last: &Snapshot, end: &End, ui: &mut Ui) -> Result<u8, AppError> {
    match end {
        End::Left => {
            ui.talk("left; agents go on, and `ppe resume` adopts them");
            return Ok(EXIT_INTERRUPTED);
        }
        End::LogFailed(why) => {
            return Err(AppError::environment(format!("the event log takes nothing more: {why}")).hint(
                format!(
                    "agents go on; once the disk is sound, `ppe resume` reads {} again",
                    drive.dir.folder().display()
                ),
            ));
        }
        End::Rest(_) => {}
    }
    for line in last_words(&last.state, last.now, &drive.measuring.measure(&last.state), &ui.look) {
        ui.data(&line);
    }
    Ok(match end {
        End::Rest(Rest::Complete) if last.state.tasks.iter().all(|t| !t.in_run() || t.satisfies()) => {
            EXIT_DONE
        }
        End::Rest(Rest::Complete | Rest::NeedsUser) => EXIT_NEEDS_YOU,
        // Left while nothing could go on without the user.
        End::Rest(Rest::Stopped) if face.needed_user => EXIT_NEEDS_YOU,
        End::Rest(Rest::Paused | Rest::Stopped) | End::Left | End::LogFailed(_) => EXIT_PAUSED,
    })
}

fn say_what_is_left(cleared: Result<(), Trouble>, of: &str, ui: &mut Ui) {
    if let Err(trouble) = cleared {
        ui.talk(&format!("note: branches of the lane of {of} may be left: {trouble}"));
    }
}

/// What comes of something that may be over already.
async fn some<T>(pending: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match pending {
        Some(pending) => pending.await,
        None => std::future::pending().await,
    }
}

async fn next_key(keys: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match keys {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// Lines that the user types. A thread of its own waits for them, which nobody waits for at the end.
fn typed_lines() -> mpsc::Receiver<String> {
    let (tell, lines) = mpsc::channel(8);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, AppError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

/// What the user sees.
struct Face {
    shown: Shown,
    lines: Plain,
    tail: broadcast::Receiver<std::sync::Arc<ppe_engine::api::Recorded>>,
    /// As of the last line printed; a line tells of a record against the state that it makes.
    told: State,
    dir: RunDir,
    interrupts: u32,
    /// Whether the first Ctrl-C came when nothing could go on without the user.
    needed_user: bool,
    shown_at: Option<usize>,
    details: Details,
    /// The answer to what was typed last.
    said: Option<String>,
}

/// Whether the details are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Details {
    Hidden,
    Shown,
}

impl Face {
    fn new(drive: &Drive, handle: &RunHandle) -> Self {
        let snapshot = handle.snapshot();
        Self {
            shown: drive.shown,
            lines: Plain::new(&snapshot.state, Letters::Unicode),
            tail: handle.subscribe(),
            told: (*snapshot.state).clone(),
            dir: drive.dir.clone(),
            interrupts: 0,
            needed_user: false,
            shown_at: None,
            details: Details::Hidden,
            said: None,
        }
    }

    fn view(&self, snapshot: &Snapshot) -> RunView {
        view(&snapshot.state, snapshot.now, &outside(&snapshot.state, Live::Yes, &self.dir))
    }

    fn begin(&mut self, ui: &mut Ui) {
        if self.shown == Shown::Screen {
            ui.raw(terminal::ENTER);
        }
    }

    fn end(&mut self, handle: &RunHandle, ui: &mut Ui) {
        match self.shown {
            Shown::Screen => {
                ui.raw(terminal::LEAVE);
            }
            Shown::Lines => {
                while let Ok(recorded) = self.tail.try_recv() {
                    self.print(Ok(recorded), handle, ui);
                }
            }
        }
    }

    fn detached(&mut self) {
        self.shown = Shown::Lines;
    }

    fn draw(&mut self, snapshot: &Snapshot, ui: &mut Ui) {
        let mut look = ui.sized();
        let rows = look.height.unwrap_or(24);
        look.height = Some(rows.saturating_sub(2));
        let view = self.view(snapshot);
        let mut lines = match self.details {
            Details::Hidden => dashboard(&view, &look, &wall_text()),
            Details::Shown => details(&view, &look),
        };
        if let Some(said) = &self.said {
            lines.push(format!("> {}", shown(said)));
        }
        if let Some(why) = &snapshot.stalled {
            lines.insert(0, format!("STANDING STILL: {why}"));
        }
        if self.shown_at != Some(rows) {
            ui.raw(&terminal::to_input(rows));
            self.shown_at = Some(rows);
        }
        ui.raw(&terminal::draw(&lines, rows));
    }

    fn tick(&mut self, handle: &RunHandle, ui: &mut Ui) {
        let snapshot = handle.snapshot();
        match self.shown {
            Shown::Screen => self.draw(&at_present(snapshot), ui),
            Shown::Lines => {
                if let Some(why) = &snapshot.stalled {
                    ui.talk(&format!("standing still: {why}"));
                }
                let view = self.view(&at_present(snapshot));
                ui.data(&progress_line(&view));
            }
        }
    }

    async fn next_line(
        &mut self,
    ) -> Result<std::sync::Arc<ppe_engine::api::Recorded>, broadcast::error::RecvError> {
        self.tail.recv().await
    }

    fn print(
        &mut self,
        line: Result<std::sync::Arc<ppe_engine::api::Recorded>, broadcast::error::RecvError>,
        handle: &RunHandle,
        ui: &mut Ui,
    ) {
        match line {
            Ok(recorded) => {
                if self.told.apply(&recorded.record).is_err() {
                    self.told = (*handle.snapshot().state).clone();
                }
                for line in self.lines.tell(&recorded.record, &self.told, &clock_text(recorded.record.at.0)) {
                    ui.data(&line);
                }
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                self.told = (*handle.snapshot().state).clone();
                ui.data(&format!("({missed} events were too fast for this terminal)"));
            }
            Err(broadcast::error::RecvError::Closed) => {}
        }
    }

    /// A line typed below the picture: `status` shows the details, an empty one hides them, and any command on the run
    /// is given to it.
    async fn typed(&mut self, line: &str, handle: &RunHandle, ui: &mut Ui) {
        let line = line.trim();
        self.details = if line == "status" { Details::Shown } else { Details::Hidden };
        self.said = match line {
            "" | "status" => None,
            line => Some(match typed(line) {
                Err(why) => why,
                Ok(command) => match handle.command(command).await {
                    Ok(Reply::Done(text) | Reply::Nothing(text) | Reply::Refused(text)) => text,
                    Err(over) => over.to_string(),
                },
            }),
        };
        self.draw(&handle.snapshot(), ui);
    }

    /// Ctrl-C: once drains, twice stops the agents, three times leaves.
    async fn interrupted(&mut self, handle: &RunHandle, ui: &mut Ui) {
        if self.interrupts == 0 {
            self.needed_user = rest(&handle.snapshot().state) == Some(Rest::NeedsUser);
        }
        self.interrupts += 1;
        let over = match self.interrupts {
            1 => handle.command(Command::Stop(StopMode::Drain)).await.is_err(),
            2 => handle.command(Command::Stop(StopMode::Agents)).await.is_err(),
            _ => handle.leave(Leave::Now).await.is_err(),
        };
        if over || self.shown == Shown::Screen {
            return;
        }
        ui.talk(&interrupted(self.interrupts, &handle.snapshot().state));
    }
}

/// What Ctrl-C has done, who still works, and what the next one does.
fn interrupted(times: u32, state: &State) -> String {
    let working: Vec<_> = state.busy().map(|at| state.id(at).clone()).collect();
    let who = if working.is_empty() {
        "nobody is at work".to_owned()
    } else {
        format!("still at work: {}", ppe_core::wording::list(&working))
    };
    match times {
        1 => format!("draining: nothing new starts; {who}. Ctrl+C again stops the agents (resumable)"),
        2 => format!("stopping the agents; {who}. Ctrl+C again leaves at once, and agents go on"),
        _ => "leaving".to_owned(),
    }
}

/// How far the run is, for where there is no screen.
fn progress_line(view: &RunView) -> String {
    format!(
        "{}: {}/{} tasks ({}%), {}/{} commits, {}/{} slots busy, {} elapsed",
        wall_text(),
        view.totals.done,
        view.totals.tasks,
        view.totals.tasks_percent,
        thousands(view.totals.commits),
        thousands(view.totals.commits_planned),
        view.slots.busy,
        view.slots.total,
        span(view.times.elapsed_ms)
    )
}

/// A snapshot moved to the present: its state is as it was, its time is now.
fn at_present(mut snapshot: Snapshot) -> Snapshot {
    let wall = jiff::Timestamp::now().as_millisecond();
    snapshot.now = snapshot.now.max(ppe_core::ids::Millis(u64::try_from(wall).unwrap_or(0)));
    snapshot
}

/// Local date and time, as the screen shows it.
pub(super) fn wall_text() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time of day of a moment, as lines show it.
fn clock_text(at_ms: u64) -> String {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).unwrap_or(0)).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// Starts a command in the background, and comes back once the run is there.
pub(super) fn detach(
    site: &Site,
    command: &str,
    arguments: &[OsString],
    ui: &mut Ui,
) -> Result<u8, AppError> {
    let mut background = Background::start(site, command, arguments)?;
    loop {
        match background.startup(site)? {
            Startup::AtWork => break,
            Startup::Ended => {
                ui.talk("it has ended already: `ppe status` shows how");
                ui.talk(&format!("what it said is in {}", background.console.display()));
                return Ok(EXIT_DONE);
            }
            Startup::Failed { status, said: _ } => {
                return Err(AppError::environment(format!("`ppe {command}` ended at once ({status})"))
                    .hint(format!("{} says why", background.console.display())));
            }
            Startup::Preparing => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    ui.talk("at work in the background: `ppe status` shows it, `ppe stop` stops it");
    ui.talk(&format!("what it says goes to {}", background.console.display()));
    Ok(EXIT_DONE)
}

/// Whether the screen is a terminal; for commands that redraw.
pub(super) fn redraws(ui: &Ui) -> bool {
    ui.terminal == Terminal::Yes
}
