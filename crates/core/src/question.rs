//! Questions: decisions that only the user may make, with their options and what happens if nobody answers.
//!
//! The words of a question follow from its data. Knows nothing of how it is shown or answered.

use crate::card::Column;
use crate::ids::{Attempt, CommitId, Millis, TaskId};
use crate::outcome::Inquiry;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ask {
    /// Slots are full of long tasks while short ones wait.
    Starvation {
        /// The long task.
        task: TaskId,
        /// How many quick ones wait.
        quick: u32,
        /// What the long one has left, by its own pace, ms.
        left_ms: u64,
    },
    /// The agent says that nothing is to be done.
    NoChange {
        /// The task.
        task: TaskId,
        /// Why, in the agent's words.
        why: String,
    },
    /// Several tasks in a row failed alike.
    SameCause {
        /// The tasks.
        tasks: Vec<TaskId>,
        /// What they have in common.
        summary: String,
    },
    /// The target itself is red.
    TargetRed {
        /// Its tip.
        commit: CommitId,
        /// What is red.
        summary: String,
    },
    /// One change lost the race for the target again and again.
    LostRaces {
        /// The task.
        task: TaskId,
        /// How often.
        times: u32,
    },
    /// A person closed the change.
    ChangeClosed {
        /// The task.
        task: TaskId,
    },
    /// A landing commit is no longer in the target.
    TargetRewritten {
        /// The tasks whose landing is gone.
        tasks: Vec<TaskId>,
    },
    /// A wave may start.
    NextWave {
        /// The wave.
        wave: u32,
    },
    /// An agent made nothing because it was not permitted to.
    Permission {
        /// The task.
        task: TaskId,
        /// What it wanted, in the agent's own words.
        tools: Vec<String>,
    },
    /// An agent asks for a decision.
    Agent {
        /// The task.
        task: TaskId,
        /// What it asks.
        inquiry: Inquiry,
    },
    /// An agent was not heard of for long.
    Silence {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Since when.
        since: Millis,
        /// How long that was when it was asked, ms.
        quiet_ms: u64,
    },
    /// A part of a task is made, and a person wants to see each.
    Boundary {
        /// The task.
        task: TaskId,
        /// Commits made.
        done: u32,
        /// Commits planned.
        planned: u32,
        /// What comes next.
        next: String,
    },
    /// The budget is spent.
    Budget {
        /// What is spent.
        spent: String,
        /// Of what.
        limit: String,
    },
    /// A person moved a task's card on the board.
    CardMoved {
        /// The task.
        task: TaskId,
        /// Where to.
        to: Column,
    },
    /// A revised plan no longer has a task.
    TaskRemoved {
        /// The task.
        task: TaskId,
    },
}

/// The words of numbered options.
const NUMBERS: [&str; Inquiry::MOST_OPTIONS + 1] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// An answer: one of the question's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Do what was asked about.
    Yes,
    /// Leave things as they are.
    No,
    /// Stop here and leave it to a person.
    Hold,
    /// Try again.
    Retry,
    /// The option of this number, from 1.
    Option(u8),
}

impl Answer {
    /// The word a user types.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Hold => "hold",
            Self::Retry => "retry",
            Self::Option(n) => NUMBERS.get(usize::from(n)).copied().unwrap_or("0"),
        }
    }

    /// The answer of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        let options = (1..).map(Self::Option).take(Inquiry::MOST_OPTIONS);
        [Self::Yes, Self::No, Self::Hold, Self::Retry]
            .into_iter()
            .chain(options)
            .find(|a| a.word().eq_ignore_ascii_case(word.trim()))
    }
}

/// One option of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The answer it stands for.
    pub answer: Answer,
    /// What it leads to; an agent's option in its own words.
    pub effect: Cow<'static, str>,
}

const fn choice(answer: Answer, effect: &'static str) -> Choice {
    Choice { answer, effect: Cow::Borrowed(effect) }
}

impl Ask {
    /// The question in words.
    pub fn text(&self) -> String {
        match self {
            Self::Starvation { task, quick, left_ms } => {
                let noun = if *quick == 1 { "task" } else { "tasks" };
                format!(
                    "{quick} quick {noun} waiting, but slots full. Pause {task} ({} left)?",
                    crate::wording::span(*left_ms)
                )
            }
            Self::NoChange { task, why } => format!("{task} changed nothing and says: {why}. Accept that?"),
            Self::SameCause { tasks, summary } => {
                format!(
                    "{} failed one after the other alike ({summary}). Go on?",
                    crate::wording::list(tasks)
                )
            }
            Self::TargetRed { commit, summary } => format!(
                "the target itself is red at {} ({summary}). Have an agent repair it?",
                crate::wording::short(commit)
            ),
            Self::LostRaces { task, times } => {
                format!("the target moved {times} times while {task} was about to land. Try again?")
            }
            Self::ChangeClosed { task } => {
                format!("the change of {task} was closed by a person. Give the task up?")
            }
            Self::TargetRewritten { tasks } => {
                format!(
                    "the target no longer contains what landed for {}. Go on without it?",
                    crate::wording::list(tasks)
                )
            }
            Self::NextWave { wave } => format!("wave {wave} is ready. Start it?"),
            Self::Agent { task, inquiry } => format!("{task} asks: {}", inquiry.text),
            Self::Silence { task, quiet_ms, .. } => format!(
                "the agent of {task} was not heard of for {}. Stop it and go on anew?",
                crate::wording::span(*quiet_ms)
            ),
            Self::Boundary { task, done, planned, next } => {
                format!("{task} has {done} of {planned} commits; next: {next}. Go on?")
            }
            Self::Budget { spent, limit } => {
                format!("{spent} of {limit} are spent. Grant as much again?")
            }
            Self::Permission { task, tools } => {
                format!("{task} made nothing: its agent was not permitted {}. Allow that?", tools.join(", "))
            }
            Self::CardMoved { task, to: Column::Cancelled } => {
                format!("the card of {task} was moved to cancelled on the board. Skip the task?")
            }
            Self::CardMoved { task, to } => {
                format!("the card of {task} was moved back to {} on the board. Try it again?", to.word())
            }
            Self::TaskRemoved { task } => format!("the revised plan has no {task}. Drop it from the run?"),
        }
    }

