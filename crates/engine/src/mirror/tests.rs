use super::*;
use crate::ports::{CardChange, CardText};
use ppe_core::card::{Card, Column};
use ppe_core::event::Event;
use ppe_core::input::{Command, Input};
use ppe_core::policy::Policy;
use ppe_core::question::{Answer, Ask};
use ppe_core::state::{Satisfies, Step};
use ppe_testkit::drive::{Drive, plan, task};
use std::sync::Mutex;

/// A board in memory that remembers each change of a column.
#[derive(Default)]
struct Shelf {
    cards: Mutex<BTreeMap<String, (String, Column, String)>>,
    moves: Mutex<Vec<(String, Column)>>,
    /// Cards in a column that is not ours.
    aside: Mutex<BTreeSet<String>>,
    dead: Mutex<bool>,
    /// Whether its list shows what all cards say.
    shows_all: bool,
    /// Looks at all cards and at one.
    looks: Mutex<(u32, u32)>,
    /// Cards whose text stays as it is.
    kept: Mutex<BTreeSet<String>>,
    /// Cards that stay where they are, whatever is asked.
    stuck: Mutex<BTreeSet<String>>,
    /// What a person does to a card while another is written.
    meanwhile: Mutex<Option<(String, Column, String)>>,
    /// Whether it is gone after the next write.
    dies: Mutex<bool>,
}

impl Shelf {
    fn of(titles: &[&str]) -> Self {
        let shelf = Self::default();
        for (number, title) in titles.iter().enumerate() {
            shelf.put(&format!("c{number}"), title, Column::Todo);
        }
        shelf
    }

    fn put(&self, id: &str, title: &str, column: Column) {
        let text = "A person's words.".to_owned();
        self.cards.lock().unwrap().insert(id.to_owned(), (title.to_owned(), column, text));
    }

    fn person_moves(&self, id: &str, to: Column) {
        self.cards.lock().unwrap().get_mut(id).unwrap().1 = to;
    }

    fn at(&self, id: &str) -> Column {
        self.cards.lock().unwrap()[id].1
    }

    fn at_or_gone(&self, id: &str) -> Option<Column> {
        self.cards.lock().unwrap().get(id).map(|card| card.1)
    }

    fn text(&self, id: &str) -> String {
        self.cards.lock().unwrap()[id].2.clone()
    }

    fn is_heard(&self) -> Result<(), BoardError> {
        if *self.dead.lock().unwrap() { Err(BoardError::Lost("nobody there".to_owned())) } else { Ok(()) }
    }
}

impl Board for Shelf {
    fn is_there(&self) -> bool {
        true
    }

    async fn cards(&self, column: Option<Column>) -> Result<Vec<Card>, BoardError> {
        self.is_heard()?;
        self.looks.lock().unwrap().0 += 1;
        let cards = self.cards.lock().unwrap();
        let card = |(id, (title, column, _)): (&String, &(String, Column, String))| Card {
            id: id.clone(),
            title: title.clone(),
            column: (!self.aside.lock().unwrap().contains(id)).then_some(*column),
            description: None,
        };
        Ok(cards.iter().map(card).filter(|card| column.is_none() || card.column == column).collect())
    }

    async fn texts(&self) -> Result<Option<BTreeMap<String, CardText>>, BoardError> {
        if !self.shows_all {
            return Ok(None);
        }
        let all = self.cards(None).await?.into_iter();
        Ok(Some(
            all.map(|card| {
                (card.id.clone(), CardText { column: card.column, description: self.text(&card.id) })
            })
            .collect(),
        ))
    }

    async fn card(&self, id: &str) -> Result<CardText, BoardError> {
        self.is_heard()?;
        self.looks.lock().unwrap().1 += 1;
        let cards = self.cards.lock().unwrap();
        let (_, column, text) =
            cards.get(id).ok_or_else(|| BoardError::Refused("no such card".to_owned()))?;
        let column = (!self.aside.lock().unwrap().contains(id)).then_some(*column);
        Ok(CardText { column, description: text.clone() })
    }

