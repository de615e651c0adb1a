//! Points where a test may hurt this process: kill it, hold it up, or cut a write in half.
//!
//! `PPE_FAILPOINT=crash:shim.after_started,delay:shim.before_lock,half:shim.exit` arms points by name.
//! Unset, a point costs one relaxed load. This module does not know which points exist: a name is whatever
//! the code that passes it says.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that arms points: `action:name` pairs, separated by commas.
pub const VARIABLE: &str = "PPE_FAILPOINT";

const DELAY: Duration = Duration::from_millis(300);

const UNREAD: u8 = 0;
const UNARMED: u8 = 1;
const ARMED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNREAD);
static POINTS: OnceLock<Vec<Point>> = OnceLock::new();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Crash,
    Delay,
    Half,
}

#[derive(Debug, PartialEq, Eq)]
struct Point {
    action: Action,
    name: String,
}

/// Passes the point `name`: returns at once unless the point is armed. `crash` ends the process by SIGKILL,
/// `delay` sleeps for 300 ms.
#[inline]
pub fn hit(name: &str) {
    if STATE.load(Ordering::Relaxed) != UNARMED {
        act(name);
    }
}

/// Passes the point `<file>.<step>`, so that code which writes many files need not build names.
#[inline]
pub fn hit_in(file: &str, step: &str) {
    if STATE.load(Ordering::Relaxed) != UNARMED {
        act(&format!("{file}.{step}"));
    }
}

/// Writes all of `bytes`. With `half:<name>` armed, writes the first half only and ends the process.
pub fn write_all(name: &str, to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if STATE.load(Ordering::Relaxed) != UNARMED && armed(name, Action::Half) {
        to.write_all(&bytes[..bytes.len() / 2])?;
        to.flush()?;
        die();
    }
    to.write_all(bytes)
}

fn act(name: &str) {
    if armed(name, Action::Delay) {
        std::thread::sleep(DELAY);
    }
    if armed(name, Action::Crash) {
        die();
    }
}

fn armed(name: &str, action: Action) -> bool {
    let points = POINTS.get_or_init(|| parse(&std::env::var(VARIABLE).unwrap_or_default()));
    STATE.store(if points.is_empty() { UNARMED } else { ARMED }, Ordering::Relaxed);
    points.iter().any(|point| point.action == action && point.name == name)
}

fn die() -> ! {
    let sent = kill(Pid::this(), Signal::SIGKILL);
    // SIGKILL may take a moment to arrive; nothing of ours may run in the meantime.
    while sent.is_ok() {
        std::thread::park();
    }
    std::process::abort()
}

/// A misspelt action must not let a test pass unhurt, so it ends the process.
fn parse(text: &str) -> Vec<Point> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (action, name) = pair.split_once(':').unwrap_or((pair, ""));
            let action = match action {
                "crash" => Action::Crash,
                "delay" => Action::Delay,
                "half" => Action::Half,
                other => panic!("{VARIABLE}: unknown action `{other}`; known are crash, delay, half"),
            };
            Point { action, name: name.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs() {
        let points = parse("crash:log.after_write,delay:shim.before_lock,half:shim.exit");
        assert_eq!(points.len(), 3);
        assert_eq!(points[1], Point { action: Action::Delay, name: "shim.before_lock".into() });
        assert!(parse("").is_empty());
    }

    #[test]
    #[should_panic(expected = "unknown action `explode`")]
    fn refuses_a_misspelt_action() {
        parse("explode:log.after_write");
    }

    #[test]
    fn an_unarmed_point_changes_nothing() {
        let mut file = Vec::new();
        hit("nothing.here");
        hit_in("nothing", "here");
        write_all("nothing", &mut file, b"whole").unwrap();
        assert_eq!(file, b"whole");
    }
}
