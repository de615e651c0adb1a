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

    /// The commands that a command line consists of: each is permitted for itself. What stands in quotes is left whole.
    pub(crate) fn commands(line: &'a str) -> Vec<&'a str> {
        let (mut parts, mut begins) = (Vec::new(), 0);
        let (mut quote, mut before) = (None, ' ');
        let mut chars = line.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let after = chars.peek().map_or(' ', |(_, next)| *next);
            match (quote, c) {
                (_, '\\') if quote != Some('\'') => drop(chars.next()),
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                // A redirection of one stream into another, or of both.
                (None, '&') if before == '>' || after == '>' => {}
                (None, '&' | '|' | ';' | '\n') => {
                    parts.push(&line[begins..at]);
                    begins = at + 1;
                }
                _ => {}
            }
            before = c;
        }
        parts.push(&line[begins..]);
        parts.into_iter().map(str::trim).filter(|command| !command.is_empty()).collect()
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
        for (line, commands) in [
            ("a 1 && b | c;\n ; d", &["a 1", "b", "c", "d"][..]),
            ("git log 2>&1 | head; x &> y & z", &["git log 2>&1", "head", "x &> y", "z"]),
            (r#"git commit -m "a; \"b\" & c" && ls '|\'"#, &[r#"git commit -m "a; \"b\" & c""#, r"ls '|\'"]),
            ("unclosed 'a; b", &["unclosed 'a; b"]),
            ("é; ü\\", &["é", "ü\\"]),
            (" ;; ", &[]),
        ] {
            assert_eq!(Rule::commands(line), commands, "{line}");
        }
    }
}
