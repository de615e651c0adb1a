//! A GitHub for tests on loopback: git over HTTP and the API of one repository, held to GitHub's own descriptions.
//!
//! Starts `github/fake_github.py`, puts faults and rules into it, reads what it was told and ends it. Knows the addresses
//! of that program and no client.

use crate::server;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The token that opens it.
pub const TOKEN: &str = "ghp_ForTestsAlone0123456789";

/// The server. Ended when dropped, and by itself when this process is gone.
pub struct GitHub {
    child: Child,
    port: u16,
    /// The bare repository behind it, whose branches are GitHub's.
    pub git_dir: PathBuf,
}

/// What it has been told so far.
#[derive(Clone, Debug, Deserialize)]
pub struct Told {
    /// What broke GitHub's description; must stay empty.
    pub violations: Vec<String>,
    /// Every request, the oldest first.
    pub requests: Vec<Request>,
    /// Pull requests, the oldest first.
    pub pulls: Vec<Pull>,
    /// Comments, the oldest first.
    pub comments: Vec<Comment>,
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    /// When it was answered, in seconds since 1970.
    #[serde(rename = "at")]
    pub at_s: f64,
    /// `GET`.
    pub method: String,
    /// The path of its address.
    pub path: String,
    /// The query of its address.
    pub query: String,
    /// The answer's status.
    pub status: u16,
}

impl Request {
    /// Whether it asks to change something by the API.
    pub fn writes(&self) -> bool {
        self.method != "GET" && self.path.starts_with("/api/v3/")
    }
}

/// A pull request.
#[derive(Clone, Debug, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
    /// The branch with the work.
    pub head: String,
    /// The branch it is against.
    pub base: String,
    /// That branch's tip.
    pub sha: String,
    /// `open` or `closed`.
    pub state: String,
    /// The commit it was merged by.
    pub merged: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether it is a draft.
    pub draft: bool,
    /// Who was asked for a review.
    pub reviewers: Vec<String>,
    /// How it is to be merged once it may, if it is.
    pub auto_merge: Option<Value>,
}

/// A comment.
#[derive(Clone, Debug, Deserialize)]
pub struct Comment {
    /// The pull request it is on.
    pub issue: u64,
    /// Its text.
    pub body: String,
}

impl GitHub {
    /// Starts a server whose bare repository, still empty, lies in a folder.
    ///
    /// # Panics
    /// When it does not start: it needs `python3` with `jsonschema`, and what `scripts/github-openapi` gets.
    pub fn start(root: &Path) -> Self {
        let git_dir = bare_repository(root);
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/github/fake_github.py");
        let mut command = Command::new("python3");
        command.args(["-Bu", program, "--token", TOKEN, "--api"]).arg(descriptions()).arg("--root").arg(root);
        let (child, port) = server::start(&mut command);
        Self { child, port, git_dir }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address of the repository.
    pub fn remote(&self) -> String {
        format!("{}/o/r.git", self.url())
    }

    /// The address of the API.
    pub fn api_url(&self) -> String {
        format!("{}/api/v3", self.url())
    }

    /// Changes what the repository allows and what its CI does.
    pub fn rules(&self, rules: &Value) {
        self.tell("/_rules", rules);
    }

    /// Has some requests go wrong.
    pub fn fault(&self, fault: &Value) {
        self.tell("/_fault", fault);
    }

    /// Serves over TLS as well; answers the port.
    ///
    /// # Panics
    /// When the certificate or its key is none.
    pub fn secure(&self, certificate: &Path, key: &Path) -> u16 {
        let told = self.tell("/_secure", &json!({"certificate": certificate, "key": key}));
        let told: Value = serde_json::from_str(&told).expect("its port as JSON");
        told["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port")
    }

    /// Lets a person do something to a pull request.
    pub fn person(&self, number: u64, deed: &Value) {
        let mut deed = deed.clone();
        deed["number"] = json!(number);
        self.tell("/_person", &deed);
    }

    /// Everything it has been told so far.
    ///
    /// # Panics
    /// When it is not there any more.
    pub fn told(&self) -> Told {
        serde_json::from_str(&self.tell("/_told", &Value::Null)).expect("what it was told")
    }

    /// The tip of a branch of its.
    pub fn tip(&self, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(&self.git_dir)
            .args(["rev-parse", "--quiet", "--verify", &name])
            .output()
            .expect("git starts");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Demands that all that was asked and answered is as GitHub describes it.
    ///
    /// # Panics
    /// When something was not.
    #[track_caller]
    pub fn is_content(&self) {
        let violations = self.told().violations;
        assert!(violations.is_empty(), "GitHub's description is broken:\n{}", violations.join("\n"));
    }

    /// Asks the API for something, as a client that is not the one under test: status and body.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.exchange(method, &format!("/api/v3{path}"), body)
    }

    /// Posts something to an address outside of the REST API: status and body.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.exchange("POST", path, body)
    }

    fn tell(&self, path: &str, what: &Value) -> String {
        let body = if what.is_null() { String::new() } else { what.to_string() };
        let (status, answer) = self.exchange("POST", path, &body);
        assert_eq!(status, 200, "{path} {what}: {answer}");
        answer
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        server::ask(self.port, TOKEN, method, path, body)
    }
}

/// Makes a bare repository in a folder, still empty, that takes pushes by HTTP as well.
pub(crate) fn bare_repository(root: &Path) -> PathBuf {
    let git_dir = root.join("o/r.git");
    let mut git = Command::new("git");
    git.args(["init", "-q", "--bare", "-b", "main"]).arg(&git_dir);
    assert!(git.status().expect("git starts").success(), "a bare repository can be made");
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(&git_dir).args(["config", "http.receivepack", "true"]);
    assert!(git.status().expect("git starts").success(), "it can be pushed to");
    git_dir
}

/// GitHub's descriptions, as `scripts/github-openapi` leaves them.
fn descriptions() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/github-openapi");
    let folder = std::env::var_os("PPE_GITHUB_OPENAPI").map_or(usual, PathBuf::from);
    assert!(
        folder.join("stamp").is_file(),
        "{} is not there: scripts/github-openapi gets it",
        folder.display()
    );
    folder
}

impl Drop for GitHub {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
