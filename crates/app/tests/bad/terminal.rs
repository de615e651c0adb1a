//! Terminals of unusual kinds: none, dumb, tiny, and one that is resized all the time; and the live screen in tmux.

use super::place;
use ppe_testkit::env::TestEnv;
use std::process::Command;
use std::time::Duration;

const PPE: &str = env!("CARGO_BIN_EXE_ppe");

/// A terminal of our own, on a server of our own; ended when dropped.
struct Tmux<'a> {
    env: &'a TestEnv,
    socket: String,
}

impl<'a> Tmux<'a> {
    /// A shell in a window of this size; none where there is no tmux, which is said.
    fn new(env: &'a TestEnv, columns: u32, rows: u32) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("SKIPPED: no tmux on this machine");
            return None;
        }
        let tmux = Self { env, socket: env.at("tmux").display().to_string() };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        tmux.call(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            "env PS1='ready> ' sh",
        ]);
        tmux.wait_for("ready>");
        Some(tmux)
    }

    fn call(&self, args: &[&str]) -> String {
        // The commands of the window inherit the hermetic environment from the server's first client.
        let mut command = self.env.command(&[]);
        let mut tmux = Command::new("tmux");
        tmux.env_clear().current_dir(self.env.repo()).env("TERM", "xterm-256color");
        tmux.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env_clear();
        let output = tmux.args(["-u", "-S", &self.socket]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn typed(&self, text: &str) {
        self.call(&["send-keys", "-l", text]);
        self.call(&["send-keys", "Enter"]);
    }

    fn key(&self, name: &str) {
        self.call(&["send-keys", name]);
    }

    fn screen(&self) -> String {
        self.call(&["capture-pane", "-p"])
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        for _ in 0..600 {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("`{text}` does not come; the screen shows:\n{}", self.screen());
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.call(&["kill-server"]);
    }
}

/// Two tasks that take long enough to be looked at.
fn slow() -> TestEnv {
    let mut env = place();
    env.task("T-002", "Second task", &["T-001"], 2);
    env.script("[defaults]\nsleep_ms = 200000\n");
    env.ready();
    env
}

#[test]
fn the_live_screen_from_its_first_picture_to_the_normal_screen_again() {
    let env = slow();
    let Some(tmux) = Tmux::new(&env, 100, 40) else { return };
    tmux.typed(&format!("{PPE} run plan --yes; echo code=$?"));
    tmux.wait_for("T-001");
    tmux.wait_for("Parallel Execution Dashboard");
    tmux.typed("status");
    tmux.wait_for("In review (0)");
    tmux.typed("");
    tmux.key("C-c");
    let drained = tmux.wait_for("Pausing: nothing new starts");
    assert!(drained.contains("T-001"), "who still works is not said:\n{drained}");
    let end = tmux.wait_for("code=11");
    assert!(!end.contains("Parallel Execution Dashboard"), "the screen before did not come back:\n{end}");
    tmux.typed("stty -a; echo done=$?");
    let modes = tmux.wait_for("done=0");
    assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
}

#[test]
fn sizes_that_change_all_the_time_and_the_smallest_of_all_are_survived() {
    let mut env = place();
    env.script("[defaults]\nsleep_ms = 200000\n");
    env.ready();
    let Some(tmux) = Tmux::new(&env, 80, 24) else { return };
    tmux.typed(&format!("{PPE} run plan --yes; echo code=$?"));
    tmux.wait_for("T-001");
    for size in [(1, 1), (200, 60), (2, 3), (40, 10), (1, 50), (300, 1), (80, 24)].iter().cycle().take(70) {
        tmux.call(&["resize-window", "-x", &size.0.to_string(), "-y", &size.1.to_string()]);
    }
    tmux.call(&["resize-window", "-x", "100", "-y", "30"]);
    let screen = tmux.wait_for("code=0");
    assert!(!screen.contains("panicked"), "{screen}");
}

#[test]
fn a_run_without_its_lost_board_is_asked_for_and_begins_with_a_yes_alone() {
    let mut env = place();
    env.add_config("[board]\nserver = [\"false\"]");
    env.ready();
    let Some(tmux) = Tmux::new(&env, 100, 40) else { return };
    tmux.typed(&format!("{PPE} run plan --plain; echo first=$?"));
    tmux.wait_for("without it? [y/N]");
    tmux.typed("n");
    tmux.wait_for("first=4");
    super::nothing_made(&env, "no");
    tmux.typed(&format!("clear; {PPE} run plan --plain; echo second=$?"));
    tmux.wait_for("without it? [y/N]");
    tmux.typed("y");
    tmux.wait_for("Start? [y/N]");
    tmux.typed("y");
    tmux.wait_for("second=0");
    assert_eq!(env.runs().len(), 1);
}

#[test]
fn without_a_terminal_and_on_a_dumb_one_there_are_lines() {
    let mut env = place();
    env.ready();
    let ended = env.ppe(&["run", "plan", "--yes"]);
    ended.exits(0).says("T-001");
    assert!(!ended.all().contains('\x1b'));
    let mut env = place();
    env.ready();
    env.set("TERM", "dumb");
    let Some(tmux) = Tmux::new(&env, 100, 30) else { return };
    tmux.typed(&format!("TERM=dumb {PPE} run plan --yes > lines.txt 2>&1; echo code=$?"));
    tmux.wait_for("code=0");
    tmux.typed(&format!("TERM=dumb {PPE} status; echo status=$?"));
    tmux.wait_for("status=0");
}
