//! The board as configured: put together for a run, looked at before one, and brought up to date without one.

use super::Site;
use super::check::{Check, bad, good};
use super::runs::{RunLock, latest, open_run};
use crate::error::AppError;
use ppe_adapters::board::{MarkdownBoard, McpBoard, McpSettings, Place, RunBoard};
use ppe_adapters::clock::wall_now;
use ppe_adapters::state_dir::RunDir;
use ppe_core::board::without_progress;
use ppe_core::card::{Card, Column, Seen, find_cards};
use ppe_core::decide::decide;
use ppe_core::ids::TaskId;
use ppe_core::input::Input;
use ppe_core::plan::Plan;
use ppe_core::state::State;
use ppe_engine::mirror::{has_moves, turn};
use ppe_engine::ports::{Board, BoardError, EventLog, Standing, Ticket, Tickets};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What its check is called.
const NAME: &str = "board";
/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);
/// Turns that bringing it up to date takes at most.
const MOST_TURNS: u32 = 6;

/// The board of a site, for a run where it has a folder to keep the server's complaints in. Nothing is started yet.
pub(super) fn open(site: &Site, dir: Option<&RunDir>) -> Result<RunBoard, AppError> {
    let board = &site.settings.board;
    let server = (!board.server.is_empty()).then(|| Place::Server(board.server.clone()));
    let url = board.url.clone().map(Place::Url);
    let place = match (server, url, &board.markdown) {
        (None, None, None) => return Ok(RunBoard::Nowhere),
        (None, None, Some(file)) => return Ok(RunBoard::Markdown(MarkdownBoard::new(site.path(file)))),
        (Some(place), None, None) | (None, Some(place), None) => place,
        _ => {
            return Err(AppError::environment("there can be one board only")
                .hint("of board.server, board.url and board.markdown set one"));
        }
    };
    let token = board.token_file.as_ref().map(|path| std::fs::read_to_string(site.path(path))).transpose();
    let token = token.map_err(|error| AppError::environment(format!("board.token_file: {error}")))?;
    Ok(RunBoard::Mcp(Box::new(McpBoard::new(McpSettings {
        place,
        project: board.project.clone(),
        token: token.map(|token| token.trim().to_owned()),
        env: site.settings.board_environment(&site.env),
        folder: site.repo.root.clone(),
        limit: CALL,
        complaints: dir.map(|dir| dir.folder().join("board.stderr")),
    }))))
}

/// The board as a plan's run would begin with it.
pub(crate) struct Loaded {
    /// What it is.
    pub(crate) kind: String,
    /// The cards of the plan's tasks.
    pub(crate) seen: Vec<Seen>,
    /// Tasks whose card is to do.
    pub(crate) todo: Vec<TaskId>,
    /// Tasks without a card.
    pub(crate) without: Vec<TaskId>,
}

impl Loaded {
    /// Tasks whose card stands in a column.
    pub(crate) fn of(&self, column: Column) -> Vec<TaskId> {
        self.seen.iter().filter(|seen| seen.column == column).map(|seen| seen.task.clone()).collect()
    }
}

/// Looks at the board for a plan; nothing without a board. Why it cannot be looked at is the inner error. Whose a card is
/// goes by what the latest run knew as well: a title may have been changed since.
pub(crate) fn load(site: &Site, plan: &Plan) -> Result<Option<Result<Loaded, BoardError>>, AppError> {
    let board = open(site, None)?;
    if !board.is_there() {
        return Ok(None);
    }
    let latest = latest(site, None)?;
    let remembered = |card: &str| remembered(&latest.as_ref()?.state, plan, card);
    let look = async {
        let kind = kind(&board, site).await?;
        // All of them first: they show how the board spells its columns.
        let seen = find_cards(plan, &board.cards(None).await?, remembered);
        let mut todo = find_cards(plan, &board.cards(Some(Column::Todo)).await?, remembered);
        todo.retain(|todo| seen.contains(todo));
        let has_card = |id: &TaskId| seen.iter().any(|seen| seen.task == *id);
        let ids = plan.tasks.iter().map(|task| task.spec.id.value.clone());
        let without = ids.filter(|id| !has_card(id)).collect();
        Ok(Loaded { kind, todo: todo.into_iter().map(|seen| seen.task).collect(), without, seen })
    };
    Ok(Some(runtime()?.block_on(look)))
}

/// The task that an earlier run knew a card to be of, if it is the same task still: another plan may use its id anew.
fn remembered<'a>(earlier: &State, plan: &'a Plan, card: &str) -> Option<&'a TaskId> {
    let id = earlier.board.task_of(card)?;
    let (then, now) = (&earlier.plan.task(id)?.spec, &plan.task(id)?.spec);
    (then.title == now.title).then_some(&now.id.value)
}