    async fn change(&self, id: &str, change: CardChange) -> Result<Changed, BoardError> {
        self.is_heard()?;
        let mut cards = self.cards.lock().unwrap();
        if let Some((other, column, text)) = self.meanwhile.lock().unwrap().take_if(|(other, ..)| other != id)
        {
            let card = cards.get_mut(&other).unwrap();
            (card.1, card.2) = (column, text);
        }
        *self.dead.lock().unwrap() = std::mem::take(&mut *self.dies.lock().unwrap());
        let card = cards.get_mut(id).ok_or_else(|| BoardError::Refused("no such card".to_owned()))?;
        if let Some(column) = change.column.filter(|_| !self.stuck.lock().unwrap().contains(id)) {
            card.1 = column;
            self.moves.lock().unwrap().push((id.to_owned(), column));
        }
        if change.description.is_some() && self.kept.lock().unwrap().contains(id) {
            return Ok(Changed::TextKept);
        }
        if let Some(text) = change.description {
            card.2 = text;
        }
        Ok(Changed::All)
    }
}

struct Bench {
    drive: Drive,
    mirror: Mirror,
    shelf: Shelf,
}

impl Bench {
    fn new(titles: &[&str]) -> Self {
        let tasks = ["T-001", "T-002"].map(|id| task(id, "Part").phases(&[("One", 2), ("Two", 3)])).to_vec();
        let policy = Policy { stagger_ms: 0, slots: 1, ..Policy::default() };
        let drive = Drive::with(plan("Plan", tasks), policy, &[]);
        let mirror = Mirror::new(true, 30_000, Some("https://forge/pull/".to_owned()), drive.now);
        Self { drive, mirror, shelf: Shelf::of(titles) }
    }

    /// One turn, as the loop takes it.
    fn turn(&mut self) {
        assert!(self.mirror.begin());
        let (state, url) = (self.drive.state.clone(), self.mirror.change_url.clone());
        let taken = turn(&self.shelf, &state, &self.mirror.written, url.as_deref());
        let mut taken = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(taken);
        self.mirror.end(&mut taken, self.drive.now);
        self.drive.input(Input::Observed(taken.observed()));
        self.mirror.notice(&self.drive.state);
    }

    /// Turns as they come due in ten refreshes; how many these are.
    fn turns_of_ten_refreshes(&mut self) -> u32 {
        let (until, mut turns) = (self.drive.now.plus(10 * 30_000), 0);
        while self.mirror.due().is_some_and(|due| due <= until) && turns < 100 {
            self.drive.now = self.mirror.due().unwrap().max(self.drive.now);
            self.turn();
            turns += 1;
        }
        turns
    }

    /// A board that shows all cards in one list, two of which are to be moved on.
    fn with_two_landed() -> Self {
        let mut bench = Self::new(&["T-001", "T-002"]);
        bench.shelf.shows_all = true;
        bench.settle();
        bench.drive.land("T-001", 5, 7);
        bench.drive.land("T-002", 5, 8);
        bench.turn();
        bench
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            self.turn();
        }
    }

    fn asked(&self) -> Vec<Ask> {
        self.drive.state.questions.values().map(|open| open.ask.clone()).collect()
    }

    fn answer(&mut self, answer: Answer) {
        let question = *self.drive.state.questions.keys().next().expect("a question is open");
        self.drive.command(Command::Answer { question, answer });
    }
}

#[test]
fn a_card_goes_its_way_and_says_how_the_task_stands() {
    let mut bench = Bench::new(&["T-001: Part", "[T-002] Part", "T-0011 of nobody"]);
    bench.drive.sight("T-001", 3, None);
    bench.settle();
    assert_eq!((bench.shelf.at("c0"), bench.shelf.at("c1")), (Column::InProgress, Column::Todo));
    let text = bench.shelf.text("c0");
    assert!(text.starts_with("A person's words.\n\n<!--"), "{text}");
    assert!(text.contains("3/5 commits\n- One: 2/2\n- Two: 1/3\n"), "{text}");
    bench.drive.land("T-001", 5, 7);
    bench.settle();
    let moves = bench.shelf.moves.lock().unwrap().clone();
    let of_first: Vec<_> = moves.iter().filter(|(id, _)| id == "c0").map(|(_, column)| *column).collect();
    assert_eq!(of_first, [Column::InProgress, Column::InReview, Column::Done], "none is left out");
    assert!(bench.shelf.text("c0").contains("PR #7: https://forge/pull/7"), "{}", bench.shelf.text("c0"));
    assert_eq!(bench.shelf.text("c2"), "A person's words.", "what names no task of ours is not touched");
    assert_eq!(bench.asked(), []);
    let written = moves.len();
    bench.settle();
    assert_eq!(bench.shelf.moves.lock().unwrap().len(), written, "nothing is written twice");
}

