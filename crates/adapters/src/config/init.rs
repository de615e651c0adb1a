//! A first `ppe.toml`, fitted to a repository and explained in place.
//!
//! Does not look at the repository: `survey` did.

use super::facts::{BoardFound, BoardPlace, Facts, Found};
use super::value::{list_text, quoted};
use ppe_engine::ports::{FoundPlan, SourceKind};

/// The text of a `ppe.toml` for a repository that looks like this. It is a valid configuration as it stands.
pub fn propose(facts: &Facts) -> String {
    let parts = [
        HEAD.to_owned(),
        plan(&facts.plans),
        format!("[repo]\n# The branch that finished work lands on.\ntarget = {}\n", quoted(&facts.target)),
        RUN.to_owned(),
        AGENT.to_owned(),
        workspace(facts),
        verify(&facts.verify),
        TAIL.to_owned(),
    ];
    let board = facts.board.as_ref().map(board);
    parts.into_iter().chain(board).collect::<Vec<_>>().join("\n")
}

const HEAD: &str = "\
# How ppe works on this repository. Flags and the environment win over this file, this file over your own
# configuration. `ppe config` shows every value and where it came from.
";

const RUN: &str = "\
[run]
# Agents at work at once, 1 to 10. Start with 5 to 7 and watch the first wave; `ppe slots N` changes it at any time.
slots = 7
# A new start every two seconds, not all at once. With ramp = 2 only two start until the first task has landed.
# ramp = 2
# \"checks-green\" starts a task on the green branches of what it depends on, before they have landed.
# start_on = \"checks-green\"
";

const AGENT: &str = "\
[agent]
# Who does the work. `command` is any program that reads the task on its standard input and commits.
# name = \"command\"

[agent.command]
# cmd = [\"my-agent\", \"--non-interactive\"]
# Variables only the agent may see.
# env = [\"MY_AGENT_API_KEY\"]
";

const TAIL: &str = "\
# What judges a change, merged with the target's tip, before it lands. Without it, the verify commands are run.
# [[check]]
# name = \"everything\"
# run = \"make check\"
";

fn board(found: &BoardFound) -> String {
    let place = match &found.place {
        BoardPlace::Server(argv) => format!("server = {}", list_text(argv)),
        BoardPlace::Url(url) => format!("url = {}", quoted(url)),
    };
    let variables = match found.variables.as_slice() {
        [] => String::new(),
        names => format!(
            "# It is given variables there: {}. Set them where ppe is started; of other names than VIBE_*, KANDEV_*,\n\
             # MCP_*, BACKEND_PORT, HOST and PORT it sees those that [env] lets pass.\n",
            names.join(", ")
        ),
    };
    let headers = match found.headers.as_slice() {
        [] => String::new(),
        names => format!(
            "# It is sent headers there: {}. A token stands in a file by itself:\n# token_file = \"…\"\n",
            names.join(", ")
        ),
    };
    format!(
        "[board]\n\
         # The kanban board that was found in .mcp.json: its cards in `todo` say what is run, and mirror it.\n{place}\n\
         {variables}{headers}# project = \"…\"\n"
    )
}

fn plan(found: &[FoundPlan]) -> String {
    let keys = |plan: &FoundPlan, mark: &str| {
        let source = match plan.kind {
            SourceKind::Markdown => String::new(),
            other => format!("{mark}source = {}\n", quoted(other.as_str())),
        };
        format!("{mark}path = {}\n{source}", quoted(&plan.path))
    };
    let text = match found {
        [] => "# The folder with the task files; none was found here.\n# path = \"docs/plan\"\n".to_owned(),
        [one] if one.kind == SourceKind::Markdown => {
            format!("# The folder with the task files.\n{}", keys(one, ""))
        }
        [one] => format!("# Where the tasks are, and what they are written in.\n{}", keys(one, "")),
        several => {
            let choices: Vec<String> = several.iter().map(|plan| keys(plan, "# ")).collect();
            format!("# Several plans were found here: choose one.\n{}", choices.join("# or\n"))
        }
    };
    format!("[plan]\n{text}")
}

fn workspace(facts: &Facts) -> String {
    let copy = match facts.copy.as_slice() {
        [] => "# copy = [\".env\"]".to_owned(),
        files => format!("copy = {}", list_text(files)),
    };
    let setup = match facts.setup.as_slice() {
        [] => "# setup = [\"make deps\"]".to_owned(),
        commands => format!("setup = {}", list_text(commands)),
    };
    format!(
        "[workspace]\n\
         # Each task works in a clone of its own. Git-ignored files that it needs, never committed:\n{copy}\n\
         # Commands that make a fresh clone ready:\n{setup}\n"
    )
}

fn verify(found: &[Found]) -> String {
    let intro = "# What must succeed before a task counts as done, in this order. Commands of kind `fix` run first, and what they\n\
                 # change is committed. `{modules:…}` is what the work concerns; what stands behind the bar is for all.\n";
    if found.is_empty() {
        let none = "# Nothing was recognised here: without a command, any commit counts.\n";
        return format!(
            "{intro}{none}# [[verify]]\n# name = \"test\"\n# run = \"make test\"\n# kind = \"test\"\n"
        );
    }
    let tables: Vec<String> = found.iter().map(table).collect();
    format!("{intro}{}", tables.join("\n"))
}

fn table(found: &Found) -> String {
    let kind = found.kind.name();
    format!("[[verify]]\nname = {}\nrun = {}\nkind = \"{kind}\"\n", quoted(&found.name), quoted(&found.run))
}