async fn kind(board: &RunBoard, site: &Site) -> Result<String, BoardError> {
    Ok(match board {
        RunBoard::Nowhere => "none".to_owned(),
        RunBoard::Mcp(board) => board.kind().await?,
        RunBoard::Markdown(_) => site.settings.board.markdown.clone().unwrap_or_default(),
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, AppError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// A board that cannot be reached or read, as an error.
pub(crate) fn lost(error: &BoardError) -> AppError {
    match error {
        BoardError::Lost(why) => AppError::environment(format!("the board cannot be reached: {why}"))
            .hint("a server of Vibe Kanban needs its application to run; `ppe doctor` looks again"),
        BoardError::Refused(why) => AppError::environment(format!("the board cannot be read: {why}")),
    }
}

/// Whether the board answers, if there is one.
pub(super) fn check(site: &Site) -> Option<Check> {
    let hint = "start what is behind it, or run with `--no-board`";
    let look = |board: RunBoard| -> Result<String, String> {
        let look = async {
            let kind = kind(&board, site).await?;
            Ok::<_, BoardError>(format!("{kind}: {} cards", board.cards(None).await?.len()))
        };
        let runtime = runtime().map_err(|error| error.message)?;
        runtime.block_on(look).map_err(|error| error.to_string())
    };
    match open(site, None) {
        Ok(RunBoard::Nowhere) => None,
        Ok(board) => Some(look(board).map_or_else(|why| bad(NAME, why, hint), |text| good(NAME, text))),
        Err(error) => Some(bad(NAME, error.message, error.hints.join("; "))),
    }
}

/// All cards of the board, with the tasks that they are of in the latest run or the given plan.
pub(crate) fn cards(site: &Site) -> Result<Vec<Card>, AppError> {
    let board = open(site, None)?;
    if !board.is_there() {
        return Err(no_board());
    }
    runtime()?.block_on(board.cards(None)).map_err(|error| lost(&error))
}

/// All cards as tickets, with what they say.
pub(super) fn tickets(site: &Site) -> Result<Tickets, AppError> {
    let board = open(site, None)?;
    if !board.is_there() {
        return Err(no_board());
    }
    let look = async {
        let mut tickets = Vec::new();
        for mut card in board.cards(None).await? {
            let text = match card.description.take() {
                Some(text) => text,
                None => match board.card(&card.id).await {
                    Ok(there) => there.description,
                    // It is gone by now.
                    Err(BoardError::Refused(_)) => continue,
                    Err(lost) => return Err(lost),
                },
            };
            tickets.push(ticket(card, without_progress(&text)));
        }
        Ok(Tickets { name: kind(&board, site).await?, tickets })
    };
    runtime()?.block_on(look).map_err(|error| lost(&error))
}

/// A card goes by its title. It stands where people put it; what is under way is to be done as far as a plan goes.
fn ticket(card: Card, text: String) -> Ticket {
    let standing = match card.column {
        Some(Column::Done) => Standing::Done,
        Some(Column::Cancelled) => Standing::Off("cancelled".to_owned()),
        Some(Column::Todo | Column::InProgress | Column::InReview) | None => Standing::Open,
    };
    Ticket {
        key: card.id,
        place: format!("card `{}`", card.title),
        title: card.title,
        text,
        standing,
        ..Ticket::default()
    }
}

fn no_board() -> AppError {
    AppError::environment("there is no board").hint(
        "[board] server = [\"npx\", \"-y\", \"vibe-kanban@0.1.8\", \"--mcp\"], or markdown = \"BOARD.md\"",
    )
}

/// What bringing cards up to date came to.
#[derive(Default)]
pub(crate) struct Synced {
    /// How many cards the run has.
    pub(crate) cards: usize,
    /// The tasks whose cards could not be changed.
    pub(crate) refused: BTreeSet<TaskId>,
    /// The tasks whose cards do not say how they stand, since the board would replace a person's words there.
    pub(crate) text_kept: BTreeSet<TaskId>,
}

/// Brings the cards of the latest run up to date, where no process is at it.
pub(crate) fn sync(site: &Site, run: Option<&str>) -> Result<Synced, AppError> {
    let found = latest(site, run)?
        .ok_or_else(|| AppError::environment("this repository has no run").hint("`ppe run` starts one"))?;
    let board = open(site, Some(&found.dir))?;
    if !board.is_there() {
        return Err(no_board());
    }
    let _lock = RunLock::take(site, "ppe board sync", Some(&found.id))?;
    let (mut log, mut state, _) = open_run(&found.dir)?;
    let runtime = runtime()?;
    let (url, mut written, mut synced) = (super::forge::change_url(site), BTreeMap::new(), Synced::default());
    for turns in 0..MOST_TURNS {
        let mut taken = runtime.block_on(turn(&board, &state, &written, url.as_deref()));
        let observed = taken.observed();
        synced.refused = taken.refused;
        synced.text_kept.append(&mut taken.text_kept);
        written.append(&mut taken.written);
        taken.seen.map_err(|why| lost(&BoardError::Lost(why)))?;
        let decision = decide(&mut state, wall_now(), Input::Observed(observed));
        if !decision.record.events.is_empty() {
            log.append(&[serde_json::to_string(&decision.record)?]).map_err(AppError::environment)?;
        }
        if turns > 0 && !has_moves(&state, &synced.refused) {
            break;
        }
    }
    Ok(Synced { cards: state.board.cards.len(), ..synced })
}
