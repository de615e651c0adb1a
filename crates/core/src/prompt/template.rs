//! The template that prompts are made from: text with `{{placeholders}}`, read strictly and filled once.
//!
//! Knows the names of the placeholders and not what stands for them.

use crate::text::nearest;
use std::fmt;
use std::fmt::Write as _;

/// What may stand between `{{` and `}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The task's id.
    Task,
    /// Its title.
    Title,
    /// Its module.
    Module,
    /// The branch to work on.
    Branch,
    /// The branch that the work lands on.
    Target,
    /// The coverage wanted, in per cent.
    Coverage,
    /// After how many commits progress is reported.
    ReportEvery,
    /// Where the agent is and what this attempt is for.
    Situation,
    /// What went wrong before, with the end of the output.
    Failure,
    /// A person's word.
    Note,
    /// Where to stop, when a person is asked at each commit or phase.
    Mode,
    /// How to work and how to report.
    Rules,
    /// The planned commits.
    CommitPlan,
    /// The task as written.
    Body,
}

/// Every placeholder with its name and meaning, in the order in which they are explained.
pub const PLACEHOLDERS: &[(Placeholder, &str, &str)] = &[
    (Placeholder::Task, "task", "the task's id"),
    (Placeholder::Title, "title", "its title"),
    (Placeholder::Module, "module", "its module, if it has one"),
    (Placeholder::Branch, "branch", "the branch to work on"),
    (Placeholder::Target, "target", "the branch that the work lands on"),
    (Placeholder::Coverage, "coverage", "the test coverage that the task asks for, if it does: `80 %`"),
    (Placeholder::ReportEvery, "report_every", "`report.every_commits`"),
    (
        Placeholder::Situation,
        "situation",
        "where the agent is, and what this attempt is for: the task, a repair, a conflict",
    ),
    (Placeholder::Failure, "failure", "in a repair: what failed, with the end of its output"),
    (Placeholder::Note, "note", "what a person said with `ppe retry --note`"),
    (Placeholder::Mode, "mode", "where to stop, unless `run.mode` is `autonomous`"),
    (Placeholder::Rules, "rules", "how to work, and how to report progress, a question or a dead end"),
    (Placeholder::CommitPlan, "commit_plan", "the planned commits with their phases and files"),
    (Placeholder::Body, "body", "the task as written"),
];

/// What is wrong at a place of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: Wrong,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No placeholder has this name; perhaps that one was meant.
    Unknown(String, Option<&'static str>),
    /// A `{{` without its `}}` on the same line.
    Open,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name, Some(near)) => {
                write!(f, "unknown placeholder {{{{{name}}}}}: did you mean {{{{{near}}}}}?")
            }
            Self::Unknown(name, None) => write!(f, "unknown placeholder {{{{{name}}}}}"),
            Self::Open => f.write_str("{{ without }}; write \\{{ for braces that are no placeholder"),
        }
    }
}

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    lines: Vec<Vec<Piece>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Everything that is wrong, by line.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let (mut lines, mut mistakes) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let (pieces, wrong) = pieces(line);
            lines.push(pieces);
            mistakes.extend(wrong.into_iter().map(|what| Mistake { line: at + 1, what }));
        }
        if mistakes.is_empty() { Ok(Self { lines }) } else { Err(mistakes) }
    }

    /// Whether it has this placeholder.
    pub fn has(&self, wanted: Placeholder) -> bool {
        self.lines.iter().flatten().any(|piece| *piece == Piece::Value(wanted))
    }

    /// The text with values in place. A value is never looked at again, whatever it holds. A line of nothing but
    /// placeholders that have no value is left out, with the empty line below it.
    pub fn filled(&self, value: impl Fn(Placeholder) -> String) -> String {
        let (mut out, mut left_out) = (String::new(), false);
        for line in &self.lines {
            let blank = |piece: &Piece| matches!(piece, Piece::Text(text) if text.trim().is_empty());
            if line.iter().all(blank) && left_out {
                left_out = false;
                continue;
            }
            let text: String = line
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Value(placeholder) => value(*placeholder),
                })
                .collect();
            let only_values =
                !line.iter().all(blank) && line.iter().all(|p| blank(p) || matches!(p, Piece::Value(_)));
            left_out = only_values && text.trim().is_empty();
            if !left_out {
                let _written = writeln!(out, "{}", text.trim_end());
            }
        }
        out.trim_end().to_owned()
    }
}

fn pieces(line: &str) -> (Vec<Piece>, Vec<Wrong>) {
    let (mut pieces, mut wrong, mut text, mut rest) = (Vec::new(), Vec::new(), String::new(), line);
    while let Some((before, after)) = rest.split_once("{{") {
        if let Some(before) = before.strip_suffix('\\') {
            text.push_str(before);
            text.push_str("{{");
            rest = after;
            continue;
        }
        text.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            wrong.push(Wrong::Open);
            return (pieces, wrong);
        };
        rest = after;
        let name = name.trim();
        if let Some((placeholder, _, _)) = PLACEHOLDERS.iter().find(|(_, known, _)| *known == name) {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Value(*placeholder));
        } else {
            let meant = nearest(name, PLACEHOLDERS.iter().map(|(_, known, _)| *known));
            wrong.push(Wrong::Unknown(name.chars().take(60).collect(), meant));
        }
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    (pieces, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        Template::parse(text).unwrap().filled(|placeholder| match placeholder {
            Placeholder::Task => "T-1".to_owned(),
            Placeholder::Title => "about {{task}}".to_owned(),
            Placeholder::Body => "two\nlines".to_owned(),
            _ => String::new(),
        })
    }

    #[test]
    fn values_stand_where_they_are_named_and_are_filled_once() {
        assert_eq!(filled("Do {{task}}, {{ title }}!"), "Do T-1, about {{task}}!");
        assert_eq!(filled("{{body}}\nend"), "two\nlines\nend");
        assert_eq!(filled("{\"a\": {\"b\": 1}} \\{{task}} }}"), "{\"a\": {\"b\": 1}} {{task}} }}");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn a_line_of_values_that_are_empty_is_left_out_with_the_gap_below() {
        assert_eq!(filled("a\n\n{{note}}\n\n{{failure}} {{mode}}\n\nb"), "a\n\nb");
        assert_eq!(filled("a\n\nsaid: {{note}}\n\nb"), "a\n\nsaid:\n\nb");
        assert_eq!(filled("a\n\n\n{{note}}\nb\n\nc"), "a\n\n\nb\n\nc");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_all_at_once() {
        let mistakes = Template::parse("{{task}}\n{{tsk}} {{zebra_crossing}}\n\n{{ body").unwrap_err();
        let said: Vec<String> = mistakes.iter().map(|m| format!("{}: {}", m.line, m.what)).collect();
        assert_eq!(
            said,
            [
                "2: unknown placeholder {{tsk}}: did you mean {{task}}?",
                "2: unknown placeholder {{zebra_crossing}}",
                "4: {{ without }}; write \\{{ for braces that are no placeholder",
            ]
        );
    }

    #[test]
    fn every_placeholder_is_known_by_its_own_name() {
        for (placeholder, name, _) in PLACEHOLDERS {
            assert!(Template::parse(&format!("{{{{{name}}}}}")).unwrap().has(*placeholder), "{name}");
        }
        let default = Template::parse(super::super::DEFAULT).unwrap();
        assert!(default.has(Placeholder::Body) && default.has(Placeholder::Rules));
        assert!(!default.has(Placeholder::Module));
    }
}
