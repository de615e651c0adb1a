//! Repositories of unusual kinds: it works and lands there, or it says why not.

use super::place;
use ppe_testkit::env::TestEnv;
use std::path::Path;

/// Runs the plan in another repository and demands that it lands there.
#[track_caller]
fn lands(env: &TestEnv, repository: &Path, what: &str) {
    let plan = env.repo().join("plan").display().to_string();
    let mut command =
        env.command(&["run", &plan, "--target", "main", "--agent", "scripted", "--yes", "--repo"]);
    let output = command.arg(repository).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{what}: {said}");
    let landed = env.git_in(repository, &["log", "--format=%B", "main"]);
    assert!(landed.contains("T-001"), "{what}: {landed}");
}

/// A copy of the repository made by git, with who its commits are by.
fn cloned(env: &TestEnv, options: &[&str], to: &Path) {
    let from = format!("file://{}", env.repo().display());
    let mut args = vec!["clone", "-q", "--branch", "main"];
    args.extend(options);
    let to = to.to_str().unwrap();
    args.extend([from.as_str(), to]);
    env.git(&args);
    env.git_in(Path::new(to), &["config", "user.name", "Uma User"]);
    env.git_in(Path::new(to), &["config", "user.email", "uma@example.org"]);
}

fn ready() -> TestEnv {
    let mut env = place();
    env.ready();
    env
}

#[test]
fn no_repository() {
    let env = ready();
    let dir = env.at("nothing");
    std::fs::create_dir(&dir).unwrap();
    let ended = env.ppe(&["run", "plan", "--yes", "--repo", dir.to_str().unwrap()]);
    ended.exits(4).says("is not in a git repository").says("git init").says(dir.to_str().unwrap());
    assert!(std::fs::read_dir(&dir).unwrap().next().is_none());
}

#[test]
fn a_repository_without_commits() {
    let env = ready();
    let dir = env.at("empty");
    env.git(&["init", "-q", dir.to_str().unwrap()]);
    let ended = env.ppe(&["run", "plan", "--yes", "--repo", dir.to_str().unwrap()]);
    ended.exits(4).says("has no commit yet").says("make the first one");
}

#[test]
fn bare() {
    let env = ready();
    let dir = env.at("bare.git");
    cloned(&env, &["--bare"], &dir);
    lands(&env, &dir, "bare");
}

#[test]
fn shallow() {
    let env = ready();
    let dir = env.at("shallow");
    cloned(&env, &["--depth", "1"], &dir);
    env.git_in(&dir, &["checkout", "-q", "-b", "aside"]);
    lands(&env, &dir, "shallow");
}

#[test]
fn detached() {
    let env = ready();
    env.git(&["checkout", "-q", "--detach"]);
    lands(&env, &env.repo(), "detached");
}

#[test]
fn a_worktree_of_another() {
    let env = ready();
    let dir = env.at("tree");
    env.git(&["worktree", "add", "-q", "-b", "aside", dir.to_str().unwrap(), "main"]);
    lands(&env, &dir, "worktree");
}

#[test]
fn a_path_with_spaces() {
    let env = ready();
    let dir = env.at("with some spaces");
    cloned(&env, &[], &dir);
    env.git_in(&dir, &["checkout", "-q", "-b", "aside"]);
    lands(&env, &dir, "spaces");
}

#[test]
fn a_path_with_a_line_break_or_bytes_that_are_no_utf8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    for name in [&b"line\nbreak"[..], b"byte-\xff"] {
        let env = ready();
        let dir = env.at("").join(std::ffi::OsStr::from_bytes(name));
        std::fs::rename(env.repo(), &dir).unwrap();
        std::fs::create_dir(env.repo()).unwrap();
        let output = env.command(&["run", "--yes", "--repo"]).arg(&dir).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains("bytes that are no UTF-8 in its path; move the repository"), "{said}");
        assert!(env.runs().is_empty());
        assert!(!dir.join(".git/refs/ppe").exists());
    }
}
