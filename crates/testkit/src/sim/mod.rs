//! The adversarial world: random plans and policies, agents and checks that fail in every way, people who interfere, and
//! crashes at every point. One seed is one world; the same seed gives the same log, byte for byte.

mod board;
mod generate;
mod git;
pub mod inputs;
mod landing;
mod mischief;
mod perform;
mod radar;
mod shell;
pub mod steps;
mod truth;
mod user;
mod weather;
mod world;

use ppe_core::event::Record;
use ppe_core::mutant::Mutant;
use ppe_core::plan::Plan;
use ppe_core::state::State;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

/// How a world is played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A bug to plant.
    pub mutant: Option<Mutant>,
}

/// What a world saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Inputs decided.
    pub inputs: u64,
    /// Records written.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Ends of a process, wanted or not.
    pub crashes: u64,
    /// Commands of the user, at any time.
    pub commands: u64,
    /// Times the run came to rest.
    pub rests: u64,
    /// Time from start to end, ms.
    pub virtual_ms: u64,
}

impl Stats {
    /// Adds what another world saw.
    pub fn add(&mut self, other: Self) {
        self.inputs += other.inputs;
        self.records += other.records;
        self.events += other.events;
        self.crashes += other.crashes;
        self.commands += other.commands;
        self.rests += other.rests;
        self.virtual_ms += other.virtual_ms;
    }
}

/// A world that came to its end.
#[derive(Debug)]
pub struct Run {
    /// What it saw.
    pub stats: Stats,
    /// Its plan, as it began.
    pub plan: Arc<Plan>,
    /// Its log: a record a line, as JSON.
    pub log: String,
    /// Its state at the end.
    pub state: State,
}

/// A world in which a rule was broken.
#[derive(Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What is wrong.
    pub why: String,
    /// The last records.
    pub records: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.why)?;
        self.records.iter().try_for_each(|record| writeln!(f, "  {record}"))
    }
}

/// Records shown with a failure.
const SHOWN: usize = 30;

/// Plays the world of a seed to its end.
pub fn run_seed(seed: u64, options: Options) -> Result<Run, Box<Failure>> {
    quiet_panics();
    let Some(mut shell) = shell::Shell::new(seed, options) else {
        return Err(Box::new(Failure { seed, why: "no plan".to_owned(), records: Vec::new() }));
    };
    let played =
        catch_unwind(AssertUnwindSafe(|| shell.play())).unwrap_or_else(|panic| Err(message(&*panic)));
    match played {
        Ok(()) => Ok(shell.into_run()),
        Err(why) => {
            let mut records: Vec<String> = shell.lines().rev().take(SHOWN).collect();
            records.reverse();
            Err(Box::new(Failure { seed, why, records }))
        }
    }
}

/// The records of a log.
pub fn records(log: &str) -> Vec<Record> {
    log.lines().filter_map(|line| Record::of_line(line).ok()).collect()
}

/// The state that a log leads to, if it can be replayed.
pub fn replay(plan: &Arc<Plan>, log: &str) -> Result<State, String> {
    shell::replay(plan, log, Options::default())
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// A fault that a world finds is reported once, by its seed, and not by the thread it was found in.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>().map_or("", String::as_str);
            if !text.starts_with("BUG: ") {
                usual(info);
            }
        }));
    });
}
