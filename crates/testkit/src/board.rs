//! A kanban board for tests, behind the Model Context Protocol: `board/fake_board.py` in any of its dialects, and the shelf
//! that it keeps its cards on. Knows no client.

use crate::server;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The token that opens a board at an address.
pub const TOKEN: &str = "board-for-tests-alone";
/// The project of all boards.
pub const PROJECT: &str = "0b0f7e7c-2a54-4c5e-9a0e-0c7d3d0f6a11";

/// A card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `todo`, `inprogress`, `inreview`, `done` or `cancelled`.
    pub column: String,
    /// Its description.
    pub description: String,
}

/// A move of a card.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Move {
    /// The card.
    pub card: String,
    /// Where it stood.
    pub from: String,
    /// Where it stands then.
    pub to: String,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// What it was given.
    pub with: Value,
}

/// The board: its shelf, which outlives every server.
pub struct Shelf {
    path: PathBuf,
    dialect: String,
}

/// A server at an address. Ended when dropped, and by itself when this process is gone.
pub struct AtAddress {
    child: Child,
    /// Where it is.
    pub url: String,
}

impl Drop for AtAddress {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Shelf {
    /// A board of this dialect with a card in `todo` for each title. Its files lie in a folder.
    ///
    /// # Panics
    /// When they cannot be written; so do all functions here.
    pub fn new(folder: &Path, dialect: &str, titles: &[&str]) -> Self {
        let card = |(number, title): (usize, &&str)| Card {
            id: format!("6d1f0000-0000-4000-8000-000000000{number:03}"),
            title: (*title).to_owned(),
            column: "todo".to_owned(),
            description: "As a person wrote it.".to_owned(),
        };
        let cards: Vec<_> = titles.iter().enumerate().map(card).collect();
        let shelf = Self { path: folder.join("board.json"), dialect: dialect.to_owned() };
        let projects = json!([{"id": PROJECT, "name": "Ours"}]);
        let all = json!({"cards": cards, "projects": projects, "moves": [], "calls": [], "violations": []});
        fs::write(&shelf.path, all.to_string()).expect("a file");
        shelf
    }

    fn args(&self) -> Vec<String> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/board/fake_board.py");
        let shelf = self.path.display().to_string();
        ["python3", "-Bu", program, "--dialect", &self.dialect, "--shelf", &shelf].map(str::to_owned).to_vec()
    }

    /// The command of its server.
    pub fn server(&self) -> Vec<String> {
        self.args()
    }

    /// The command of its server that speaks nothing but the protocol of 2026.
    pub fn new_server(&self) -> Vec<String> {
        let mut args = self.args();
        args.extend(["--era", "new"].map(str::to_owned));
        args
    }

    /// Serves at an address, in the old protocol or the new.
    pub fn at_address(&self, era: &str) -> AtAddress {
        let args = self.args();
        let mut command = Command::new(&args[0]);
        command.args(&args[1..]).args(["--http", TOKEN, "--era", era]);
        let (child, port) = server::start(&mut command);
        AtAddress { child, url: format!("http://127.0.0.1:{port}/mcp") }
    }

    fn held<T>(&self, work: impl FnOnce(&mut Value) -> T) -> T {
        let lock = File::create(self.path.with_extension("json.lock")).expect("a file");
        lock.lock().expect("a lock");
        let mut all: Value =
            serde_json::from_slice(&fs::read(&self.path).expect("the shelf")).expect("the shelf is JSON");
        let before = all.clone();
        let answer = work(&mut all);
        if all != before {
            fs::write(&self.path, all.to_string()).expect("a file");
        }
        answer
    }

    fn told<T: serde::de::DeserializeOwned>(&self, key: &str) -> T {
        self.held(|all| serde_json::from_value(all[key].clone()).expect("as it is kept"))
    }

    /// Its cards.
    pub fn cards(&self) -> Vec<Card> {
        self.told("cards")
    }

    /// The card whose title begins so.
    pub fn card(&self, title: &str) -> Card {
        self.cards().into_iter().find(|card| card.title.starts_with(title)).expect("a card")
    }

    /// Every move by the tools, the oldest first.
    pub fn moves(&self) -> Vec<Move> {
        self.told("moves")
    }

    /// Every call, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.told("calls")
    }

    /// Lets a person change the card whose title begins so.
    pub fn person(&self, title: &str, change: impl FnOnce(&mut Card)) {
        self.held(|all| {
            let cards = all["cards"].as_array_mut().expect("cards");
            let is_it = |card: &&mut Value| card["title"].as_str().is_some_and(|t| t.starts_with(title));
            let found = cards.iter_mut().find(is_it).expect("a card");
            let mut card = serde_json::from_value(found.clone()).expect("a card");
            change(&mut card);
            *found = json!(card);
        });
    }

    /// Has a second project appear.
    pub fn add_project(&self, id: &str, name: &str) {
        self.held(|all| {
            all["projects"].as_array_mut().expect("projects").push(json!({"id": id, "name": name}));
        });
    }

    /// Has its columns be called otherwise, where a dialect lets a project do that.
    pub fn name_columns(&self, names: &Value) {
        self.held(|all| all["names"] = names.clone());
    }

    /// What goes wrong from now on; nothing if null.
    pub fn fault(&self, fault: &Value) {
        self.held(|all| all["faults"] = fault.clone());
    }

    /// Demands that all that was asked and answered is as the board describes it.
    #[track_caller]
    pub fn is_content(&self) {
        let violations: Vec<String> = self.told("violations");
        assert!(violations.is_empty(), "the board's schemas are broken:\n{}", violations.join("\n"));
    }
}
