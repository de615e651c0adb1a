//! The reference pages of the command line, held to the code: `commands.md` is written from the parser, `exit-codes.md`
//! by hand. Knows nothing of what the commands do.

use super::args::Cli;
use crate::error::{EXIT_DONE, EXIT_INTERRUPTED, EXIT_NEEDS_YOU, EXIT_PAUSED, Kind};
use crate::wiring::FindingKind;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents that programs read, by the commands that print them.
const SCHEMAS: &[(&str, &str)] = &[
    ("ppe audit --json", "ppe.audit.v1"),
    ("ppe config --json", "ppe.config.v1"),
    ("ppe conflicts --json", "ppe.conflicts.v1"),
    ("ppe diff --json", "ppe.diff.v1"),
    ("ppe plan import --json", "ppe.plan.v1"),
    ("ppe plan new --json", "ppe.plan-new.v1"),
    ("ppe plan show --json", "ppe.plan.v1"),
    ("ppe questions --json", "ppe.questions.v1"),
    ("ppe report --json", "ppe.report.v1"),
    ("ppe simulate --json", "ppe.simulation.v1"),
    ("ppe status --json", "ppe.status.v1"),
];

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

fn commands() -> String {
    let mut text =
        "# Commands\n\nWritten from the program's own help. Data goes to standard output, talk to standard \
                    error; [exit codes](exit-codes.md) are fixed.\n"
            .to_owned();
    let mut whole = Cli::command();
    whole.build();
    for command in whole.get_subcommands().filter(|c| c.get_name() != "help") {
        section(&mut text, "ppe", command);
    }
    text.push_str("\n## JSON documents\n\nEach names its schema; fields are added, never changed.\n\n");
    text.push_str("| command | schema |\n|---|---|\n");
    for (command, schema) in SCHEMAS {
        writeln!(text, "| `{command}` | `{schema}` |").unwrap();
    }
    text
}

fn section(text: &mut String, before: &str, command: &Command) {
    let name = format!("{before} {}", command.get_name());
    let places = command.get_positionals().map(|arg| {
        if arg.is_required_set() { format!(" {}", value(arg)) } else { format!(" [{}]", value(arg)) }
    });
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    write!(text, "\n## `{name}{}`\n\n{about}.\n", places.collect::<String>()).unwrap();
    for alias in command.get_visible_aliases() {
        match alias {
            "watch" => writeln!(text, "\n`{before} {alias}` is the same, and stays.").unwrap(),
            _ => writeln!(text, "\nAlso `{before} {alias}`.").unwrap(),
        }
    }
    let shown: Vec<_> =
        command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())).collect();
    if !shown.is_empty() {
        text.push_str("\n| | meaning |\n|---|---|\n");
    }
    for arg in shown {
        writeln!(text, "| `{}` | {} |", spelled(arg), meaning(arg)).unwrap();
    }
    for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
        section(text, &name, inner);
    }
}

fn value(arg: &Arg) -> String {
    arg.get_value_names().map_or_else(|| arg.get_id().to_string(), |names| names.join(" ")).to_uppercase()
}

fn spelled(arg: &Arg) -> String {
    let Some(long) = arg.get_long() else { return value(arg) };
    let short = arg.get_short().map_or(String::new(), |short| format!("-{short}, "));
    let takes = if arg.get_action().takes_values() { format!(" {}", value(arg)) } else { String::new() };
    format!("{short}--{long}{takes}")
}

fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
    let values: Vec<_> = if arg.get_action().takes_values() {
        arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect()
    } else {
        Vec::new()
    };
    if !values.is_empty() {
        write!(text, ": {}", values.join(", ")).unwrap();
    }
    let default: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    if arg.get_action().takes_values() && !default.is_empty() {
        write!(text, " (default: `{}`)", default.join(", ")).unwrap();
    }
    text
}

#[test]
fn the_command_reference_is_current() {
    let (path, text) = (page("commands.md"), commands());
    if std::env::var_os("PPE_REWRITE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/reference/commands.md is not current: run the tests once with PPE_REWRITE=1");
}

#[test]
fn the_reference_lists_the_exit_codes() {
    let text = fs::read_to_string(page("exit-codes.md")).unwrap();
    let listed: Vec<u8> =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    let kinds = [Kind::Usage, Kind::Plan, Kind::Environment, Kind::Bug].map(Kind::exit_code);
    let mut codes = vec![EXIT_DONE, EXIT_NEEDS_YOU, EXIT_PAUSED, EXIT_INTERRUPTED];
    codes.extend(kinds);
    codes.sort_unstable();
    assert_eq!(listed, codes);
}

#[test]
fn the_reference_explains_every_finding_of_an_audit() {
    let text = fs::read_to_string(page("audit.md")).unwrap();
    let (_, table) = text.split_once("| finding | meaning |").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let wanted = FindingKind::ALL.map(|kind| serde_json::to_value(kind).unwrap());
    assert_eq!(rows.collect::<Vec<_>>(), wanted.each_ref().map(|kind| kind.as_str().unwrap()));
}

#[test]
fn the_reference_explains_every_placeholder_of_a_prompt() {
    let text = fs::read_to_string(page("agents.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `{{")).collect();
    let wanted: Vec<String> = ppe_core::prompt::PLACEHOLDERS
        .iter()
        .map(|(_, name, meaning)| format!("| `{{{{{name}}}}}` | {meaning} |"))
        .collect();
    assert_eq!(rows, wanted);
}
