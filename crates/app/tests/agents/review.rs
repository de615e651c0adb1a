//! One agent's work, looked at by another.

use crate::place::{Place, done, part, turns};
use ppe_core::event::Event;
use ppe_core::ids::TaskId;
use ppe_core::state::Review;
use serde_json::json;

#[test]
fn what_codex_finds_in_the_work_of_claude_is_mended_in_the_same_session() {
    let finding = json!({"say": "One point.", "sh": "\"$PPE_PROGRAM\" report finding '{task}-1.txt:1: says too little'"});
    let mut place = Place::new(&json!({
        "works": turns(&[part(1), part(2), done(), part(3), done()]),
        "looks": turns(&[json!({"say": "I read it.", "sh": "git log --oneline"}), finding, done()]),
    }));
    place.runs("claude", "works");
    place.knows("codex", "looks");
    place.set("PPE_REVIEW_AGENT", "codex");
    place.task("T-001", "Reviewed", &[], 2);
    place.ready();
    let run = place.ppe(&["run", "--yes"]);
    run.exits(0).says("its review found 1 thing");
    place.has_landed("T-001", &[], 3);
    let facts = place.state().task(&TaskId::new("T-001")).unwrap().facts.clone();
    assert_eq!((&facts.review, facts.attempts), (&Some(Review::Findings(1)), 2));
    let ends = place.ends("T-001");
    assert_eq!(ends[0].session, ends[1].session, "the conversation went on");
    let reviews: Vec<_> = place
        .events()
        .into_iter()
        .filter_map(|e| match e {
            Event::ReviewEnded { end, .. } => Some(end),
            _ => None,
        })
        .collect();
    let [review] = reviews.as_slice() else { panic!("{reviews:?}") };
    assert_eq!(review.findings, ["T-001-1.txt:1: says too little"]);
    assert!(review.usage.tokens() > 0, "{review:?}");
    let all = ends.iter().fold(review.usage.tokens(), |sum, end| sum + end.usage.tokens());
    assert_eq!(facts.usage.tokens(), all, "the reviewer's tokens are the task's");
    place.no_try_is_burnt();
    place.is_clean();
}
