//! What an agent's program must do alone, once, before several of it may start at the same time: its first database.
//!
//! A lock on a file in the program's own folder keeps others away, those of other runs too. Nothing here fails an agent: what
//! is wrong with its program shows when it is started.

use crate::executor::drivers::FirstRun;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The file that is locked meanwhile.
const LOCK: &str = ".ppe-first-run";
/// It is ended after so long, and nobody waits for another's longer.
const LIMIT: Duration = Duration::from_mins(1);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until the program has what it makes when it runs first, and runs it if need be.
/// What is stopped meanwhile waits no longer.
pub(super) fn see_to(
    first: &FirstRun,
    env: &BTreeMap<String, String>,
    cwd: &Path,
    is_stopped: impl Fn() -> bool,
) {
    // Not even a folder that cannot be made is a reason not to try the agent.
    let _done = locked(&first.folder, is_stopped).and_then(|_lock| {
        if left_there(first) {
            return Ok(());
        }
        run(&first.argv, env, cwd)
    });
}

/// The lock, as long as it is kept.
fn locked(folder: &Path, is_stopped: impl Fn() -> bool) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < LIMIT && !is_stopped() => {
                std::thread::sleep(LOOK);
            }
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn left_there(first: &FirstRun) -> bool {
    let (begins, ends) = first.leaves;
    fs::read_dir(&first.folder).into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(begins) && name.ends_with(ends)
    })
}

fn run(argv: &[String], env: &BTreeMap<String, String>, cwd: &Path) -> io::Result<()> {
    let Some((program, args)) = argv.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(env).current_dir(cwd);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes its database in two steps, and says when another is at it.
    const PROGRAM: &str = r#"cd "$DATA"; mkdir alone || touch collided; echo ran >> runs; : > opencode.db-wal
        i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; : > opencode.db; rmdir alone"#;

    fn first(folder: &Path, program: &str) -> FirstRun {
        let argv = ["/bin/sh", "-c", program].map(str::to_owned).into();
        FirstRun { folder: folder.to_owned(), leaves: ("opencode", ".db"), argv }
    }

    #[test]
    fn of_many_that_start_at_once_one_runs_alone_and_the_others_find_what_it_left() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("share/opencode");
        let env = BTreeMap::from([("DATA".to_owned(), folder.to_string_lossy().into_owned())]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    see_to(&first(&folder, PROGRAM), &env, dir.path(), || false);
                    assert!(folder.join("opencode.db").exists());
                });
            }
        });
        assert_eq!(fs::read_to_string(folder.join("runs")).unwrap(), "ran\n");
        assert!(!folder.join("collided").exists());
    }

    #[test]
    fn who_is_stopped_waits_for_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let _held = locked(dir.path(), || false).unwrap();
        let began = Instant::now();
        see_to(&first(dir.path(), PROGRAM), &BTreeMap::new(), dir.path(), || true);
        assert!(began.elapsed() < LIMIT / 10 && !dir.path().join("runs").exists());
    }

    #[test]
    fn what_cannot_be_done_is_left_to_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        see_to(&first(&file, PROGRAM), &BTreeMap::new(), dir.path(), || false);
        let mut none = first(dir.path(), "");
        none.argv = vec!["/nowhere/opencode".to_owned()];
        see_to(&none, &BTreeMap::new(), dir.path(), || false);
        assert!(!left_there(&none));
    }
}
