//! The agent `command`: any program, by a template of its command line.
//!
//! It is started in the workspace and finds the prompt on its standard input, in a file, and the rest in variables. It
//! need not report anything: what it did is measured from git. Knows no particular program.

use super::event::{AgentEvent, Seen};
use super::{Launch, Places, ProcessEnd, bounded, end, environment, lines};
use ppe_core::outcome::AgentEnd;
use ppe_engine::ports::AgentJob;

/// Any program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandDriver {
    /// The program and its arguments, in which `{prompt_file}`, `{workspace}`, `{task}`, `{title}`, `{branch}`,
    /// `{attempt}` and `{model}` are replaced; anything else in braces stays as it is. Never empty.
    pub(super) argv: Vec<String>,
    pub(super) search_path: String,
}

impl CommandDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let value = |name: &str| {
            Some(match name {
                "prompt_file" => places.prompt_file.to_string_lossy().into_owned(),
                "workspace" => places.workspace.to_string_lossy().into_owned(),
                "task" => job.task.to_string(),
                "title" => bounded::one_line(&job.title, bounded::TITLE_BYTES),
                "branch" => job.branch.to_string(),
                "attempt" => job.attempt.to_string(),
                "model" => job.model.clone().unwrap_or_default(),
                _ => return None,
            })
        };
        Launch {
            argv: self.argv.iter().map(|part| filled(part, value).replace('\0', " ")).collect(),
            env: environment(job, places, &self.search_path),
            stdin: Some(places.prompt_file.to_owned()),
        }
    }

    /// What one line of its output or reports says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        lines::events(line)
    }

    /// What its end means: 0 is done, 75 is later, everything else has failed.
    pub fn finish(exit: &ProcessEnd, seen: &Seen) -> AgentEnd {
        end::told(exit, seen)
    }
}

/// Puts values in place of `{name}`, once: what a value holds is never looked at again.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = after.split_once('}').and_then(|(name, tail)| Some((value(name)?, tail)));
        rest = if let Some((text, tail)) = known {
            out.push_str(&text);
            tail
        } else {
            out.push('{');
            after
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once() {
        let value = |name: &str| match name {
            "task" => Some("T-1".to_owned()),
            "title" => Some("about {task}".to_owned()),
            _ => None,
        };
        for (template, wanted) in [
            ("--id={task}", "--id=T-1"),
            ("{title}/{task}", "about {task}/T-1"),
            ("{\"a\":\"{task}\"}", "{\"a\":\"T-1\"}"),
            ("{unknown} {task", "{unknown} {task"),
            ("{{task}}", "{T-1}"),
            ("", ""),
        ] {
            assert_eq!(filled(template, value), wanted, "{template}");
        }
    }
}
