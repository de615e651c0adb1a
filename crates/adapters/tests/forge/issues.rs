//! Issues of a label, brought down as tickets.

use crate::bench::{Bench, OnGitHub};
use ppe_adapters::forge::github::tickets;
use ppe_engine::ports::{Standing, Ticket};
use serde_json::json;

type Brief<'a> = (&'a str, &'a str, Option<&'a str>, Vec<&'a str>, Standing);

fn brief(ticket: &Ticket) -> Brief<'_> {
    let needs = ticket.needs.iter().map(String::as_str).collect();
    (&ticket.key, &ticket.title, ticket.parent.as_deref(), needs, ticket.standing.clone())
}

#[tokio::test]
async fn issues_come_with_what_blocks_them_and_whose_parts_they_are() {
    let bench = OnGitHub::new();
    let ours = json!(["agents", "P1"]);
    bench.hub.rules(&json!({"issues": [
        {"number": 1, "title": "Done", "state": "closed", "reason": "completed", "labels": ours},
        {"number": 2, "title": "Given up", "state": "closed", "reason": "not_planned", "labels": ours},
        {"number": 3, "title": "T-7: Whole", "labels": ours, "parts": [4, 6], "milestone": "v2", "body": "Text"},
        {"number": 4, "title": "Part", "labels": ours, "blocked_by": [1, 5, 6]},
        {"number": 5, "title": "A pull request", "labels": ours, "is_pull": true},
        {"number": 6, "title": "Of nobody's label", "labels": ["bug"]},
    ]}));
    let settings = bench.settings();
    let found = tokio::task::spawn_blocking(move || tickets(&settings, "agents")).await.unwrap().unwrap();
    assert_eq!(found.name, "o/r: agents");
    assert_eq!(
        found.tickets.iter().map(brief).collect::<Vec<_>>(),
        [
            ("1", "Done", None, vec![], Standing::Done),
            ("2", "Given up", None, vec![], Standing::Off("closed as not planned".to_owned())),
            ("3", "T-7: Whole", None, vec![], Standing::Open),
            ("4", "Part", Some("3"), vec!["5", "6"], Standing::Open),
        ]
    );
    let whole = &found.tickets[2];
    assert_eq!(
        (whole.text.as_str(), whole.group.as_deref(), whole.place.as_str()),
        ("Text", Some("v2"), "#3")
    );
    assert_eq!(whole.labels, ["agents", "P1"]);
    bench.is_content();
}

#[tokio::test]
async fn more_issues_than_a_page_holds_all_come() {
    let bench = OnGitHub::new();
    let issue = |number: u32| json!({"number": number, "title": "One", "labels": ["a&b c"]});
    bench.hub.rules(&json!({"issues": (1..=230).map(issue).collect::<Vec<_>>()}));
    let settings = bench.settings();
    let all = tokio::task::spawn_blocking(move || tickets(&settings, "a&b c")).await.unwrap().unwrap();
    assert_eq!((all.tickets.len(), all.tickets[229].key.as_str()), (230, "230"));
    assert_eq!(bench.hub.told().requests.iter().filter(|r| r.path.ends_with("/issues")).count(), 3);
    bench.is_content();
}

#[tokio::test]
async fn a_token_that_may_not_read_issues_is_the_users_to_mend() {
    let bench = OnGitHub::new();
    let refused = json!({"message": "Resource not accessible by personal access token"});
    bench.hub.fault(&json!({"path": "/issues$", "times": 1, "status": 403, "body": refused}));
    let settings = bench.settings();
    let error = tokio::task::spawn_blocking(move || tickets(&settings, "x")).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("not accessible by personal access token"), "{error:?}");
}
