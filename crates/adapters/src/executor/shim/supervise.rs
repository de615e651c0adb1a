//! Waits for the program, and stops it when asked or when it passes a limit.
//!
//! Stopping is TERM to the program's process group, then, when the grace is over, KILL. What left the group is
//! not this module's concern: the sweep takes it afterwards.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::signals;
use crate::executor::process::{Reaped, reap_one};
use crate::executor::record::{self, End, JobSpec, StopNote, StopReason};

/// How often the output is measured while it does not grow, and how often at first and while it does.
const LOOK_IDLE: Duration = Duration::from_secs(1);
const LOOK_BUSY: Duration = Duration::from_millis(200);
/// A program that writes this many times its cap does not get the rest of its grace.
const FLOOD_FACTOR: u64 = 2;
/// Longer graces than this (a year) are cut, so that the clock can reckon with them.
const LONGEST_GRACE: Duration = Duration::from_hours(365 * 24);

struct Watch<'a> {
    dir: &'a Path,
    spec: &'a JobSpec,
    program: Pid,
    began: Instant,
    stop: Option<Stop>,
    output_bytes: u64,
}

#[derive(Clone, Copy)]
struct Stop {
    reason: StopReason,
    kill_at: Instant,
}

/// Blocks until the program has ended; says how, and why it was stopped if it was.
pub(super) fn until_end(dir: &Path, spec: &JobSpec, program: &Child) -> (End, Option<StopReason>) {
    let program = Pid::from_raw(program.id().cast_signed());
    let mut watch = Watch { dir, spec, program, began: Instant::now(), stop: None, output_bytes: 0 };
    loop {
        if let Some(status) = reap(program) {
            return (end(status), watch.stop.map(|stop| stop.reason));
        }
        let look_again = watch.look();
        signals::wait(look_again);
    }
}

/// Takes leave of every child that has ended: orphans of the program end up here too.
fn reap(program: Pid) -> Option<ExitStatus> {
    let mut status = None;
    while let Reaped::Child(pid, ended) = reap_one() {
        if pid == program {
            status = Some(ended);
        }
    }
    status
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or(0)),
    }
}

impl Watch<'_> {
    /// Does what is due and says how long to wait until the next look.
    fn look(&mut self) -> Duration {
        if signals::take_stop_asked() {
            self.ask_to_stop(StopReason::Asked, self.noted_grace());
        }
        let grew = self.measure_output();
        if self.output_bytes > self.spec.output_cap_bytes {
            self.stop_once(StopReason::OutputCap);
        }
        if self.output_bytes / FLOOD_FACTOR > self.spec.output_cap_bytes {
            self.kill_now();
        }
        let wall_left = self.wall_left();
        if wall_left == Some(Duration::ZERO) {
            self.stop_once(StopReason::WallLimit);
        }
        let kill_left = self.stop.map(|stop| stop.kill_at.saturating_duration_since(Instant::now()));
        if kill_left == Some(Duration::ZERO) {
            self.kill_now();
        }
        let busy = grew || self.began.elapsed() < LOOK_IDLE;
        let pause = if busy { LOOK_BUSY } else { LOOK_IDLE };
        let due = [wall_left, kill_left].into_iter().flatten().filter(|left| !left.is_zero());
        due.fold(pause, Duration::min)
    }

    /// Whether the program has written since the last look.
    fn measure_output(&mut self) -> bool {
        let size = |name: &str| self.dir.join(name).metadata().map_or(0, |metadata| metadata.len());
        let before = self.output_bytes;
        self.output_bytes = size(record::STDOUT) + size(record::STDERR);
        self.output_bytes > before
    }

    fn wall_left(&self) -> Option<Duration> {
        let limit = Duration::from_millis(self.spec.wall_limit_ms?);
        Some(limit.saturating_sub(self.began.elapsed()))
    }

    /// Whoever asks may say how long the program has; without a word the spec's grace counts.
    fn noted_grace(&self) -> Duration {
        let note: Option<StopNote> = record::get(self.dir, record::STOP).ok().flatten();
        Duration::from_millis(note.map_or(self.spec.grace_ms, |note| note.grace_ms))
    }

    fn stop_once(&mut self, reason: StopReason) {
        if self.stop.is_none() {
            self.ask_to_stop(reason, Duration::from_millis(self.spec.grace_ms));
        }
    }

    /// A second request may only shorten the grace; the first reason stays.
    fn ask_to_stop(&mut self, reason: StopReason, grace: Duration) {
        let kill_at = Instant::now() + grace.min(LONGEST_GRACE);
        self.stop = Some(match self.stop {
            None => Stop { reason, kill_at },
            Some(stop) => Stop { reason: stop.reason, kill_at: stop.kill_at.min(kill_at) },
        });
        // Errors mean that nobody is left in the group. A stopped program must go on to see the request.
        let _term = killpg(self.program, Signal::SIGTERM);
        let _cont = killpg(self.program, Signal::SIGCONT);
    }

    fn kill_now(&self) {
        // The program may have changed its group; as our child that was not reaped its id is still its own.
        let _group = killpg(self.program, Signal::SIGKILL);
        let _program = kill(self.program, Signal::SIGKILL);
    }
}
