//! What GitHub's checks come to: check runs and commit statuses rolled up into one answer.
//!
//! Asks nobody and waits for nothing.

use super::api::{CheckRun, Job, Status, WorkflowRun};
use ppe_core::ids::Branch;

/// A check as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// Its name.
    pub(super) name: String,
    /// How it stands.
    pub(super) state: CheckState,
}

/// How a check stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CheckState {
    /// It ended well, or had nothing to say.
    Good,
    /// It ended badly, and how.
    Bad(String),
    /// It has not ended, and what it is at.
    Pending(String),
    /// It goes on only when a person lets it.
    Person(String),
}

/// What all checks come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RollUp {
    /// All ended well, and none that is required is missing.
    Green,
    /// There are none, and none is required.
    None,
    /// Some ended badly: which, and how.
    Red(Vec<(String, String)>),
    /// Some have not ended, or not come: in words.
    Pending(String),
    /// Some wait for a person: in words.
    Person(String),
}

impl From<CheckRun> for Check {
    fn from(run: CheckRun) -> Self {
        let title = run.output.and_then(|output| output.title);
        let state = ended(&run.status, run.conclusion.as_deref(), title.as_deref());
        Self { name: run.name, state }
    }
}

impl From<WorkflowRun> for Check {
    fn from(run: WorkflowRun) -> Self {
        let state = ended(run.status.as_deref().unwrap_or("queued"), run.conclusion.as_deref(), None);
        Self { name: run.name.unwrap_or_else(|| format!("workflow run {}", run.id)), state }
    }
}

impl From<Job> for Check {
    fn from(job: Job) -> Self {
        Self { state: ended(&job.status, job.conclusion.as_deref(), None), name: job.name }
    }
}

impl From<Status> for Check {
    fn from(status: Status) -> Self {
        let state = match status.state.as_str() {
            "success" => CheckState::Good,
            "pending" | "expected" => CheckState::Pending(status.state),
            _ => CheckState::Bad(status.description.unwrap_or(status.state)),
        };
        Self { name: status.context, state }
    }
}

fn ended(status: &str, conclusion: Option<&str>, title: Option<&str>) -> CheckState {
    match (status, conclusion) {
        ("waiting", _) => CheckState::Person("waits for an approval".to_owned()),
        ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Good,
        ("completed", Some("action_required")) => {
            CheckState::Person("wants something done by you".to_owned())
        }
        ("completed", Some(other)) => CheckState::Bad(match title {
            Some(title) if !title.trim().is_empty() => format!("{other}: {title}"),
            _ => other.replace('_', " "),
        }),
        (status, _) => CheckState::Pending(status.replace('_', " ")),
    }
}

/// Rolls checks up. A red one is told at once, whatever the others do.
pub(super) fn roll_up(checks: &[Check], required: &[String]) -> RollUp {
    let mut red = Vec::new();
    let (mut pending, mut person) = (Vec::new(), Vec::new());
    for Check { name, state } in checks {
        match state {
            CheckState::Good => {}
            CheckState::Bad(how) => red.push((name.clone(), how.clone())),
            CheckState::Pending(what) => pending.push(format!("{name} is {what}")),
            CheckState::Person(what) => person.push(format!("{name} {what}")),
        }
    }
    let missing = required.iter().filter(|name| !checks.iter().any(|check| check.name == **name));
    pending.extend(missing.map(|name| format!("{name} has not begun")));
    if !red.is_empty() {
        RollUp::Red(red)
    } else if !person.is_empty() {
        RollUp::Person(person.join(", "))
    } else if !pending.is_empty() {
        RollUp::Pending(pending.join(", "))
    } else if checks.is_empty() {
        RollUp::None
    } else {
        RollUp::Green
    }
}

/// Whether a workflow run failed in an earlier attempt than this one: what is to be run once more.
pub(super) fn is_to_be_repeated(run: &WorkflowRun, attempt: u32) -> bool {
    let bad =
        matches!(run.conclusion.as_deref(), Some("failure" | "timed_out" | "cancelled" | "startup_failure"));
    run.status.as_deref() == Some("completed") && bad && run.run_attempt.unwrap_or(1) < attempt
}

/// A text of a log without the codes that colour a terminal and the times that begin its lines.
pub(super) fn plain_log(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = match line.split_once(' ') {
            Some((time, rest)) if time.ends_with('Z') && time.contains('T') => rest,
            _ => line,
        };
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            if letter == '\u{1b}' {
                // Up to the letter that ends it.
                letters.by_ref().find(char::is_ascii_alphabetic);
            } else if !letter.is_control() || letter == '\t' {
                out.push(letter);
            }
        }
        out.push('\n');
    }
    out
}

/// Where CI is to run on a candidate.
pub(super) fn lane_branch(run: &ppe_core::ids::RunId, candidate: ppe_core::ids::CandidateId) -> Branch {
    Branch::new(format!("ppe/lane/{run}/{candidate}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, status: &str, conclusion: Option<&str>) -> Check {
        Check { name: name.to_owned(), state: ended(status, conclusion, None) }
    }

    #[test]
    fn green_is_only_what_ended_well_with_all_that_is_required() {
        let good =
            [check("build", "completed", Some("success")), check("docs", "completed", Some("skipped"))];
        assert_eq!(roll_up(&good, &[]), RollUp::Green);
        assert_eq!(roll_up(&good, &["build".to_owned()]), RollUp::Green);
        let wanted = ["test".to_owned()];
        assert_eq!(roll_up(&good, &wanted), RollUp::Pending("test has not begun".to_owned()));
        assert_eq!(roll_up(&[], &wanted), RollUp::Pending("test has not begun".to_owned()));
        assert_eq!(roll_up(&[], &[]), RollUp::None);
    }

    #[test]
    fn one_that_is_red_is_told_and_what_a_person_must_do_is_no_failure() {
        let red = check("test", "completed", Some("timed_out"));
        let queued = check("build", "queued", None);
        let told = RollUp::Red(vec![("test".to_owned(), "timed out".to_owned())]);
        assert_eq!(roll_up(&[queued.clone(), red], &[]), told);
        let waits = check("deploy", "completed", Some("action_required"));
        let person = RollUp::Person("deploy wants something done by you".to_owned());
        assert_eq!(roll_up(&[queued.clone(), waits], &[]), person);
        assert_eq!(roll_up(&[queued], &[]), RollUp::Pending("build is queued".to_owned()));
        for unknown in ["stale", "startup_failure", "something_new"] {
            let rolled = roll_up(&[check("x", "completed", Some(unknown))], &[]);
            assert!(matches!(rolled, RollUp::Red(_)), "{unknown}");
        }
    }

    #[test]
    fn only_failed_runs_of_an_earlier_attempt_are_repeated() {
        let run = |status: &str, conclusion: Option<&str>, attempt| WorkflowRun {
            id: 1,
            name: None,
            status: Some(status.to_owned()),
            conclusion: conclusion.map(str::to_owned),
            run_attempt: Some(attempt),
        };
        assert!(is_to_be_repeated(&run("completed", Some("failure"), 1), 2));
        assert!(!is_to_be_repeated(&run("completed", Some("failure"), 2), 2), "it was");
        assert!(!is_to_be_repeated(&run("completed", Some("success"), 1), 2));
        assert!(!is_to_be_repeated(&run("in_progress", None, 1), 2));
    }

    #[test]
    fn a_log_is_told_without_colours_and_times() {
        let text = "2026-11-24T10:00:00.1234567Z \u{1b}[31;1merror\u{1b}[0m: no\r\n  indented\n";
        assert_eq!(plain_log(text), "error: no\n  indented\n");
    }
}
