//! The one model of what agents tell while they work, whichever program they are, and what is kept of it.
//!
//! Everything that is kept is bounded. Knows no program's own stream, no process and no clock.

use ppe_core::ids::Millis;
use ppe_core::outcome::{Claim, Exit, Made};
use ppe_core::usage::Usage;

/// What is not permitted is listed up to here.
const MOST_DENIED: usize = 20;
/// Findings are listed up to here.
const MOST_FINDINGS: usize = 20;

/// What an agent told while at work.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentEvent {
    /// It is up; again at the start of each later turn of the same process, the end of which is not told yet.
    Started(Made),
    /// Its session, with which it can be resumed.
    Session(String),
    /// Words of its model.
    Text(String),
    /// A tool began to work.
    ToolStarted {
        /// Its name.
        name: String,
        /// What it is to do, one line.
        about: String,
    },
    /// A tool has ended.
    ToolEnded(Went),
    /// A request to its model failed and is made again by the program itself.
    Retrying(Retry),
    /// It was not permitted something: the tool, with what it was to do in brackets.
    Denied(String),
    /// The tool that works now was not permitted; this is its name, if nothing is known to work.
    NotPermitted(String),
    /// Tokens and money.
    Used(Reckoning),
    /// Its account has no allowance left, until then if that was said.
    Exhausted(Option<Millis>),
    /// It says how it ended. The last one counts.
    Final(Exit),
    /// A phase of the task has begun.
    Phase(String),
    /// So many planned commits are made, as the agent counts.
    Commit(u32),
    /// What it says of its work.
    Claim(Claim),
    /// Its provider has no capacity.
    Later(Later),
    /// What it found in work that it looks at.
    Finding(String),
    /// Something for people.
    Note(String),
}

impl AgentEvent {
    /// Whether it is about the work, and not about how the agent's program fares.
    pub fn is_word(&self) -> bool {
        match self {
            Self::Phase(_)
            | Self::Commit(_)
            | Self::Claim(_)
            | Self::Later(_)
            | Self::Finding(_)
            | Self::Note(_) => true,
            Self::Started(_)
            | Self::Session(_)
            | Self::Text(_)
            | Self::ToolStarted { .. }
            | Self::ToolEnded(_)
            | Self::Retrying(_)
            | Self::Denied(_)
            | Self::NotPermitted(_)
            | Self::Used(_)
            | Self::Exhausted(_)
            | Self::Final(_) => false,
        }
    }
}

/// How a tool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// As it should.
    Well,
    /// With an error.
    Badly,
}

/// A request that is made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// Which try comes next, from 1, if said.
    pub attempt: Option<u32>,
    /// After how long, ms, if said.
    pub delay_ms: Option<u64>,
    /// The HTTP status of the failure, if there was one and it was said.
    pub status: Option<u16>,
    /// In words, one line.
    pub why: String,
}

/// How tokens were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reckoning {
    /// These came on top of what was told before.
    More(Usage),
    /// This is the running total of the session, earlier jobs included.
    SessionTotal(Usage),
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// It was not said.
    Unknown,
    /// Then.
    At(Millis),
    /// So long after its end, ms.
    AfterEnd(u64),
}

/// What was seen of an agent, from its beginning on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// What it said of itself.
    pub made: Made,
    /// The latest session.
    pub session: Option<String>,
    /// The last words of its model.
    pub text: Option<String>,
    /// The tool that works now.
    pub doing: Option<String>,
    /// The latest retry, if nothing but an end came after it.
    pub retry: Option<Retry>,
    /// What it was not permitted, each once.
    pub denied: Vec<String>,
    /// What it used, as far as that was told in parts; see [`Self::usage`].
    pub used: Usage,
    /// The latest running total of its session.
    pub session_total: Option<Usage>,
    /// That its account has no allowance left, and until when if that was said.
    pub exhausted: Option<Option<Millis>>,
    /// How it said that it ended.
    pub last: Option<Exit>,
    /// The latest phase.
    pub phase: Option<String>,
    /// The latest count of commits.
    pub commits: Option<u32>,
    /// The latest claim.
    pub claim: Claim,
    /// What it found in work that it looked at, each once.
    pub findings: Vec<String>,
    /// That it asked for a later try, if that was the last thing it said.
    pub later: Option<Later>,
    /// The end of what it printed to its standard error; put in by whoever reads that.
    pub stderr: String,
    /// When its process ended; put in by whoever knows. Without it, "in so many seconds" is no moment.
    pub ended_at: Option<Millis>,
    /// Why whoever watched it ended it; see [`super::hopeless`].
    pub given_up: Option<Exit>,
}

impl Seen {
    /// Takes in one more event.
    pub fn add(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::Later(later) => return self.later = Some(later),
            AgentEvent::Session(id) => return self.session = Some(id),
            AgentEvent::Note(_) => return,
            AgentEvent::Exhausted(until) => return self.exhausted = Some(until),
            AgentEvent::Retrying(retry) => return self.retry = Some(retry),
            AgentEvent::Used(Reckoning::More(usage)) => return self.used += usage,
            AgentEvent::Used(Reckoning::SessionTotal(total)) => return self.session_total = Some(total),
            AgentEvent::Started(made) => {
                self.made = Made {
                    model: made.model.or(self.made.model.take()),
                    version: made.version.or(self.made.version.take()),
                };
                self.last = None;
            }
            AgentEvent::Text(text) => self.text = Some(text),
            AgentEvent::ToolStarted { name, about } => {
                self.doing = Some(if about.is_empty() { name } else { format!("{name}: {about}") });
            }
            AgentEvent::ToolEnded(_) => self.doing = None,
            AgentEvent::Denied(what) => return self.add_denied(what),
            AgentEvent::NotPermitted(name) => {
                let what = self.doing.take().map(|doing| match doing.split_once(": ") {
                    Some((name, about)) => format!("{name}({about})"),
                    None => doing,
                });
                return self.add_denied(what.unwrap_or(name));
            }
            // What it tried before is part of how it ended.
            AgentEvent::Final(exit) => return self.last = Some(exit),
            AgentEvent::Phase(name) => self.phase = Some(name),
            AgentEvent::Commit(n) => self.commits = Some(n),
            AgentEvent::Claim(claim) => self.claim = claim,
            AgentEvent::Finding(text) => {
                if self.findings.len() < MOST_FINDINGS && !self.findings.contains(&text) {
                    self.findings.push(text);
                }
            }
        }
        // It went on with its work after all.
        self.later = None;
        self.retry = None;
    }

    /// A tool's bare name gives way to the tool with what it was to do, whichever is told first.
    fn add_denied(&mut self, what: String) {
        let says_more = |longer: &str, name: &str| {
            longer.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
        };
        self.denied.retain(|known| known == &what || !says_more(&what, known));
        if self.denied.len() < MOST_DENIED && !self.denied.iter().any(|known| says_more(known, &what)) {
            self.denied.push(what);
        }
    }

    /// What this job used, its session having used `before` by then. Who tells both parts and totals tells the same
    /// tokens twice: the larger count holds, since a total also has what an earlier job was ended before it could tell,
    /// and the parts are right where the total began anew.
    pub fn usage(&self, before: &Usage) -> Usage {
        let by_total = self.session_total.map(|total| total.since(before)).unwrap_or_default();
        if by_total.tokens() < self.used.tokens() { self.used } else { by_total }
    }

    /// The last line of its standard error that says anything.
    pub fn last_error(&self) -> Option<&str> {
        self.stderr.lines().map(str::trim).rfind(|line| !line.is_empty())
    }
}
