//! Kills what a program left behind: descendants of a living shim, or marked processes after a shim's death.
//!
//! The two ways differ in what they can promise. A shim is the reaper of all its descendants, so it cannot miss
//! one. After its death only the marker in their environment is left to go by: a process that cleared its
//! environment *and* has no marked ancestor alive is missed, as is one that hides its environment. A cgroup
//! closes that gap where one can be had.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::signals;
use crate::executor::process::{self, ProcessHandle, ProcessStat, Reaped, reap_one};
use crate::executor::record::MARKER_VARIABLE;

/// What cannot be killed for this long is counted as alive; it belongs to another user.
const GIVE_UP: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
/// One pass without a find proves little, since a process may be on its way from one program to the next: that many must
/// follow each other.
const CLEAN_PASSES: u32 = 5;
/// For how long a process that executes a program keeps a pass from counting: one that shows nothing forever is none.
const UNSURE: Duration = Duration::from_secs(5);

/// What became of the processes left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// How many were killed.
    pub(crate) killed: u32,
    /// How many withstood.
    pub(crate) alive: u32,
}

impl Swept {
    /// Both together: first one sweep, then another.
    pub(crate) fn and(self, later: Swept) -> Swept {
        Swept { killed: self.killed + later.killed, alive: later.alive }
    }
}

/// Kills all descendants of this process, which must be a subreaper: orphans become its children, one generation
/// after the other, until there are none.
pub(super) fn own_children() -> Swept {
    let began = Instant::now();
    let mut killed = 0;
    loop {
        let children = children();
        for child in &children {
            // They are ours and not reaped, so their ids are their own. A failure shows as one that stays.
            let _sent = kill(*child, Signal::SIGKILL);
        }
        loop {
            match reap_one() {
                Reaped::Child(_, status) if status.signal() == Some(Signal::SIGKILL as i32) => killed += 1,
                Reaped::Child(..) => {}
                Reaped::NoneEnded => break,
                Reaped::NoChildren => return Swept { killed, alive: 0 },
            }
        }
        if began.elapsed() > GIVE_UP {
            return Swept { killed, alive: count(children.len()) };
        }
        signals::wait(PAUSE);
    }
}

/// The kernel lists a thread's children, if it was built to; else they are looked for among all processes.
fn children() -> Vec<Pid> {
    let me = Pid::this();
    match std::fs::read_to_string(format!("/proc/self/task/{me}/children")) {
        Ok(list) => list.split_whitespace().filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect(),
        Err(_) => process::all().iter().filter(|stat| stat.parent == me).map(|stat| stat.pid).collect(),
    }
}

/// What a look at all processes found.
pub(crate) struct Look {
    /// Those that were looked for.
    pub(crate) found: Vec<ProcessStat>,
    /// Whether some process just executes a program: until that has begun, its environment reads empty.
    unsure: bool,
}

/// Looks that found nothing, one after the other.
pub(crate) struct Clean {
    passes: u32,
    /// When something was last found.
    since: Instant,
}

impl Clean {
    /// Nothing was looked at yet.
    pub(crate) fn new() -> Self {
        Self { passes: 0, since: Instant::now() }
    }

    /// Counts a look; whether it is certain now that there is nothing.
    pub(crate) fn after(&mut self, look: &Look) -> bool {
        if !look.found.is_empty() {
            *self = Self::new();
        } else if !look.unsure || self.since.elapsed() > UNSURE {
            self.passes += 1;
        }
        self.passes >= CLEAN_PASSES
    }
}

/// Kills every process that carries the job's marker, and their descendants, but never this process.
pub(crate) fn marked(marker: &str) -> Swept {
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    let mut clean = Clean::new();
    loop {
        let look = find(MARKER_VARIABLE, marker);
        look.found.iter().for_each(kill_exactly);
        seen.extend(look.found.iter().map(|stat| (stat.pid, stat.start_ticks)));
        let alive = count(look.found.len());
        if clean.after(&look) || began.elapsed() > GIVE_UP {
            return Swept { killed: count(seen.len()) - alive, alive };
        }
        std::thread::sleep(PAUSE);
    }
}

/// Every process but this one that has a variable with this value, and their descendants.
pub(crate) fn find(variable: &str, value: &str) -> Look {
    let wanted = format!("{variable}={value}").into_bytes();
    let all = process::all();
    let mut unsure = false;
    let mut carries = |stat: &ProcessStat| {
        let environment = std::fs::read(format!("/proc/{}/environ", stat.pid)).unwrap_or_default();
        unsure |= environment.is_empty() && executes(stat.pid);
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted)
    };
    let mut marked: BTreeSet<Pid> = all.iter().filter(|stat| carries(stat)).map(|stat| stat.pid).collect();
    loop {
        let before = marked.len();
        marked.extend(
            all.iter().filter(|stat| marked.contains(&stat.parent)).map(|stat| stat.pid).collect::<Vec<_>>(),
        );
        if marked.len() == before {
            break;
        }
    }
    marked.remove(&Pid::this());
    Look { found: all.into_iter().filter(|stat| marked.contains(&stat.pid)).collect(), unsure }
}

/// Whether a process with an empty environment is about to have one: it has a program, which neither a zombie nor a thread
/// of the kernel has, and no command line either.
fn executes(pid: Pid) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline"));
    line.is_ok_and(|line| line.is_empty()) && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// A handle first, then a second look: the id may have gone to another process since it was listed.
fn kill_exactly(listed: &ProcessStat) {
    let Ok(handle) = ProcessHandle::open(listed.pid) else { return };
    if process::stat(listed.pid).is_some_and(|now| now.start_ticks == listed.start_ticks) {
        // A failure shows as one that is found again.
        let _sent = handle.signal(Signal::SIGKILL);
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A marker of this test process alone.
    fn marker(name: &str) -> String {
        format!("test-{}-{name}", std::process::id())
    }

    #[test]
    fn finds_the_marked_and_their_descendants_only() {
        let marker = marker("descendants");
        let mut marked = Command::new("sh");
        marked.args(["-c", "env -i sleep 60 & wait"]).env(MARKER_VARIABLE, &marker);
        let mut marked = marked.spawn().unwrap();
        let mut stranger = Command::new("sleep").arg("60").env(MARKER_VARIABLE, "another").spawn().unwrap();
        while find(MARKER_VARIABLE, &marker).found.len() < 2 {
            std::thread::yield_now();
        }
        // The killed child of ours is a zombie until it is waited for, and a zombie has no environment.
        let swept = super::marked(&marker);
        assert!(swept.killed >= 2, "{swept:?}");
        assert_eq!(swept.alive, 0);
        assert_eq!(marked.wait().unwrap().signal(), Some(9));
        assert_eq!(stranger.try_wait().unwrap(), None);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn nothing_marked_is_nothing_swept() {
        assert_eq!(super::marked(&marker("nobody")), Swept::default());
    }
}
