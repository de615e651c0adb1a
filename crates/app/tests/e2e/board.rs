//! The kanban board: its cards say what is run and mirror it, people's moves are asked about, and nobody waits for it.

use crate::example::{WHOLE_PLAN, copy, landings};
use crate::{attempts, id, is_landed, place};
use ppe_core::event::Event;
use ppe_core::question::Ask;
use ppe_core::state::Step;
use ppe_testkit::board::{Call, Move, PROJECT, Shelf};
use ppe_testkit::env::{CONFIG, TestEnv};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Puts a board beside a place: a card for each title.
fn with_board(env: &TestEnv, dialect: &str, titles: &[&str]) -> Shelf {
    let shelf = Shelf::new(&env.at("."), dialect, titles);
    env.add_config(&format!("[board]\nserver = {:?}", shelf.server()));
    shelf
}

/// Three tasks, one after the other, and their cards.
fn three(dialect: &str) -> (TestEnv, Shelf) {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &["T-001"], 1);
    env.task("T-003", "Three", &[], 1);
    let shelf = with_board(&env, dialect, &["T-001: One", "T-002: Two", "T-003: Three", "Buy milk"]);
    env.ready();
    (env, shelf)
}

/// Demands that every card went its way without leaving anything out.
fn moves_are_legal(moves: &[Move]) {
    let legal = [
        ("todo", "inprogress"),
        ("inprogress", "inreview"),
        ("inreview", "done"),
        ("inreview", "inprogress"),
    ];
    for step in moves {
        assert!(legal.contains(&(&step.from, &step.to)), "{step:?}");
    }
    let mut at: BTreeMap<&str, &str> = BTreeMap::new();
    for step in moves {
        let before = at.insert(&step.card, &step.to);
        assert!(before.is_none_or(|before| before == step.from), "{step:?} after {before:?}");
    }
}