    /// What may be answered.
    pub fn choices(&self) -> Vec<Choice> {
        match self {
            Self::Starvation { .. } => vec![
                choice(Answer::Yes, "park it; it returns when the queue is shorter than the slots"),
                choice(Answer::No, "let it work"),
            ],
            Self::NoChange { .. } => vec![
                choice(Answer::Yes, "close the task without a change"),
                choice(Answer::Retry, "send the agent back"),
                choice(Answer::Hold, "leave it for review"),
            ],
            Self::SameCause { .. } => {
                vec![
                    choice(Answer::Yes, "start new tasks again"),
                    choice(Answer::No, "stay paused until `ppe unpause`"),
                ]
            }
            Self::TargetRed { .. } => vec![
                choice(Answer::Yes, "add a task that repairs it, which lands ahead of all others"),
                choice(Answer::Retry, "check the target again and go on when it is green"),
                choice(Answer::No, "stay frozen until the target moves"),
            ],
            Self::LostRaces { .. } => {
                vec![
                    choice(Answer::Retry, "build the candidate once more"),
                    choice(Answer::Hold, "leave it for review"),
                ]
            }
            Self::ChangeClosed { .. } => vec![
                choice(Answer::Yes, "cancel the task"),
                choice(Answer::Retry, "open it again and land it"),
                choice(Answer::Hold, "leave it for review"),
            ],
            Self::TargetRewritten { .. } => vec![
                choice(Answer::Yes, "accept it and go on"),
                choice(Answer::Retry, "land the work again"),
                choice(Answer::No, "stay paused"),
            ],
            Self::NextWave { .. } => vec![choice(Answer::Yes, "start it"), choice(Answer::No, "wait")],
            Self::Permission { .. } => vec![
                choice(Answer::Yes, "allow it for this task and send the agent back"),
                choice(Answer::Retry, "send the agent back without it"),
                choice(Answer::Hold, "leave it for review"),
            ],
            Self::Agent { inquiry, .. } if inquiry.options.is_empty() => vec![
                choice(Answer::Yes, "tell the agent yes"),
                choice(Answer::No, "tell the agent no"),
                choice(Answer::Hold, "leave the task to you"),
            ],
            Self::Agent { inquiry, .. } => {
                let option = |(n, text): (u8, &String)| Choice {
                    answer: Answer::Option(n),
                    effect: Cow::Owned(text.clone()),
                };
                let hold = choice(Answer::Hold, "leave the task to you");
                (1..).zip(&inquiry.options).take(Inquiry::MOST_OPTIONS).map(option).chain([hold]).collect()
            }
            Self::Silence { .. } => vec![
                choice(Answer::Yes, "stop it; a new attempt goes on from its work"),
                choice(Answer::No, "let it work"),
            ],
            Self::Boundary { .. } => {
                vec![choice(Answer::Yes, "send the agent on"), choice(Answer::Hold, "leave the task to you")]
            }
            Self::Budget { .. } => {
                vec![choice(Answer::Yes, "grant as much again"), choice(Answer::No, "stay paused")]
            }
            Self::CardMoved { to: Column::Cancelled, .. } => vec![
                choice(Answer::Yes, "skip it; its dependents stay blocked"),
                choice(Answer::No, "keep it, and put its card back"),
            ],
            Self::CardMoved { .. } => vec![
                choice(Answer::Yes, "try it again, with its work kept"),
                choice(Answer::No, "keep it as it is, and put its card back"),
            ],
            Self::TaskRemoved { .. } => {
                vec![choice(Answer::Yes, "cancel the task"), choice(Answer::No, "keep it in the run")]
            }
        }
    }

    /// What applies when nobody answers in time.
    pub fn default_answer(&self) -> Answer {
        match self {
            Self::Starvation { .. }
            | Self::SameCause { .. }
            | Self::TargetRed { .. }
            | Self::TargetRewritten { .. }
            | Self::NextWave { .. }
            | Self::Budget { .. }
            | Self::CardMoved { .. }
            | Self::TaskRemoved { .. } => Answer::No,
            // Nobody there is no reason to leave a silent agent in its slot for ever.
            Self::Silence { .. } => Answer::Yes,
            Self::Agent { inquiry, .. } => inquiry.default.map_or(Answer::Hold, Answer::Option),
            Self::NoChange { .. }
            | Self::LostRaces { .. }
            | Self::ChangeClosed { .. }
            | Self::Permission { .. }
            | Self::Boundary { .. } => Answer::Hold,
        }
    }

    /// The task it is about, where it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Starvation { task, .. }
            | Self::NoChange { task, .. }
            | Self::LostRaces { task, .. }
            | Self::ChangeClosed { task }
            | Self::Permission { task, .. }
            | Self::Agent { task, .. }
            | Self::Silence { task, .. }
            | Self::Boundary { task, .. }
            | Self::CardMoved { task, .. }
            | Self::TaskRemoved { task } => Some(task),
            Self::SameCause { .. }
            | Self::TargetRed { .. }
            | Self::TargetRewritten { .. }
            | Self::Budget { .. }
            | Self::NextWave { .. } => None,
        }
    }
}
