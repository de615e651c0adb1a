//! What every board must do, whatever it is called and however it is reached.

use crate::{board, settings, wait};
use ppe_adapters::board::{McpBoard, Place, RunBoard};
use ppe_core::board::with_progress;
use ppe_core::card::Column;
use ppe_engine::ports::{Board, BoardError, CardChange};
use ppe_testkit::board::{PROJECT, Shelf, TOKEN};
use serde_json::json;

/// The cards are listed, shown and changed, and the board is content with how it was asked.
async fn conforms(shelf: &Shelf, board: McpBoard) {
    let kind = board.kind().await.unwrap();
    let board = RunBoard::Mcp(Box::new(board));
    let cards = board.cards(None).await.unwrap();
    assert_eq!(cards.len(), shelf.cards().len(), "not one page of them");
    assert!(cards.iter().all(|card| card.column == Some(Column::Todo)));
    let id = shelf.card("T-001").id;
    let before = board.card(&id).await.unwrap();
    assert_eq!((before.column, before.description.as_str()), (Some(Column::Todo), "As a person wrote it."));
    let texts = board.texts().await.unwrap();
    assert_eq!(texts.is_some(), kind.starts_with("Kandev"), "{kind}");
    if let Some(texts) = texts {
        assert_eq!((texts.len(), texts.get(&id)), (cards.len(), Some(&before)), "one list shows it all");
    }
    for column in Column::ALL {
        board.change(&id, CardChange { column: Some(column), description: None }).await.unwrap();
        assert_eq!(board.card(&id).await.unwrap().column, Some(column));
        assert_eq!(board.cards(Some(column)).await.unwrap().iter().filter(|card| card.id == id).count(), 1);
    }
    let text = with_progress(&before.description, "1/2 commits");
    let both = CardChange { column: Some(Column::InReview), description: Some(text.clone()) };
    board.change(&id, both).await.unwrap();
    let after = board.card(&id).await.unwrap();
    assert_eq!((after.column, after.description), (Some(Column::InReview), text.clone()));
    board.change(&id, CardChange { column: None, description: Some(before.description) }).await.unwrap();
    assert_eq!(shelf.card("T-001").description, "As a person wrote it.");
    assert!(matches!(board.card("no-such").await, Err(BoardError::Refused(_))));
    shelf.is_content();
}

fn titles(many: usize) -> Vec<String> {
    (1..=many).map(|number| format!("T-{number:03}: Part {number}")).collect()
}

fn every_dialect(dialect: &str) {
    let folder = tempfile::tempdir().unwrap();
    let titles = titles(230);
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let (shelf, board) = board(folder.path(), dialect, &titles);
    wait(conforms(&shelf, board));
}

#[test]
fn vibe_kanban_with_tasks() {
    every_dialect("tasks");
}

#[test]
fn a_server_of_tasks_whose_project_is_fixed_is_given_none() {
    every_dialect("tasks-fixed");
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path(), "tasks-fixed", &["T-001: One"]);
    let mut settings = settings(Place::Server(shelf.server()), folder.path());
    settings.project = Some(PROJECT.to_owned());
    wait(conforms(&shelf, McpBoard::new(settings)));
}

#[test]
fn columns_are_written_as_the_board_itself_spells_them() {
    for dialect in ["issues-0.1.12", "issues", "indie"] {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, board) = board(folder.path(), dialect, &["T-001: One", "T-002: Two"]);
        shelf.name_columns(&json!({"todo": "To-Do", "inprogress": "Doing"}));
        shelf.person("T-002", |card| card.column = "inprogress".to_owned());
        let board = RunBoard::Mcp(Box::new(board));
        wait(async {
            assert_eq!(board.cards(None).await.unwrap().len(), 2, "{dialect}");
            for column in [Column::InProgress, Column::Todo] {
                let change = CardChange { column: Some(column), description: None };
                board.change(&shelf.card("T-001").id, change).await.unwrap();
                assert_eq!(
                    board.cards(Some(column)).await.unwrap().len(),
                    if column == Column::Todo { 1 } else { 2 }
                );
            }
        });
        let calls = shelf.calls();
        let written =
            calls.iter().filter(|call| call.tool == "update_issue").map(|call| &call.with["status"]);
        assert_eq!(written.collect::<Vec<_>>(), ["Doing", "To-Do"], "{dialect}");
        shelf.is_content();
    }
}

#[test]
fn vibe_kanban_with_the_first_issues() {
    every_dialect("issues-0.1.12");
}

#[test]
fn vibe_kanban_with_issues() {
    every_dialect("issues");
}

#[test]
fn the_indie_fork() {
    every_dialect("indie");
}

#[test]
fn kandev() {
    every_dialect("kandev");
}

#[test]
fn a_server_that_speaks_only_the_protocol_of_2026() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path(), "tasks", &["T-001: One"]);
    let board = McpBoard::new(settings(Place::Server(shelf.new_server()), folder.path()));
    wait(conforms(&shelf, board));
}

#[test]
fn servers_at_an_address_in_both_eras() {
    for era in ["old", "new"] {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path(), "kandev", &["T-001: One", "T-002: Two"]);
        let server = shelf.at_address(era);
        let mut at = settings(Place::Url(server.url.clone()), folder.path());
        let stranger = wait(McpBoard::new(at.clone()).kind());
        assert!(matches!(stranger, Err(BoardError::Lost(_))), "{era}: without the token: {stranger:?}");
        at.token = Some(TOKEN.to_owned());
        wait(conforms(&shelf, McpBoard::new(at)));
    }
}

#[test]
fn the_call_of_old_finds_what_is_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (shelf, board) = board(folder.path(), "tasks", &["T-001: One", "T-002: Two"]);
    shelf.person("T-002", |card| card.column = "done".to_owned());
    wait(async {
        let cards = RunBoard::Mcp(Box::new(board)).cards(Some(Column::Todo)).await.unwrap();
        assert_eq!(cards.len(), 1);
    });
    let call = shelf.calls().into_iter().find(|call| call.tool == "list_tasks").unwrap();
    assert_eq!((&call.with["project_id"], &call.with["status"]), (&json!(PROJECT), &json!("todo")));
}
