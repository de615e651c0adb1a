//! Points where a test may hurt this process: kill it, hold it up, or cut a write in half.
//!
//! `PPE_FAILPOINT=crash:shim.after_started,delay:shim.before_lock,half:shim.exit,fail:log.sync` arms points by name.
//! `crash:log.synced@3` acts at the third hit only, counted in this process; `crash:shim.after_lock@3!FILE` counts over
//! all processes that are started with it, by files beside FILE. `hold:shim.after_lock!FILE` makes `FILE.reached` and
//! waits there until somebody makes FILE, a minute at most; `@n` counts in this process there too. Unset, a point costs
//! one relaxed load. This module does not know which points exist: a name is whatever the code that passes it says.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that arms points: `action:name` pairs, separated by commas.
pub const VARIABLE: &str = "PPE_FAILPOINT";

const DELAY: Duration = Duration::from_millis(300);
/// How long a hold lasts that nobody ends: a test that failed does not.
const LONGEST_HOLD: Duration = Duration::from_mins(1);
/// How often a hold looks for its file.
const PAUSE: Duration = Duration::from_millis(5);

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
    Hold,
}

#[derive(Debug)]
struct Point {
    action: Action,
    name: String,
    /// The one hit that counts; all of them where none is named.
    at: Option<u32>,
    hits: AtomicU32,
    /// What a hold waits for; else where hits are counted when they are those of all processes.
    file: Option<PathBuf>,
}

impl Point {
    /// Counts a hit and says whether it is the one.
    fn acts(&self) -> bool {
        let hit = match &self.file {
            Some(path) if self.action != Action::Hold => claimed(path),
            _ => self.hits.fetch_add(1, Ordering::Relaxed) + 1,
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
/// `delay` sleeps for 300 ms, `hold` makes a file beside the one it names and waits for that one.
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
    if let Some(file) = acting(name, Action::Hold).and_then(|point| point.file.as_deref()) {
        hold(file, LONGEST_HOLD);
    }
    if armed(name, Action::Crash) {
        die();
    }
}

/// Says beside `file` that this process waits for it, and does so, but not for longer than `most`.
fn hold(file: &Path, most: Duration) {
    let began = Instant::now();
    // Whoever waits for this one misses it, and says so.
    let _reached = File::create(file.with_extension("reached"));
    while !file.exists() && began.elapsed() < most {
        std::thread::sleep(PAUSE);
    }
}

fn armed(name: &str, action: Action) -> bool {
    acting(name, action).is_some()
}

/// The point of this name and action that is armed, if this is a hit that counts.
fn acting(name: &str, action: Action) -> Option<&'static Point> {
    let points = POINTS.get_or_init(|| parse(&std::env::var(VARIABLE).unwrap_or_default()));
    STATE.store(if points.is_empty() { UNARMED } else { ARMED }, Ordering::Relaxed);
    points.iter().find(|point| point.action == action && point.name == name && point.acts())
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
                "hold" => Action::Hold,
                other => {
                    panic!("{VARIABLE}: unknown action `{other}`; known are crash, delay, half, fail, hold")
                }
            };
            let (name, file) = match name.split_once('!') {
                Some((name, path)) => (name, Some(PathBuf::from(path))),
                None => (name, None),
            };
            let (name, at) = match name.split_once('@') {
                Some((name, n)) => (name, Some(n.parse().expect("a number of hits follows `@`"))),
                None => (name, None),
            };
            let waits = action != Action::Hold || file.is_some();
            assert!(waits, "{VARIABLE}: `{pair}` names no file to wait for: hold:{name}!FILE");
            Point { action, name: name.to_owned(), at, hits: AtomicU32::new(0), file }
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
    fn a_hold_says_that_it_is_there_and_ends_with_its_file() {
        let (dir, began) = (tempfile::tempdir().unwrap(), Instant::now());
        let file = dir.path().join("go");
        let holding = std::thread::spawn({
            let file = file.clone();
            move || hold(&file, LONGEST_HOLD)
        });
        while !file.with_extension("reached").exists() {
            assert!(began.elapsed() < LONGEST_HOLD, "it is not there");
            std::thread::sleep(PAUSE);
        }
        assert!(!holding.is_finished());
        File::create(&file).unwrap();
        holding.join().unwrap();
        assert!(began.elapsed() < LONGEST_HOLD, "it ended by itself");
        hold(&dir.path().join("never"), Duration::ZERO);
    }

    #[test]
    fn the_file_of_a_hold_counts_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let point = parse(&format!("hold:a@2!{}", dir.path().join("go").display())).remove(0);
        assert_eq!((point.action, point.name.as_str()), (Action::Hold, "a"));
        assert_eq!([point.acts(), point.acts(), point.acts()], [false, true, false]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    #[should_panic(expected = "names no file to wait for")]
    fn refuses_a_hold_without_a_file() {
        parse("hold:log.after_write");
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