#[test]
fn the_example_plan_on_a_board_that_goes_away_and_comes_back() {
    let mut env = place();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/apigen");
    copy(&folder, &env.repo().join("plan"));
    env.add_config("[[check]]\nname = \"ci\"\nrun = \"test -d plan\"\n");
    let ids: Vec<String> = (1..=45).map(|n| format!("T-{n:03} Task {n}")).collect();
    let shelf = with_board(&env, "tasks", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    env.ready();
    let shown = env.ppe(&["plan", "show", "plan", "--json"]).exits(0).json();
    let first: Vec<String> = shown["waves"][0].as_array().unwrap()[..10]
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    for id in &first {
        shelf.person(id, |card| card.column = "done".to_owned());
    }
    env.set("VIBEKANBAN_PROJECT_ID", PROJECT);
    let run = env.spawn(&["run", "--yes"]);
    env.until("some have landed", || (landings(&env).len() >= 8).then_some(()));
    shelf.fault(&json!({"dead": true}));
    env.until_event("it is missed", |event| matches!(event, Event::BoardLost { .. }));
    shelf.fault(&Value::Null);
    let end = run.wait_for(WHOLE_PLAN);
    end.exits(0)
        .says("35 of 45 tasks to do, 10 done")
        .says("The board cannot be reached")
        .says("The board is back");
    assert_eq!(landings(&env).len(), 35, "what was done is not done again");
    assert_eq!(env.count(|event| matches!(event, Event::BoardLost { .. })), 1);
    assert_eq!(
        env.count(|event| matches!(event, Event::QuestionAsked { .. })),
        0,
        "nobody moved a card but us"
    );
    let elsewhere: Vec<_> = shelf.cards().into_iter().filter(|card| card.column != "done").collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    moves_are_legal(&shelf.moves());
    assert_eq!(shelf.moves().len(), 3 * 35);
    let text = shelf.cards().into_iter().find(|card| !first.iter().any(|id| card.title.starts_with(id)));
    let text = text.unwrap().description;
    assert!(text.starts_with("As a person wrote it.\n\n<!-- ppe: progress -->\n"), "{text}");
    assert!(text.contains(" commits\n- ") && text.contains("PR #"), "{text}");
    let asked = |call: &Call| call.tool == "list_tasks" && call.with["status"] == "todo";
    assert_eq!(shelf.calls().iter().find(|call| asked(call)).unwrap().with["project_id"], PROJECT);
    shelf.is_content();
    env.finish();
}

#[test]
fn every_dialect_mirrors_a_run() {
    for dialect in ["issues-0.1.12", "issues", "indie", "kandev"] {
        let (env, shelf) = three(dialect);
        env.ppe(&["run", "--yes"]).exits(0);
        for task in ["T-001", "T-002", "T-003"] {
            assert_eq!(shelf.card(task).column, "done", "{dialect}");
        }
        assert_eq!(shelf.card("Buy milk").column, "todo", "what is nobody's task is not touched");
        moves_are_legal(&shelf.moves());
        shelf.is_content();
        env.finish();
    }
}

#[test]
fn what_a_person_does_to_a_card_is_asked_about_and_obeyed() {
    let (mut env, shelf) = three("tasks");
    env.script("[[task]]\nid = \"T-001\"\nhang_attempts = true\nafter_commits = 1\n");
    env.set("PPE_SLOTS", "1");
    let run = env.spawn(&["run", "--yes"]);
    env.until("it is shown as being worked on", || {
        (shelf.card("T-001").column == "inprogress").then_some(())
    });
    shelf.person("T-003", |card| card.column = "cancelled".to_owned());
    let asked = |task: &str| {
        let task = id(task);
        env.until_event("a question", move |event| {
            matches!(event, Event::QuestionAsked { ask: Ask::CardMoved { task: about, .. }, .. } if *about == task)
        });
    };
    asked("T-003");
    env.ppe(&["questions"])
        .exits(0)
        .says("the card of T-003 was moved to cancelled on the board. Skip the task?");
    assert!(
        matches!(env.state().task(&id("T-003")).unwrap().step, Step::Ready { .. }),
        "nothing happens unasked"
    );
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    assert!(env.state().task(&id("T-003")).unwrap().is_closed());
    shelf.person("T-001", |card| card.column = "todo".to_owned());
    asked("T-001");
    env.ppe(&["answer", "q2", "no"]).exits(0);
    env.until("its card is put back", || (shelf.card("T-001").column == "inprogress").then_some(()));
    // The server moves cards by itself as well: that is no command.
    shelf.person("T-001", |card| card.column = "inreview".to_owned());
    env.until("its card is put back again", || (shelf.card("T-001").column == "inprogress").then_some(()));
    assert_eq!(env.count(|event| matches!(event, Event::QuestionAsked { .. })), 2);
    shelf.person("T-001", |card| card.column = "todo".to_owned());
    env.until("a third question", || {
        (env.count(|e| matches!(e, Event::QuestionAsked { .. })) == 3).then_some(())
    });
    env.ppe(&["answer", "q3", "yes"]).exits(0);
    env.until("it begins again", || (attempts(&env, "T-001") == 2).then_some(()));
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    assert_eq!(shelf.card("T-003").column, "cancelled");
    shelf.is_content();
    env.finish();
}

#[test]
fn a_board_that_is_lost_is_on_the_screen_until_it_is_back() {
    let (mut env, shelf) = three("tasks");
    env.script("[defaults]\nhang_attempts = true\nafter_commits = 1\n");
    let run = env.spawn(&["run", "--yes"]);
    env.until("it is mirrored", || (shelf.card("T-001").column == "inprogress").then_some(()));
    let lost = "The board cannot be reached";
    assert!(!env.ppe(&["status"]).exits(0).all().contains(lost));
    shelf.fault(&json!({"error": "Failed to connect to VK API"}));
    env.until_event("it is missed", |event| matches!(event, Event::BoardLost { .. }));
    env.ppe(&["status"]).exits(0).says(lost).says("Failed to connect to VK API");
    shelf.fault(&Value::Null);
    env.until_event("it is back", |event| matches!(event, Event::BoardBack));
    assert!(!env.ppe(&["status"]).exits(0).all().contains(lost));
    env.ppe(&["stop"]).exits(0);
    run.wait();
    env.finish();
}

#[test]
fn the_board_is_looked_at_as_often_as_the_dashboard_is_refreshed() {
    for (refresh, many) in [("1", true), ("3600", false)] {
        let (mut env, shelf) = three("tasks");
        env.script("[defaults]\nhang_attempts = true\nafter_commits = 1\n");
        env.set("DASHBOARD_REFRESH", refresh);
        let run = env.spawn(&["run", "--yes"]);
        env.until("both are mirrored", || {
            ["T-001", "T-003"].iter().all(|task| shelf.card(task).column == "inprogress").then_some(())
        });
        // What follows a move comes half a second after it.
        std::thread::sleep(Duration::from_secs(2));
        let lists = || shelf.calls().iter().filter(|call| call.tool == "list_tasks").count();
        let before = lists();
        if many {
            let begun = Instant::now();
            env.until("it is looked at again and again", || (lists() >= before + 2).then_some(()));
            assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        } else {
            std::thread::sleep(Duration::from_secs(4));
            let looks = lists() - before;
            assert!(looks < 2, "{looks} looks in 4 s at a refresh of {refresh} s");
        }
        env.ppe(&["stop"]).exits(0);
        run.wait();
        env.finish();
    }
}

#[test]
fn words_of_a_persons_that_a_board_would_replace_are_kept_and_it_is_said_once() {
    let (env, shelf) = three("tasks");
    shelf.person("T-001", |card| card.description = "As in @template.".to_owned());
    let told = "since the board would replace an `@word` there: T-001";
    let run = env.ppe(&["run", "--yes"]);
    run.exits(0).says(told);
    assert_eq!(run.all().matches(told).count(), 1, "{}", run.all());
    assert_eq!(
        (shelf.card("T-001").description.as_str(), shelf.card("T-001").column.as_str()),
        ("As in @template.", "done")
    );
    env.ppe(&["board", "sync"]).exits(0).says(told);
    let synced = env.ppe(&["board", "sync", "--json"]).exits(0).json();
    assert_eq!(synced["text_kept"], json!(["T-001"]));
    shelf.is_content();
    env.finish();
}

#[test]
fn a_run_that_was_killed_knows_its_own_moves() {
    let (mut env, shelf) = three("tasks");
    env.script("[[task]]\nid = \"T-003\"\nhang_attempts = 1\nafter_commits = 1\n");
    let run = env.spawn(&["run", "--yes"]);
    env.until("one is done on the board", || (shelf.card("T-002").column == "done").then_some(()));
    run.signal("KILL");
    run.wait();
    env.until("the server is gone too", || {
        env.processes().iter().all(|(_, command)| !command.contains("fake_board")).then_some(())
    });
    let before = shelf.moves().len();
    env.ppe(&["retry", "T-003"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(env.count(|event| matches!(event, Event::QuestionAsked { .. })), 0);
    assert_eq!(shelf.card("T-003").column, "done");
    assert!(shelf.moves().len() > before);
    moves_are_legal(&shelf.moves());
    env.finish();
}

#[test]
fn a_board_that_is_not_there_never_means_everything() {
    let (env, shelf) = three("tasks");
    shelf.fault(&json!({"error": "Failed to connect to VK API"}));
    env.ppe(&["doctor"]).exits(4).says("board").says("Failed to connect to VK API").says("--no-board");
    env.ppe(&["run", "--yes"]).exits(4).says("Failed to connect to VK API").says("--no-board");
    env.ppe(&["run"]).exits(4);
    assert!(env.runs().is_empty(), "nothing began");
    env.ppe(&["run", "--yes", "--no-board"]).exits(0);
    assert!(["T-001", "T-002", "T-003"].iter().all(|task| is_landed(&env, task)));
    assert_eq!(shelf.card("T-001").column, "todo");
    shelf.fault(&Value::Null);
    env.ppe(&["doctor"]).exits(0).says("Vibe Kanban, tasks").says("4 cards");
    env.ppe(&["board", "sync"]).exits(0).says("3 cards say how their tasks stand");
    assert_eq!(shelf.card("T-001").column, "done");
    shelf.is_content();
    env.finish();
}

#[test]
fn a_run_that_leaves_the_board_alone_leaves_it_alone_when_it_goes_on() {
    let (mut env, shelf) = three("tasks");
    env.script("[[task]]\nid = \"T-001\"\nclaim = \"blocked\"\n");
    env.ppe(&["run", "--yes", "--no-board"]).exits(10);
    env.ppe(&["skip", "T-001", "--satisfied"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-002"));
    assert!(shelf.moves().is_empty() && shelf.calls().is_empty(), "{:?}", shelf.calls());
    env.finish();
}

/// Runs the binary on a terminal where these lines are typed; gives what the terminal shows.
fn typed(env: &TestEnv, command: &str, lines: &str) -> String {
    let program = env!("CARGO_BIN_EXE_ppe");
    let mut terminal = env.clean(Path::new("script"));
    terminal.args(["-qec", &format!("'{program}' {command}"), "/dev/null"]);
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    terminal.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    String::from_utf8_lossy(&terminal.wait_with_output().unwrap().stdout).into_owned()
}

#[test]
fn a_yes_to_a_run_without_the_lost_board_is_remembered_also_in_the_background() {
    for command in ["run --plain", "run --plain --detach"] {
        let (mut env, shelf) = three("tasks");
        env.script("[[task]]\nid = \"T-001\"\nclaim = \"blocked\"\n");
        shelf.fault(&json!({"error": "Failed to connect to VK API"}));
        let shown = typed(&env, command, "y\ny\n");
        assert!(shown.contains("Run all 3 tasks without it?") && shown.contains("Start?"), "{shown}");
        env.until_event("one has landed", |event| matches!(event, Event::TaskClosed { .. }));
        env.until("its process has gone", || {
            env.processes().iter().all(|(_, line)| !line.contains("--plain")).then_some(())
        });
        shelf.fault(&Value::Null);
        env.ppe(&["skip", "T-001", "--satisfied"]).exits(0);
        env.ppe(&["resume", "--yes"]).exits(0);
        assert!(is_landed(&env, "T-002") && is_landed(&env, "T-003"), "{command}");
        assert!(shelf.moves().is_empty(), "{command}: {:?}", shelf.moves());
        env.finish();
    }
}

#[test]
fn cards_that_are_not_to_do_are_not_run_and_it_is_said() {
    let (env, shelf) = three("tasks");
    shelf.person("T-003", |card| card.column = "inreview".to_owned());
    env.ppe(&["run", "--yes"]).exits(0).says("2 of 3 tasks to do").says("T-003 is in review, and not run");
    assert!(is_landed(&env, "T-002") && !is_landed(&env, "T-003"));
    assert_eq!(shelf.card("T-003").column, "inreview");
    shelf.person("T-003", |card| card.column = "cancelled".to_owned());
    env.ppe(&["run", "--yes"]).exits(4).says("no card of the board that is to do");
    shelf.person("T-003", |card| card.column = "done".to_owned());
    env.ppe(&["run", "--yes", "--only", "T-003"]).exits(0);
    assert!(is_landed(&env, "T-003"), "whoever names a task wants it done, whatever its card says");
    env.finish();
}

#[test]
fn what_waits_for_a_card_that_is_not_to_do_is_said_and_not_run() {
    let (env, shelf) = three("tasks");
    shelf.person("T-001", |card| card.column = "inreview".to_owned());
    env.ppe(&["run", "--yes"]).exits(0).says("T-002 waits for T-001 (in review), and is not run");
    assert!(is_landed(&env, "T-003") && !is_landed(&env, "T-002"));
    assert_eq!(shelf.card("T-002").column, "todo");
    let nothing = env.ppe(&["run", "--yes"]);
    nothing.exits(4).says("what is to do on the board waits for what is not run");
    nothing.says("T-002 waits for T-001 (in review)");
    env.ppe(&["run", "--yes", "--with-deps"]).exits(0);
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-002"), "who takes in what is needed means it");
    env.finish();
}

#[test]
fn a_card_that_was_renamed_is_its_tasks_in_the_next_run_as_well() {
    let (env, shelf) = three("tasks");
    env.ppe(&["run", "--yes", "--only", "T-003"]).exits(0);
    shelf.person("T-003", |card| (card.title, card.column) = ("The third".to_owned(), "todo".to_owned()));
    env.ppe(&["run", "--yes", "--again", "T-003"]).exits(0).says("3 of 3 tasks to do");
    assert!(is_landed(&env, "T-003"));
    assert_eq!(shelf.card("The third").column, "done");
    shelf.is_content();
    env.finish();
}

#[test]
fn of_several_projects_one_is_named() {
    let (mut env, shelf) = three("tasks");
    shelf.add_project("another", "Theirs");
    env.ppe(&["run", "--yes"]).exits(4).says(PROJECT).says("Theirs (another)");
    env.set("VIBEKANBAN_PROJECT_ID", PROJECT);
    env.ppe(&["run", "--yes"]).exits(0);
    env.finish();
}

#[test]
fn a_card_is_shown_and_linked_by_its_id() {
    let (env, shelf) = three("tasks");
    shelf.person("T-003", |card| card.title = "The third".to_owned());
    env.ppe(&["run", "--yes", "--only", "T-003"]).exits(0).says("T-003 is without a card");
    let card = shelf.card("The third").id;
    let shown = env.ppe(&["board", "show", "--json"]).exits(0).json();
    let row = |shown: &Value| {
        let rows = shown["cards"].as_array().unwrap();
        rows.iter().find(|row| row["id"] == card.as_str()).unwrap().clone()
    };
    assert_eq!((row(&shown)["task"].clone(), row(&shown)["column"].clone()), (Value::Null, json!("todo")));
    env.ppe(&["board", "link", "T-003", "no-such"]).exits(2).says("has no card");
    env.ppe(&["board", "link", "T-003", &card]).exits(0);
    env.ppe(&["board", "sync"]).exits(0);
    assert_eq!(shelf.card("The third").column, "done");
    assert_eq!(row(&env.ppe(&["board", "show", "--json"]).exits(0).json())["task"], "T-003");
    env.ppe(&["board", "show"]).exits(0).says("Buy milk");
    env.finish();
}

#[test]
fn a_markdown_file_is_a_board() {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &["T-001"], 1);
    env.task("T-003", "Three", &[], 1);
    env.add_config("[board]\nmarkdown = \"../BOARD.md\"");
    env.ready();
    let text = "# Sprint 7\n\nMy words.\n\n## Pendiente\n\n- [ ] T-001 Uno\n- [ ] T-002 Dos\n- [ ] comprar leche\n\n\
        ## En progreso\n\n## Hecho\n\n- [x] T-000 Cero\n\n## Ideas\n\n- [ ] T-003 Tres\n";
    let file = env.at("BOARD.md");
    std::fs::write(&file, text).unwrap();
    env.ppe(&["run", "--yes"]).exits(0).says("2 of 3 tasks to do");
    assert!(is_landed(&env, "T-002") && !is_landed(&env, "T-003"));
    let now = std::fs::read_to_string(&file).unwrap();
    let ours = |line: &&str| {
        !line.starts_with("  ") && !line.starts_with("- [x] T-00") && !line.contains("T-002 Dos")
    };
    let kept: Vec<&str> = now.lines().filter(ours).collect();
    assert!(now.contains("\n- [x] T-001 Uno\n  <!-- ppe: progress -->\n  2/2 commits\n"), "{now}");
    assert!(now.find("- [x] T-000 Cero") < now.find("- [x] T-001 Uno"), "{now}");
    for line in ["My words.", "- [ ] comprar leche", "## Ideas", "- [ ] T-003 Tres"] {
        assert!(kept.contains(&line), "{now}");
    }
    env.ppe(&["board", "show"]).exits(0).says("comprar leche");
    env.finish();
}

#[test]
fn a_board_alone_is_a_plan() {
    let mut env = place();
    env.write("ppe.toml", &CONFIG.replace("[plan]\npath = \"plan\"\n", "[plan]\nsource = \"board\"\n"));
    let shelf = with_board(&env, "tasks", &["T-001: One", "T-002: Two", "T-003: Three", "Buy milk"]);
    shelf.person("T-001", |card| {
        card.description = "Say one.\n\nDependencies: T-003\n\nCommits: 2\n".to_owned();
    });
    shelf.person("T-002", |card| card.column = "done".to_owned());
    env.ready();
    env.ppe(&["plan", "check"])
        .exits(0)
        .says("card `Buy milk`:1")
        .says("no task, since the title begins with no id");
    env.ppe(&["run", "--yes"]).exits(0).says("2 of 3 tasks to do, 1 done");
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-003") && !is_landed(&env, "T-002"));
    let order = landings(&env);
    assert_eq!(order.iter().map(|(task, _)| task.as_str()).collect::<Vec<_>>(), ["T-003", "T-001"]);
    let told = shelf.card("T-001");
    assert!(
        told.column == "done" && told.description.starts_with("Say one.\n\nDependencies: T-003"),
        "{told:?}"
    );
    shelf.is_content();
    env.finish();
}
