//! The tools: what each is called, what it is for, and what it does to a run.

use super::arguments::{
    AnswerArgs, CheckArgs, PauseArgs, QuestionsArgs, ReportArgs, ResumeArgs, RetryArgs, StartArgs,
    StatusArgs, StopArgs, TaskArgs,
};
use super::{look, schema, start, status, steer};
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A tool for whoever steers runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlanTool {
    Check,
    Start,
    Status,
    Task,
    Pause,
    Resume,
    Stop,
    Retry,
    Questions,
    Answer,
    Report,
}

/// What a call does at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It looks.
    Looks,
    /// It changes what goes on, and loses nothing.
    Steers,
    /// It may end what cannot be taken up again.
    Destroys,
}

impl PlanTool {
    pub(super) const ALL: [Self; 11] = [
        Self::Check,
        Self::Start,
        Self::Status,
        Self::Task,
        Self::Pause,
        Self::Resume,
        Self::Stop,
        Self::Retry,
        Self::Questions,
        Self::Answer,
        Self::Report,
    ];

    /// The tool of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => "plan_check",
            Self::Start => "plan_start",
            Self::Status => "plan_status",
            Self::Task => "plan_task",
            Self::Pause => "plan_pause",
            Self::Resume => "plan_resume",
            Self::Stop => "plan_stop",
            Self::Retry => "plan_retry",
            Self::Questions => "plan_questions",
            Self::Answer => "plan_answer",
            Self::Report => "plan_report",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Check => "Check a plan",
            Self::Start => "Start a run",
            Self::Status => "How a run stands",
            Self::Task => "One task",
            Self::Pause => "Pause",
            Self::Resume => "Go on",
            Self::Stop => "Stop",
            Self::Retry => "Try a task again",
            Self::Questions => "Open questions",
            Self::Answer => "Answer a question",
            Self::Report => "Completion report",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Check => {
                "Check a plan of task files: its tasks by wave, and every error and warning at once."
            }
            Self::Start => {
                "Execute a plan with as many agents in parallel as its dependencies, the slots and the machine allow. Without \
                 `confirm` the user is asked, or what would start comes back to be shown to them. Comes back at once with \
                 the run's id; the run goes on by itself, also when this session ends."
            }
            Self::Status => {
                "How the run stands, in short. With `wait_s`, and `since` from the last answer, it comes back as soon as \
                 something that matters is otherwise; call it again and again rather than often."
            }
            Self::Task => {
                "One task: where it is, its commits and files, its last failure, the end of its agent's log."
            }
            Self::Pause => {
                "Start nothing new; with a task, stop its agent and set it aside. Nothing is lost."
            }
            Self::Resume => {
                "Let a paused run or task go on. Where no process is at work on the run, take it up again, once the user has \
                 confirmed."
            }
            Self::Stop => {
                "Stop the run. It can be resumed, unless it is cancelled, which gives its open tasks up for good."
            }
            Self::Retry => "Try a task again that is stuck, needs review, or was skipped; its work is kept.",
            Self::Questions => {
                "Put the run's open questions to the user, where the client has forms; else list them, for you to ask."
            }
            Self::Answer => {
                "Give the user's answer to a question. Ask them first: these decisions are theirs."
            }
            Self::Report => "What the run came to: tasks, commits, time, what is to be done next.",
        }
    }

    pub(super) fn effect(self) -> Effect {
        match self {
            Self::Check | Self::Status | Self::Task | Self::Report => Effect::Looks,
            Self::Start | Self::Pause | Self::Resume | Self::Retry | Self::Questions => Effect::Steers,
            // An answer may cancel a task.
            Self::Stop | Self::Answer => Effect::Destroys,
        }
    }

    fn schemas(self) -> [Arc<Map<String, Value>>; 2] {
        match self {
            Self::Check => [schema::input::<CheckArgs>(), schema::output::<start::PlanChecked>()],
            Self::Start => [schema::input::<StartArgs>(), schema::output::<start::Started>()],
            Self::Status => [schema::input::<StatusArgs>(), schema::output::<status::Status>()],
            Self::Task => [schema::input::<TaskArgs>(), schema::output::<look::Task>()],
            Self::Pause => [schema::input::<PauseArgs>(), schema::output::<steer::Steered>()],
            Self::Resume => [schema::input::<ResumeArgs>(), schema::output::<start::Started>()],
            Self::Stop => [schema::input::<StopArgs>(), schema::output::<steer::Steered>()],
            Self::Retry => [schema::input::<RetryArgs>(), schema::output::<steer::Steered>()],
            Self::Questions => [schema::input::<QuestionsArgs>(), schema::output::<steer::Questions>()],
            Self::Answer => [schema::input::<AnswerArgs>(), schema::output::<steer::Steered>()],
            Self::Report => [schema::input::<ReportArgs>(), schema::output::<look::Came>()],
        }
    }

    /// The tool as clients see it.
    pub(super) fn described(self) -> Tool {
        let [input, output] = self.schemas();
        let effect = self.effect();
        let annotations = ToolAnnotations::with_title(self.title())
            .read_only(effect == Effect::Looks)
            .destructive(effect == Effect::Destroys)
            .idempotent(effect == Effect::Looks)
            .open_world(false);
        Tool::new(self.name(), self.about(), input)
            .with_title(self.title())
            .with_raw_output_schema(output)
            .with_annotations(annotations)
    }
}
