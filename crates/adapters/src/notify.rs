//! Notices by a command of the user's: one line of JSON on its standard input.
//!
//! Never waits and never fails; knows nothing of when a notice is due.

use ppe_engine::ports::{Notice, Notifier};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs a command for each notice; without a command, nothing.
#[derive(Clone, Debug, Default)]
pub struct CommandNotifier {
    /// The program and its arguments; empty for none.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
}

impl Notifier for CommandNotifier {
    fn send(&self, notice: Notice) {
        let Some((program, args)) = self.argv.split_first() else { return };
        let Ok(mut line) = serde_json::to_string(&notice) else { return };
        line.push('\n');
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.env);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // On a thread of its own, which also reaps it.
        let sent = std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
            if let Ok(mut child) = command.spawn() {
                if let Some(mut stdin) = child.stdin.take() {
                    drop(stdin.write_all(line.as_bytes()));
                }
                drop(child.wait());
            }
        });
        drop(sent);
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
        let notifier =
            CommandNotifier { argv, env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]) };
        let notice =
            Notice { kind: "stuck".into(), run: "r".into(), task: None, text: "a\nb".into(), at_ms: 1 };
        notifier.send(notice.clone());
        let text = (0..500).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::fs::read_to_string(&file).ok().filter(|t| t.ends_with('\n'))
        });
        let text = text.unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), notice);
    }
}
