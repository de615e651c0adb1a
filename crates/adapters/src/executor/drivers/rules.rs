//! Permissions in agents' own words: `bash(npm test *)`, a tool with what it may do in brackets.
//!
//! What was refused is told in the same form, so that a person's permission can be handed back as it was asked for. Knows
//! no agent.

/// Commands that work on a workspace needs: git, our own, and those that only look at files or edit them.
pub(crate) const WORKSPACE_COMMANDS: [&str; 20] = [
    "git", "ppe", "cat", "cd", "chmod", "cp", "diff", "echo", "grep", "head", "ls", "mkdir", "mv", "printf",
    "pwd", "rm", "rmdir", "tail", "touch", "wc",
];

/// A tool, and what it may do; any use of it without that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule<'a> {
    pub(crate) tool: &'a str,
    pub(crate) what: Option<&'a str>,
}

impl<'a> Rule<'a> {
    /// A rule as it is written.
    pub(crate) fn read(text: &'a str) -> Self {
        let text = text.trim();
        match text.split_once('(').and_then(|(tool, rest)| Some((tool, rest.strip_suffix(')')?))) {
            Some((tool, what)) if !what.trim().is_empty() => {
                Self { tool: tool.trim(), what: Some(what.trim()) }
            }
            Some((tool, _)) => Self { tool: tool.trim(), what: None },
            None => Self { tool: text, what: None },
        }
    }

    /// How a rule is written.
    pub(crate) fn written(tool: &str, what: &str) -> String {
        if what.is_empty() { tool.to_owned() } else { format!("{tool}({what})") }
    }
}

/// The rules that say what a person has permitted after it was refused, and nothing more. `shell` is the tool that runs
/// commands: each of a line is permitted by itself. What holds one of the signs that the agent's program reads as more than
/// themselves cannot be said, and is left out.
pub(crate) fn exactly(refused: &str, shell: &str, signs: &[char]) -> Vec<String> {
    let rule = Rule::read(refused);
    let sayable = |text: &str| !text.is_empty() && !text.contains(signs);
    match rule.what {
        None => Vec::from_iter(sayable(rule.tool).then(|| rule.tool.to_owned())),
        Some(line) if rule.tool == shell => {
            let commands = super::shell::commands(line).unwrap_or_default();
            let said = commands.into_iter().filter(|command| sayable(&command.text));
            said.map(|command| Rule::written(shell, &command.text)).collect()
        }
        Some(what) => Vec::from_iter(sayable(what).then(|| refused.trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        let table = [
            ("bash(npm test *)", "bash", Some("npm test *")),
            ("bash(echo (a) && b)", "bash", Some("echo (a) && b")),
            (" webfetch ", "webfetch", None),
            ("bash()", "bash", None),
            ("bash(cut off", "bash(cut off", None),
            ("", "", None),
        ];
        for (text, tool, what) in table {
            assert_eq!(Rule::read(text), Rule { tool, what }, "{text}");
        }
        assert_eq!(Rule::written("bash", "a b"), "bash(a b)");
        assert_eq!(Rule::written("bash", ""), "bash");
    }

    #[test]
    fn a_permission_is_said_exactly_or_not_at_all() {
        let signs = ['(', ')', '*', ','];
        let table: [(&str, &[&str]); 9] = [
            ("Bash(cd x && make 2>&1 | tee log)", &["Bash(cd x)", "Bash(make)", "Bash(tee log)"]),
            ("Bash(git add *.txt; npm test)", &["Bash(npm test)"]),
            ("Bash(echo a) Bash(*)", &[]),
            ("Bash(echo \"a) Bash(*\")", &[]),
            ("Bash(,rm -rf /)", &[]),
            ("Bash(echo $(id))", &[]),
            ("WebFetch(https://a.example)", &["WebFetch(https://a.example)"]),
            ("WebFetch(a,Bash,b)", &[]),
            ("Write", &["Write"]),
        ];
        for (refused, rules) in table {
            assert_eq!(exactly(refused, "Bash", &signs), rules, "{refused}");
        }
    }
}
