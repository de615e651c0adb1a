//! A second opinion on the GitHub of the tests: clients that are not ours find there what they need.

use ppe_testkit::github::{GitHub, TOKEN};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program's output, run with nothing but a search path and a home of its own.
fn output(command: &mut Command, home: &Path) -> String {
    let output = command.current_dir(home).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.trim().to_owned()
}

fn bare(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("HOME", home);
    command
}

/// A server with `main`, and branches one commit ahead of it.
fn github(dir: &Path, branches: &[&str]) -> GitHub {
    let hub = GitHub::start(dir);
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=T", "-c", "user.email=t@example.org", "--git-dir"];
        output(bare("git", dir).args(who).arg(&hub.git_dir).args(args), dir)
    };
    let tree = git(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let first = git(&["commit-tree", &tree, "-m", "first"]);
    git(&["update-ref", "refs/heads/main", &first]);
    for branch in branches {
        let work = git(&["commit-tree", &tree, "-p", &first, "-m", branch]);
        git(&["update-ref", &format!("refs/heads/{branch}"), &work]);
    }
    hub
}

#[test]
fn github_s_command_line_creates_lists_views_merges_and_closes_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let home = dir.path();
    let hub = github(home, &["feat", "other"]);
    let gh = |args: &str| {
        // Any other host is spoken to by TLS alone.
        let mut gh = bare("gh", home);
        gh.env("GH_HOST", "github.localhost").env("GH_TOKEN", TOKEN).env("HTTP_PROXY", hub.url());
        output(gh.args(args.split(' ')).args(["-R", "github.localhost/o/r"]), home)
    };
    let created = gh("pr create --title T --body B --head feat --base main");
    assert_eq!(created, format!("{}/o/r/pull/1", hub.url()));
    gh("pr create --title U --body B --head other --base main");
    let listed: Value =
        serde_json::from_str(&gh("pr list --json number,title,headRefName,state")).expect("JSON");
    assert_eq!(
        listed,
        json!([
            {"number": 2, "title": "U", "headRefName": "other", "state": "OPEN"},
            {"number": 1, "title": "T", "headRefName": "feat", "state": "OPEN"},
        ])
    );
    gh("pr merge 1 --squash");
    gh("pr close 2");
    let state = |number: u64| gh(&format!("pr view {number} --json state --jq .state"));
    assert_eq!((state(1).as_str(), state(2).as_str()), ("MERGED", "CLOSED"));
    let told = hub.told();
    assert_eq!(told.pulls[0].merged, hub.tip("main"));
    assert!(told.requests.iter().all(|request| request.status < 300), "{:?}", told.requests);
    hub.is_content();
}

#[test]
fn github_s_own_library_finds_there_what_it_needs() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path(), &["feat"]);
    let ended = |conclusion: &str| json!([[0, "completed", conclusion]]);
    hub.rules(&json!({"on": "refs/heads/feat", "checks": [
        {"name": "build", "steps": ended("success")},
        {"name": "test", "steps": ended("failure")},
        {"name": "docs", "steps": ended("skipped")},
        {"name": "lint", "via": "status", "steps": ended("success")},
    ]}));
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let modules = root.join("../../target/github-clients/node_modules");
    assert!(modules.is_dir(), "{} is not there: scripts/github-clients gets it", modules.display());
    let mut node = bare("node", dir.path());
    node.arg(root.join("github/octokit.mjs")).arg(modules).args([&hub.api_url(), TOKEN]);
    let saw: Value = serde_json::from_str(&output(&mut node, dir.path())).expect("JSON");
    assert_eq!(
        saw,
        json!({
            "number": 1,
            "again": 422,
            "found": [1],
            "comments": ["second"],
            "checks": ["build success", "test failure", "docs skipped"],
            "statuses": ["lint success"],
            "rolled": 4,
            "closed": ["closed", false, ["a", "b"]],
            "missing": 404,
        })
    );
    hub.is_content();
}