#[test]
fn a_person_who_cancels_a_card_is_asked_and_obeyed() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.shelf.person_moves("c1", Column::Cancelled);
    bench.turn();
    let about = Ask::CardMoved { task: TaskId::new("T-002"), to: Column::Cancelled };
    assert_eq!(bench.asked(), [about]);
    bench.settle();
    assert_eq!(bench.shelf.at("c1"), Column::Cancelled, "it stays while the question is open");
    assert!(matches!(bench.drive.state.task(&TaskId::new("T-002")).unwrap().step, Step::Ready { .. }));
    bench.answer(Answer::No);
    bench.settle();
    assert_eq!(bench.shelf.at("c1"), Column::Todo, "kept: the card goes back");
    bench.shelf.person_moves("c1", Column::Cancelled);
    bench.turn();
    bench.answer(Answer::Yes);
    let step = &bench.drive.state.task(&TaskId::new("T-002")).unwrap().step;
    assert_eq!(*step, Step::Closed(ppe_core::state::Closure::Skipped(Satisfies::No)));
    bench.settle();
    assert_eq!(bench.shelf.at("c1"), Column::Cancelled);
    bench.shelf.person_moves("c1", Column::Todo);
    bench.turn();
    bench.answer(Answer::Yes);
    assert!(!bench.drive.state.task(&TaskId::new("T-002")).unwrap().is_closed(), "it is tried again");
}

#[test]
fn the_card_of_a_task_that_somebody_has_taken_is_put_back_unasked() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.drive.command(Command::Take { task: TaskId::new("T-002") });
    bench.settle();
    assert_eq!(bench.shelf.at("c1"), Column::InProgress);
    bench.shelf.person_moves("c1", Column::Todo);
    bench.turn();
    assert_eq!(bench.asked(), [], "a yes could not be obeyed");
    bench.settle();
    assert_eq!(bench.shelf.at("c1"), Column::InProgress);
}

#[test]
fn a_move_that_a_crash_cut_off_is_not_taken_for_a_persons() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.drive.land("T-001", 5, 7);
    bench.turn();
    // Half of the way was written; then everything but the log was lost.
    bench.shelf.person_moves("c0", Column::InReview);
    bench.mirror = Mirror::new(true, 30_000, None, bench.drive.now);
    bench.settle();
    assert_eq!((bench.shelf.at("c0"), bench.asked()), (Column::Done, vec![]));
}

#[test]
fn a_person_is_faster_than_a_write() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.drive.land("T-001", 5, 7);
    bench.turn();
    bench.shelf.person_moves("c0", Column::Cancelled);
    bench.turn();
    assert_eq!(bench.shelf.at("c0"), Column::Cancelled, "what a person moved is not written over");
    bench.settle();
    assert_eq!((bench.shelf.at("c0"), bench.asked()), (Column::Done, vec![]), "what is done stays done");
}

#[test]
fn a_question_about_a_card_is_over_when_the_card_is_put_back() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.shelf.person_moves("c1", Column::Cancelled);
    bench.turn();
    assert_eq!(bench.asked().len(), 1);
    bench.shelf.person_moves("c1", Column::Todo);
    bench.turn();
    assert_eq!(bench.asked(), []);
}

