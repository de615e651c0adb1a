//! An agent's program: where it is, which version it says it is, and which versions are known not to do.
//!
//! Knows nothing of logins or settings.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// How long a program may take to say its version: some are slow to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// So much of its answer is read.
const ANSWER_BYTES: u64 = 4_096;

/// A range of versions that does not do.
struct KnownBad {
    agent: &'static str,
    /// The first version that does.
    below: [u64; 3],
    why: &'static str,
    hint: &'static str,
}

const KNOWN_BAD: &[KnownBad] = &[KnownBad {
    agent: "claude",
    below: [2, 1, 198],
    why: "npm installs this old version without a word where Node is older than 22",
    hint: "ask for a version by its number: npm install -g @anthropic-ai/claude-code@2.1.331",
}];

/// Where a program is that an agent's job would start.
pub(super) fn find(name: &str, root: &Path, env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        return Some(root.join(name)).filter(runs);
    }
    let path = env.get("PATH").map_or("", String::as_str);
    std::env::split_paths(path).map(|dir| dir.join(name)).find(runs)
}

/// What to do where there is none.
pub(super) fn how_to_install(agent: &str) -> &'static str {
    match agent {
        "claude" => {
            "install it by its number, npm install -g @anthropic-ai/claude-code@2.1.331, or set agent.claude.program"
        }
        "codex" => "npm install -g @openai/codex, or set agent.codex.program",
        "opencode" => "npm install -g opencode-ai, or set agent.opencode.program",
        _ => "npm install -g @google/gemini-cli (it needs Node 20 or newer), or set agent.gemini.program",
    }
}

/// What a program answers to `--version`, in the environment of an agent and nothing else.
pub(super) fn version(program: &Path, env: &BTreeMap<String, String>) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().envs(env).env("DISABLE_AUTOUPDATER", "1");
    command.current_dir(std::env::temp_dir()).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let answer = answer(&mut child);
    end(&mut child);
    let answer = answer.ok_or_else(|| format!("no answer in {} s", PATIENCE.as_secs()))?;
    let line = answer.lines().find(|line| !line.trim().is_empty()).ok_or("it says nothing")?;
    Ok(ppe_core::wording::first_line(line.trim(), 80))
}

/// All it prints, or nothing when that takes too long.
fn answer(child: &mut Child) -> Option<String> {
    let output = child.stdout.take()?;
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is an answer too.
        let _read = output.take(ANSWER_BYTES).read_to_end(&mut bytes);
        let _told = tell.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    told.recv_timeout(PATIENCE).ok()
}

/// Ends it and what it started in its group.
fn end(child: &mut Child) {
    let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let _gone = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
    let _ended = child.wait();
}

/// Why a version does not do, and what to do about it.
pub(super) fn known_bad(agent: &str, version: &str) -> Option<(&'static str, &'static str)> {
    let numbers = numbers(version)?;
    let known = KNOWN_BAD.iter().find(|known| known.agent == agent && numbers < known.below)?;
    Some((known.why, known.hint))
}

/// The first thing in a text that looks like `2.1.331`.
fn numbers(text: &str) -> Option<[u64; 3]> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let parts: Vec<u64> = word.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        <[u64; 3]>::try_from(parts).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(numbers("2.1.331 (Claude Code)"), Some([2, 1, 331]));
        assert_eq!(numbers("codex-cli 0.169.0"), Some([0, 169, 0]));
        assert_eq!(numbers("v22"), None);
        assert_eq!(numbers(""), None);
    }

    #[test]
    fn the_version_that_npm_picks_by_itself_is_known_to_be_old() {
        assert!(known_bad("claude", "2.1.197 (Claude Code)").is_some());
        assert!(known_bad("claude", "2.1.331 (Claude Code)").is_none());
        assert!(known_bad("codex", "codex-cli 0.169.0").is_none());
    }

    fn script(dir: &Path, text: &str) -> PathBuf {
        let path = dir.join("agent");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_program_is_asked_in_exactly_its_environment() {
        let dir = tempfile::tempdir().unwrap();
        let path =
            script(dir.path(), "#!/bin/sh\necho\necho \"$1 ${MINE-none} ${CARGO_MANIFEST_DIR-none}\"\n");
        let env = BTreeMap::from([("MINE".to_owned(), "7".to_owned())]);
        assert_eq!(version(&path, &env).unwrap(), "--version 7 none");
        assert_eq!(version(&script(dir.path(), "#!/bin/sh\n"), &env), Err("it says nothing".to_owned()));
        assert!(version(Path::new("/nowhere/agent"), &env).is_err());
    }

    #[test]
    fn only_what_can_be_run_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = script(dir.path(), "");
        let env = BTreeMap::from([("PATH".to_owned(), format!("/nowhere:{}", dir.path().display()))]);
        assert_eq!(find("agent", Path::new("/"), &env), Some(path.clone()));
        assert_eq!(find("./agent", dir.path(), &BTreeMap::new()), Some(dir.path().join("./agent")));
        assert_eq!(find("other", Path::new("/"), &env), None);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find("agent", Path::new("/"), &env), None);
    }
}
