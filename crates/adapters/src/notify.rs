//! Notices by a command of the user's: one line of JSON on its standard input.
//!
//! Sending never waits and never fails; knows nothing of when a notice is due.

use crate::failpoint;
use ppe_engine::ports::{Notice, Notifier};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs a command for each notice; without a command, nothing.
#[derive(Clone, Debug, Default)]
pub struct CommandNotifier {
    /// The program and its arguments; empty for none.
    argv: Vec<String>,
    /// Its whole environment.
    env: BTreeMap<String, String>,
    /// Notices that are on their way: each ends this, one way or the other, when its command has it.
    under_way: Arc<Mutex<Vec<Receiver<()>>>>,
}

impl CommandNotifier {
    /// One that runs a command, by its program and arguments, in this environment.
    pub fn new(argv: Vec<String>, env: BTreeMap<String, String>) -> Self {
        Self { argv, env, ..Self::default() }
    }

    /// Waits until all notices have been handed over, at most so long: with this process those would be lost that are not.
    pub fn hand_over(&self, limit: Duration) {
        let until = Instant::now() + limit;
        for handed_over in std::mem::take(&mut *self.under_way()) {
            // A sender that is gone is the sign.
            let _sign = handed_over.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<Receiver<()>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notifier for CommandNotifier {
    fn send(&self, notice: Notice) {
        let Some((program, args)) = self.argv.split_first() else { return };
        let Ok(mut line) = serde_json::to_string(&notice) else { return };
        line.push('\n');
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.env);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let (on_its_way, handed_over) = channel::<()>();
        // On a thread of its own, which also reaps it.
        let sent = std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
            failpoint::hit("notify.before_command");
            if let Ok(mut child) = command.spawn() {
                if let Some(mut stdin) = child.stdin.take() {
                    drop(stdin.write_all(line.as_bytes()));
                }
                drop(on_its_way);
                drop(child.wait());
            }
        });
        if sent.is_ok() {
            let mut under_way = self.under_way();
            under_way.retain(|handed_over| handed_over.try_recv() == Err(TryRecvError::Empty));
            under_way.push(handed_over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_line_of_json() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("notices");
        let script = format!("cat >> {}", file.display());
        let argv = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
        let notifier = CommandNotifier::new(argv, BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]));
        let notice =
            Notice { kind: "stuck".into(), run: "r".into(), task: None, text: "a\nb".into(), at_ms: 1 };
        notifier.send(notice.clone());
        let text = (0..3_000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::fs::read_to_string(&file).ok().filter(|t| t.ends_with('\n'))
        });
        let text = text.unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), notice);
    }
}