#[test]
fn a_board_that_is_lost_is_told_once_and_found_again() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    *bench.shelf.dead.lock().unwrap() = true;
    let told = |bench: &Bench| bench.drive.records.iter().map(|record| record.events.len()).sum::<usize>();
    let before = told(&bench);
    bench.settle();
    assert_eq!(told(&bench), before + 1, "one word for four turns");
    assert!(!bench.mirror.holds_end(&bench.drive.state, bench.drive.now), "nobody waits for it");
    assert_eq!(bench.mirror.due(), Some(bench.drive.now.plus(300_000)), "it is looked for ever more rarely");
    *bench.shelf.dead.lock().unwrap() = false;
    bench.turn();
    assert_eq!(bench.drive.state.board.lost, None);
}

#[test]
fn a_board_that_shows_all_is_looked_at_once_and_again_after_a_write() {
    let mut bench = Bench::with_two_landed();
    *bench.shelf.looks.lock().unwrap() = (0, 0);
    bench.turn();
    assert_eq!(*bench.shelf.looks.lock().unwrap(), (3, 0), "before each of two writes, and after them");
    assert_eq!((bench.shelf.at("c0"), bench.shelf.at("c1")), (Column::Done, Column::Done));
    assert!(bench.shelf.text("c1").starts_with("A person's words.\n\n<!--"), "{}", bench.shelf.text("c1"));
    bench.turn();
    assert_eq!(*bench.shelf.looks.lock().unwrap(), (4, 0), "there is nothing to write");
    bench.mirror.written.clear();
    bench.turn();
    assert_eq!(*bench.shelf.looks.lock().unwrap(), (6, 0), "one look shows that two cards need nothing");
}

#[test]
fn a_person_is_faster_than_a_write_where_all_cards_are_looked_at_at_once() {
    let mut bench = Bench::with_two_landed();
    let done = ("c1".to_owned(), Column::Cancelled, "Not now.".to_owned());
    *bench.shelf.meanwhile.lock().unwrap() = Some(done);
    bench.turn();
    assert_eq!((bench.shelf.at("c0"), bench.shelf.at("c1")), (Column::Done, Column::Cancelled));
    assert_eq!(bench.shelf.text("c1"), "Not now.", "what a person wrote is not written over");
    bench.settle();
    assert_eq!(bench.shelf.at("c1"), Column::Done, "what is done stays done");
    assert!(bench.shelf.text("c1").starts_with("Not now.\n\n<!--"), "{}", bench.shelf.text("c1"));
}

#[test]
fn a_card_that_no_write_reaches_is_looked_at_with_each_refresh_alone() {
    for how in ["aside", "deleted", "stuck"] {
        let mut bench = Bench::new(&["T-001", "T-002"]);
        bench.settle();
        bench.drive.to_review("T-001", 5, 7);
        bench.settle();
        match how {
            "aside" => _ = bench.shelf.aside.lock().unwrap().insert("c0".to_owned()),
            "deleted" => drop(bench.shelf.cards.lock().unwrap().remove("c0")),
            _ => _ = bench.shelf.stuck.lock().unwrap().insert("c0".to_owned()),
        }
        // Its text stays the same.
        bench.drive.land_all();
        bench.settle();
        assert!(!bench.mirror.holds_end(&bench.drive.state, bench.drive.now), "{how}: nobody waits for it");
        let turns = bench.turns_of_ten_refreshes();
        assert!((9..=11).contains(&turns), "{how}: {turns} turns in ten refreshes");
        assert_ne!(bench.shelf.at_or_gone("c0"), Some(Column::Done), "{how}");
    }
}

#[test]
fn a_text_that_cannot_be_written_is_told_once() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.shelf.kept.lock().unwrap().insert("c0".to_owned());
    bench.settle();
    bench.drive.land("T-001", 5, 7);
    bench.settle();
    let events = bench.drive.records.iter().flat_map(|record| &record.events);
    let told: Vec<_> = events.filter(|event| matches!(event, Event::CardTextsKept { .. })).collect();
    assert_eq!(told, [&Event::CardTextsKept { tasks: vec![TaskId::new("T-001")] }]);
    assert_eq!((bench.shelf.at("c0"), bench.shelf.text("c0").as_str()), (Column::Done, "A person's words."));
    assert!(!bench.mirror.holds_end(&bench.drive.state, bench.drive.now), "nobody waits for it");
}

