//! The server for an agent at work on a task: it may report, and nothing else.
//!
//! A user's own plug-ins are there for the agents that a run starts, too. So inside an attempt the same command has other
//! tools: nobody at work on a task starts, stops or answers anything.

use super::answer::failure;
use super::schema;
use super::server::arguments;
use crate::error::AppError;
use crate::wiring::{Word, report_from_agent};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use schemars::JsonSchema;
use serde::Deserialize;

const INSTRUCTIONS: &str = "\
You are at work on one task of a plan. Here you tell the run that started you how far you are, what you need decided, or why you \
cannot go on. These are claims: what counts is what is on your branch.";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PhaseArgs {
    /// The phase's name
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CommitArgs {
    /// How many of the planned commits are made
    n: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhyArgs {
    /// Why
    why: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindingArgs {
    /// Where, what, and when it shows
    text: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuestionArgs {
    /// What is to be decided
    text: String,
    /// What may be answered; without any it is a yes or no
    #[serde(default)]
    options: Vec<String>,
    /// Which option applies when nobody answers in time
    default: Option<String>,
}

/// A word that an agent may say, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptTool {
    Phase,
    Commit,
    NoChange,
    Blocked,
    Question,
    Finding,
    Flaky,
}

impl AttemptTool {
    pub(super) const ALL: [Self; 7] = [
        Self::Phase,
        Self::Commit,
        Self::NoChange,
        Self::Blocked,
        Self::Question,
        Self::Finding,
        Self::Flaky,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Phase => "report_phase",
            Self::Commit => "report_commit",
            Self::NoChange => "report_no_change",
            Self::Blocked => "report_blocked",
            Self::Question => "report_question",
            Self::Finding => "report_finding",
            Self::Flaky => "report_flaky",
        }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Phase => "A phase of the plan has begun.",
            Self::Commit => "So many planned commits are made.",
            Self::NoChange => "Nothing needs to be changed; the user is asked whether to accept that.",
            Self::Blocked => "A person is needed; end your work after this.",
            Self::Question => {
                "A decision is needed; end your work after this: the answer comes with your next prompt."
            }
            Self::Finding => "Something is wrong in the work that you review.",
            Self::Flaky => "The failure that you were to repair is not the work's fault.",
        }
    }

    fn described(self) -> Tool {
        let input = match self {
            Self::Phase => schema::input::<PhaseArgs>(),
            Self::Commit => schema::input::<CommitArgs>(),
            Self::NoChange | Self::Blocked | Self::Flaky => schema::input::<WhyArgs>(),
            Self::Question => schema::input::<QuestionArgs>(),
            Self::Finding => schema::input::<FindingArgs>(),
        };
        let annotations = ToolAnnotations::new().read_only(false).destructive(false).open_world(false);
        Tool::new(self.name(), self.about(), input).with_annotations(annotations)
    }

    fn word(self, request: &CallToolRequestParams) -> Result<Word, AppError> {
        let why = || arguments::<WhyArgs>(request).map(|args| args.why);
        Ok(match self {
            Self::Phase => Word::Phase { name: arguments::<PhaseArgs>(request)?.name },
            Self::Commit => Word::Commit { n: arguments::<CommitArgs>(request)?.n },
            Self::NoChange => Word::NoChange { why: why()? },
            Self::Blocked => Word::Blocked { why: why()? },
            Self::Flaky => Word::Flaky { why: why()? },
            Self::Finding => Word::Finding { text: arguments::<FindingArgs>(request)?.text },
            Self::Question => {
                let QuestionArgs { text, options, default } = arguments(request)?;
                Word::Question { text, options, default }
            }
        })
    }
}

/// The server of one attempt.
pub(super) struct AttemptServer;

impl ServerHandler for AttemptServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("ppe", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(AttemptTool::ALL.map(AttemptTool::described).to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = AttemptTool::ALL.into_iter().find(|tool| tool.name() == request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool {}", request.name), None));
        };
        Ok(match tool.word(&request).and_then(|word| report_from_agent(&word)) {
            Ok(()) => CallToolResult::success(vec![ContentBlock::text("noted")]).into(),
            Err(error) => failure(&error),
        })
    }
}
