//! Issues and cards, once they have been brought down.

use super::{folder, read_as};
use ppe_adapters::sources::write_tickets;
use ppe_core::plan::{Finding, Level, PlanSpec, Priority, check};
use ppe_engine::ports::{SourceKind, Standing, Ticket, Tickets};

fn ticket(key: &str, title: &str, text: &str) -> Ticket {
    let (key, title, text) = (key.to_owned(), title.to_owned(), text.to_owned());
    Ticket { place: format!("#{key}"), id: Some(key.clone()), key, title, text, ..Ticket::default() }
}

fn read(tickets: Vec<Ticket>) -> (PlanSpec, Vec<Finding>) {
    let folder = folder(&[]);
    let file = folder.path().join("tickets.json");
    write_tickets(&Tickets { name: "o/r: agents".to_owned(), tickets }, &file).unwrap();
    read_as(SourceKind::GitHub, &file).unwrap()
}

/// What each task waits for.
fn needs(spec: &PlanSpec) -> Vec<(String, Vec<String>)> {
    let needs =
        |task: &ppe_core::plan::TaskSpec| task.depends_on.iter().map(|id| id.value.to_string()).collect();
    spec.tasks.iter().map(|task| (task.id.value.to_string(), needs(task))).collect()
}

fn pairs(list: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    list.iter().map(|(id, needs)| ((*id).to_owned(), texts(needs))).collect()
}

#[test]
fn a_ticket_is_a_task_file_with_its_title_for_a_heading() {
    let text = "Say hello.\r\n\r\n## Dependencies\r\n- #7\r\n\r\n## Commits\r\n1. feat: a\r\n2. feat: b\r\n";
    let mut hello = ticket("12", "Hello", text);
    hello.labels = vec!["bug".to_owned(), "priority: high".to_owned()];
    hello.group = Some("v2".to_owned());
    let (spec, findings) = read(vec![ticket("7", "T-003: World", ""), hello]);
    assert_eq!(spec.name.as_ref(), "o/r: agents");
    assert_eq!(
        needs(&spec),
        pairs(&[("T-003", &[]), ("12", &["T-003"])]),
        "what a ticket is called, its tasks are not"
    );
    let task = &spec.tasks[1];
    assert_eq!(
        (task.title.as_ref(), task.priority, task.quarter.as_deref()),
        ("Hello", Priority::High, Some("v2"))
    );
    assert_eq!(task.planned_commits(), 2);
    assert!(task.body.starts_with("Say hello.\n\n## Dep"), "{:?}", task.body);
    assert!(findings.is_empty() && check(spec, findings).plan.is_some());
}

#[test]
fn parts_wait_for_whatever_the_whole_waits_for_and_stand_for_it() {
    let mut whole = ticket("2", "Whole", "");
    whole.needs = vec!["1".to_owned()];
    let part = |key: &str| Ticket { parent: Some("2".to_owned()), ..ticket(key, "Part", "") };
    let mut last = ticket("5", "Last", "");
    last.needs = vec!["2".to_owned()];
    let (spec, _) = read(vec![ticket("1", "First", ""), whole, part("3"), part("4"), last]);
    assert_eq!(needs(&spec), pairs(&[("1", &[]), ("3", &["1"]), ("4", &["1"]), ("5", &["3", "4"])]));
}

#[test]
fn what_is_over_is_done_or_left_out_with_those_that_wait_for_it() {
    let stands = |key: &str, standing: Standing| Ticket { standing, ..ticket(key, "Title", "") };
    let waits = |key: &str, need: &str| Ticket {
        needs: vec![need.to_owned()],
        ..ticket(key, "Title", "Status: done")
    };
    let off = Standing::Off("closed as not planned".to_owned());
    let (spec, findings) =
        read(vec![stands("1", Standing::Done), stands("2", off), waits("3", "1"), waits("4", "2")]);
    let done: Vec<bool> = spec.tasks.iter().map(|task| task.done.is_some()).collect();
    assert_eq!((needs(&spec), done), (pairs(&[("1", &[]), ("3", &["1"])]), vec![true, false]));
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let reason = "is left out by its status (closed as not planned)";
    assert_eq!(said[0], format!("#2:1: 2 {reason}"));
    assert!(said[1].starts_with("#4:1: 4 is left out"), "{said:?}");
}

#[test]
fn what_is_wrong_is_said_with_the_ticket_and_the_line() {
    let mut odd = ticket("9", "Odd", "Words.\n\nDependencies: T-404\n");
    odd.needs = vec!["other/repo#5".to_owned()];
    let nameless = Ticket { id: None, ..ticket("c1", "Buy milk", "") };
    let (spec, findings) = read(vec![nameless, odd]);
    let findings = check(spec, findings).findings;
    let said = |level| {
        findings.iter().filter(|f| f.level == level).map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(
        said(Level::Warning)
            .contains("#c1:1: no task, since the title begins with no id like `T-001:`: `Buy milk`")
    );
    let errors = said(Level::Error);
    assert!(errors.contains("#9:3:") && errors.contains("T-404"), "{errors}");
    assert!(errors.contains("#9:1:") && errors.contains("other/repo#5"), "{errors}");
}

#[test]
fn a_text_that_begins_with_a_heading_loses_nothing() {
    let form = "### Dependencies\n\n- #7\n\n### Commits\n\n1. feat: a\n2. feat: b\n";
    let (spec, findings) = read(vec![ticket("7", "Seven", ""), ticket("8", "Eight", form)]);
    assert_eq!(needs(&spec)[1], ("8".to_owned(), vec!["7".to_owned()]), "{findings:?}");
    assert_eq!(spec.tasks[1].planned_commits(), 2);
}

#[test]
fn who_writes_a_ticket_chooses_neither_agent_nor_model() {
    let text = "Agent: gemini\nModel: --share\nPriority: high\n\n**Model**: Pixel 7\n";
    let (spec, _) = read(vec![ticket("1", "One", text)]);
    let task = &spec.tasks[0];
    assert_eq!((&task.agent, &task.model, task.priority), (&None, &None, Priority::High));
}

#[test]
fn words_before_a_colon_are_no_ids_where_a_ticket_has_its_own() {
    let titles = [
        "P1: crash on login",
        "P1: crash on save",
        "HTTP/2: support",
        "OAuth2: login",
        "T-9: one",
        "T-10: two",
        "T-10: too",
    ];
    let numbered =
        titles.iter().zip(1..).map(|(title, key): (_, u32)| ticket(&key.to_string(), title, "")).collect();
    let (spec, findings) = read(numbered);
    let ids: Vec<String> = spec.tasks.iter().map(|task| task.id.value.to_string()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "T-9", "6", "7"]);
    assert_eq!(spec.tasks[3].title.as_ref(), "OAuth2: login");
    assert!(check(spec, findings).plan.is_some());
}

#[test]
fn parts_are_told_what_the_whole_says() {
    let part = Ticket { parent: Some("2".to_owned()), ..ticket("3", "Part", "Own words.") };
    let (spec, _) = read(vec![ticket("2", "Whole", "What it is about."), part]);
    assert_eq!(spec.tasks[0].body.as_ref(), "Own words.\n\n## Part of 2: Whole\n\nWhat it is about.\n");
}