#[test]
fn a_text_that_cannot_be_written_is_told_after_the_board_was_lost_too() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.drive.sight("T-001", 3, None);
    bench.settle();
    bench.shelf.kept.lock().unwrap().insert("c0".to_owned());
    *bench.shelf.dies.lock().unwrap() = true;
    bench.drive.sight("T-001", 4, None);
    bench.turn();
    bench.turn();
    assert!(bench.drive.state.board.lost.is_some() && bench.drive.state.board.text_kept.is_empty());
    *bench.shelf.dead.lock().unwrap() = false;
    bench.settle();
    assert_eq!(bench.drive.state.board.text_kept, BTreeSet::from([TaskId::new("T-001")]));
}

#[test]
fn the_board_is_looked_at_once_in_a_refresh_and_soon_after_a_task_has_moved() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    let ended = bench.drive.now;
    assert_eq!(bench.mirror.due(), Some(ended.plus(30_000)));
    bench.drive.land("T-001", 5, 7);
    bench.mirror.notice(&bench.drive.state);
    assert_eq!(bench.mirror.due(), Some(ended.plus(PAUSE_MS)));
}

#[test]
fn a_card_that_is_gone_holds_up_no_other() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.shelf.cards.lock().unwrap().remove("c1");
    bench.drive.land("T-001", 5, 7);
    bench.drive.land("T-002", 5, 8);
    let now = bench.drive.now;
    assert!(bench.mirror.holds_end(&bench.drive.state, now));
    bench.settle();
    assert_eq!(bench.shelf.at("c0"), Column::Done);
    assert!(!bench.mirror.holds_end(&bench.drive.state, now), "nobody waits for a card that is gone");
}

#[test]
fn a_card_that_a_person_put_aside_is_left_alone_and_written_when_it_is_back() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    let aside = |bench: &Bench, is: bool| {
        let mut aside = bench.shelf.aside.lock().unwrap();
        if is {
            aside.insert("c0".to_owned())
        } else {
            aside.remove("c0")
        };
    };
    aside(&bench, true);
    bench.drive.land("T-001", 5, 7);
    bench.drive.land("T-002", 5, 8);
    bench.settle();
    let now = bench.drive.now;
    assert!(!bench.mirror.holds_end(&bench.drive.state, now), "nobody waits for it");
    assert!(!bench.shelf.text("c0").contains("PR #7"));
    aside(&bench, false);
    bench.settle();
    assert_eq!(bench.shelf.at("c0"), Column::Done);
    assert!(bench.shelf.text("c0").contains("PR #7"), "{}", bench.shelf.text("c0"));
}

#[test]
fn an_end_that_did_not_come_is_waited_for_anew() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.drive.land("T-001", 5, 7);
    let now = bench.drive.now;
    assert!(bench.mirror.holds_end(&bench.drive.state, now));
    bench.mirror.goes_on();
    bench.drive.land("T-002", 5, 8);
    let later = now.plus(END_MS + 1);
    assert!(bench.mirror.holds_end(&bench.drive.state, later), "its cards are not written yet");
    assert!(!bench.mirror.holds_end(&bench.drive.state, later.plus(END_MS)));
}

#[test]
fn the_end_waits_for_the_last_card_but_not_for_ever() {
    let mut bench = Bench::new(&["T-001", "T-002"]);
    bench.settle();
    bench.drive.land("T-001", 5, 7);
    let now = bench.drive.now;
    assert!(bench.mirror.holds_end(&bench.drive.state, now));
    assert_eq!(bench.mirror.due(), Some(now), "a turn comes at once");
    bench.settle();
    assert!(!bench.mirror.holds_end(&bench.drive.state, now));
    bench.drive.land("T-002", 5, 8);
    assert!(bench.mirror.holds_end(&bench.drive.state, now.plus(5_000)));
    assert!(!bench.mirror.holds_end(&bench.drive.state, now.plus(5_000 + END_MS)));
    let mut nowhere = Mirror::new(false, 30_000, None, now);
    assert!(!nowhere.holds_end(&bench.drive.state, now));
    assert_eq!(nowhere.due(), None);
}
