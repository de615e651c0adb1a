//! The prompt `execute-plan`: the skill of the plug-ins, for clients without them.

use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};

/// Its name.
pub(super) const NAME: &str = "execute-plan";
const ABOUT: &str = "Execute an implementation plan with maximum parallelization";
const SKILL: &str = include_str!("../../../../integrations/skills/execute-plan/SKILL.md");

/// The prompt as it is listed.
pub(super) fn described() -> Prompt {
    let plan = PromptArgument::new("plan").with_description("The plan, where it is not the one in ppe.toml");
    Prompt::new(NAME, Some(ABOUT), Some(vec![plan.with_required(false)])).with_title("Execute a plan")
}

/// What it says.
pub(super) fn text(plan: Option<&str>) -> GetPromptResult {
    // The front matter is for whoever chooses skills.
    let body = SKILL.splitn(3, "---\n").nth(2).unwrap_or(SKILL).trim();
    let which = plan.map_or_else(
        || "Execute implementation plan with maximum parallelization.".to_owned(),
        |plan| format!("Execute implementation plan {plan} with maximum parallelization."),
    );
    let message = PromptMessage::new_text(Role::User, format!("{which}\n\n{body}"));
    GetPromptResult::new(vec![message]).with_description(ABOUT)
}
