//! Points where a test may hurt this process: kill it, hold it up, or cut a write in half.
//!
//! `PPE_FAILPOINT=crash:shim.after_started,delay:shim.before_lock,half:shim.exit,fail:log.sync` arms points by name.
//! `crash:log.synced@3` acts at the third hit only, counted in this process; `crash:shim.after_lock@3!FILE` counts over
//! all processes that are started with it, by files beside FILE. Unset, a point costs one relaxed load. This module does not know which points exist: a name is whatever
//! the code that passes it says.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
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
    Fail,
}

#[derive(Debug)]
struct Point {
    action: Action,
    name: String,
    /// The one hit that counts; all of them where none is named.
    at: Option<u32>,
    hits: AtomicU32,
    /// Where hits are counted when they are those of all processes.
    shared: Option<PathBuf>,
}

impl Point {
    /// Counts a hit and says whether it is the one.
    fn acts(&self) -> bool {
        let hit = match &self.shared {
            Some(path) => claimed(path),
            None => self.hits.fetch_add(1, Ordering::Relaxed) + 1,
        };
        self.at.is_none_or(|at| at == hit)
    }
}

/// Takes the next number beside `path`: the first whose file this process makes.
fn claimed(path: &Path) -> u32 {
    let make = |n: &u32| {
        let file = path.with_extension(n.to_string());
        OpenOptions::new().write(true).create_new(true).open(file).is_ok()
    };
    (1..100_000).find(make).unwrap_or(0)
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

/// Makes `path` a file of `bytes`, like [`std::fs::write`]. With `half:<name>` armed, ends in the middle.
pub fn write_file(name: &str, path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_all(name, &mut File::create(path)?, bytes)
}

/// Passes the point `name`, where `fail` makes an input/output error.
pub fn try_hit(name: &str) -> io::Result<()> {
    if STATE.load(Ordering::Relaxed) != UNARMED {
        act(name);
        if armed(name, Action::Fail) {
            return Err(io::Error::from_raw_os_error(nix::libc::EIO));
        }
    }
    Ok(())
}

/// Whether the write at the point `name` is to be cut in half; who asks writes the half, and then calls [`die`].
pub fn cuts(name: &str) -> bool {
    STATE.load(Ordering::Relaxed) != UNARMED && armed(name, Action::Half)
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
    points.iter().any(|point| point.action == action && point.name == name && point.acts())
}

/// Ends this process by SIGKILL.
pub fn die() -> ! {
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
                "fail" => Action::Fail,
                other => panic!("{VARIABLE}: unknown action `{other}`; known are crash, delay, half, fail"),
            };
            let (name, shared) = match name.split_once('!') {
                Some((name, path)) => (name, Some(PathBuf::from(path))),
                None => (name, None),
            };
            let (name, at) = match name.split_once('@') {
                Some((name, n)) => (name, Some(n.parse().expect("a number of hits follows `@`"))),
                None => (name, None),
            };
            Point { action, name: name.to_owned(), at, hits: AtomicU32::new(0), shared }
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
        assert_eq!((points[1].action, points[1].name.as_str()), (Action::Delay, "shim.before_lock"));
        assert!(parse("").is_empty());
    }

    #[test]
    fn a_numbered_hit_is_the_only_one() {
        let dir = tempfile::tempdir().unwrap();
        let shared = format!("crash:b@2!{}", dir.path().join("count").display());
        let points = [parse("crash:a@2").remove(0), parse(&shared).remove(0)];
        for point in &points {
            let hits: Vec<bool> = (0..4).map(|_| point.acts()).collect();
            assert_eq!(hits, [false, true, false, false], "{point:?}");
        }
        // Another process goes on counting where this one was.
        assert!(!parse(&shared)[0].acts());
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
