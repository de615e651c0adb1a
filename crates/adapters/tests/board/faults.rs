//! Boards that are not there, are something else, or do something else.

use crate::{board, settings, wait};
use ppe_adapters::board::{McpBoard, Place, RunBoard};
use ppe_core::board::with_progress;
use ppe_core::card::Column;
use ppe_engine::ports::{Board, BoardError, CardChange, Changed};
use ppe_testkit::board::{PROJECT, Shelf};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[track_caller]
fn lost(board: McpBoard) -> String {
    match wait(board.kind()) {
        Err(BoardError::Lost(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_board_is_refused_with_the_tools_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (_shelf, board) = board(folder.path(), "strange", &[]);
    let why = lost(board);
    assert!(why.ends_with("is no board that is known; it has echo"), "{why}");
}

#[test]
fn of_several_projects_one_has_to_be_named() {
    for dialect in ["tasks", "issues", "indie", "kandev"] {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path(), dialect, &["T-001"]);
        shelf.add_project("another", "Theirs");
        let mut settings = settings(Place::Server(shelf.server()), folder.path());
        let why = lost(McpBoard::new(settings.clone()));
        assert!(why.contains(&format!("Ours ({PROJECT}), Theirs (another)")), "{why}");
        settings.project = Some(PROJECT.to_owned());
        let kind = wait(McpBoard::new(settings).kind()).unwrap();
        assert!(kind.ends_with(PROJECT), "{kind}");
    }
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let at = |argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        McpBoard::new(settings(Place::Server(argv), folder.path()))
    };
    assert!(lost(at(&["no-such-program"])).contains("No such file"));
    let why = lost(at(&["sh", "-c", "echo started >&2; echo 'cannot find the backend' >&2; exit 3"]));
    assert!(why.ends_with("; its last words: cannot find the backend"), "{why}");
    let said = std::fs::read_to_string(folder.path().join("board.stderr")).unwrap();
    assert_eq!(said, "started\ncannot find the backend\n".repeat(2), "both ways of greeting it");
    lost(McpBoard::new(settings(Place::Url("http://127.0.0.1:9/mcp".to_owned()), folder.path())));
}

#[test]
fn a_board_whose_server_was_killed_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (shelf, board) = board(folder.path(), "tasks", &["T-001"]);
    let board = RunBoard::Mcp(Box::new(board));
    wait(async {
        assert_eq!(board.cards(None).await.unwrap().len(), 1);
        shelf.fault(&json!({"dead": true}));
        assert!(matches!(board.cards(None).await, Err(BoardError::Lost(_))));
        assert!(matches!(board.cards(None).await, Err(BoardError::Lost(_))));
        shelf.fault(&Value::Null);
        assert_eq!(board.cards(None).await.unwrap().len(), 1);
    });
}

#[test]
fn a_backend_that_does_not_run_is_told_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let (shelf, board) = board(folder.path(), "tasks", &["T-001"]);
    shelf.fault(&json!({"error": "Failed to connect to VK API"}));
    let why = lost(board);
    assert_eq!(why, "Failed to connect to VK API");
}

#[test]
fn a_server_that_hangs_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path(), "tasks", &["T-001"]);
    let mut settings = settings(Place::Server(shelf.server()), folder.path());
    settings.limit = Duration::from_secs(5);
    let board = RunBoard::Mcp(Box::new(McpBoard::new(settings)));
    wait(async {
        board.cards(None).await.unwrap();
        shelf.fault(&json!({"slow_ms": 60_000}));
        let start = Instant::now();
        assert!(matches!(board.cards(None).await, Err(BoardError::Lost(_))));
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    });
}

#[test]
fn a_text_of_a_persons_that_the_board_would_replace_is_not_written() {
    for dialect in ["tasks", "issues-0.1.12", "issues", "indie"] {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, board) = board(folder.path(), dialect, &["T-001"]);
        shelf.person("T-001", |card| card.description = "As in @template, or mail a@.".to_owned());
        let board = RunBoard::Mcp(Box::new(board));
        let id = shelf.card("T-001").id;
        wait(async {
            let text = with_progress(&board.card(&id).await.unwrap().description, "1/2 commits");
            let change = CardChange { column: Some(Column::InProgress), description: Some(text) };
            let changed = board.change(&id, change).await;
            assert_eq!(changed, Ok(Changed::TextKept), "{dialect}: and that is told");
        });
        let card = shelf.card("T-001");
        assert_eq!(card.description, "As in @template, or mail a@.", "{dialect}");
        assert_eq!(card.column, "inprogress", "{dialect}: it is moved all the same");
    }
}

#[test]
fn a_list_is_read_to_its_end_however_small_its_pages_are() {
    for dialect in ["issues", "indie"] {
        let folder = tempfile::tempdir().unwrap();
        let titles: Vec<String> = (1..=60).map(|number| format!("T-{number:03}")).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let (shelf, board) = board(folder.path(), dialect, &titles);
        shelf.fault(&json!({"page": 25}));
        let board = RunBoard::Mcp(Box::new(board));
        assert_eq!(wait(board.cards(None)).unwrap().len(), 60, "{dialect}");
        let lists = shelf.calls().iter().filter(|call| call.tool == "list_issues").count();
        assert_eq!(lists, 3, "{dialect}: it says how many there are, so that the end is known");
    }
}

#[test]
fn more_cards_than_are_read_are_an_error_and_not_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let titles: Vec<String> = (1..=5_001).map(|number| format!("T-{number:04}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let (_shelf, board) = board(folder.path(), "tasks", &titles);
    let error = wait(RunBoard::Mcp(Box::new(board)).cards(None)).unwrap_err();
    let BoardError::Refused(why) = error else { panic!("the server is there: {error:?}") };
    assert!(why.contains("more than 5000 cards"), "{why}");
}

#[test]
fn a_server_ends_with_whoever_started_it() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let shelf = Shelf::new(folder.path(), "tasks", &["T-001"]);
    let script = format!("echo $$ > {}; sleep 300 & exec {}", pid.display(), shelf.server().join(" "));
    let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
    wait(async {
        let board = RunBoard::Mcp(Box::new(McpBoard::new(settings(Place::Server(argv), folder.path()))));
        board.cards(None).await.unwrap();
    });
    let group = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let start = Instant::now();
    while nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), None).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10), "processes of the server are left");
        std::thread::sleep(Duration::from_millis(20));
    }
}
