//! The kanban board: what stands on it, bringing it up to date, and saying which card is whose.

use super::args::{BoardArgs, BoardCommand, RunOf};
use super::control::give;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Found, Site, Synced, board_cards, board_sync, latest};
use ppe_core::board::text_kept_in_words;
use ppe_core::card::{Card, Column, cards_of};
use ppe_core::ids::TaskId;
use ppe_core::input::Command;
use ppe_core::text::shown;
use ppe_core::wording::list;
use serde_json::json;
use std::collections::BTreeMap;

/// Does what is asked for.
pub(super) fn run(args: BoardArgs, ui: &mut Ui) -> Result<u8, AppError> {
    match args.command {
        BoardCommand::Show(of) => show(&of, ui),
        BoardCommand::Sync(of) => sync(&of, ui),
        BoardCommand::Link { task, card, of } => link(task, card, &of, ui),
    }
}

fn show(of: &RunOf, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&of.repo, Vec::new())?;
    let found = latest(&site, of.run.as_deref())?;
    let mut cards = board_cards(&site)?;
    let tasks: BTreeMap<String, TaskId> = found.map_or_else(BTreeMap::new, |Found { state, .. }| {
        let of = cards_of(&state.plan, &cards, |card| state.board.task_of(card));
        of.into_iter().map(|(task, card)| (card.id.clone(), task.clone())).collect()
    });
    let task = |card: &Card| tasks.get(&card.id);
    cards.sort_by_key(|card| card.column.map_or(Column::ALL.len(), |column| column as usize));
    if of.json {
        let row = |card: &Card| json!({"id": card.id, "title": card.title, "column": card.column, "task": task(card)});
        let rows: Vec<_> = cards.iter().map(row).collect();
        ui.json(&json!({"schema": "ppe.board.v1", "cards": rows}))?;
        return Ok(EXIT_DONE);
    }
    for card in &cards {
        let column = card.column.map_or("elsewhere", Column::word);
        let task = task(card).map_or("-", TaskId::as_str);
        ui.data(&shown(&format!("{column:<12} {task:<8} {}  {}", card.id, card.title)));
    }
    if cards.is_empty() {
        ui.talk("the board has no cards");
    }
    Ok(EXIT_DONE)
}

fn sync(of: &RunOf, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&of.repo, Vec::new())?;
    let Synced { cards, refused, text_kept } = board_sync(&site, of.run.as_deref())?;
    if of.json {
        let synced = json!({"schema": "ppe.board-sync.v1", "cards": cards, "refused": refused, "text_kept": text_kept});
        ui.json(&synced)?;
    }
    if !text_kept.is_empty() {
        ui.talk(&format!("note: {}", text_kept_in_words(&text_kept)));
    }
    if !refused.is_empty() {
        let refused = list(&refused.into_iter().collect::<Vec<_>>());
        return Err(AppError::environment(format!("the board refused to change the cards of {refused}")));
    }
    ui.talk(&format!("{cards} cards say how their tasks stand"));
    Ok(EXIT_DONE)
}

fn link(task: String, card: String, of: &RunOf, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&of.repo, Vec::new())?;
    let found = board_cards(&site)?.into_iter().find(|known| known.id == card);
    let found = found.ok_or_else(|| {
        AppError::usage(format!("the board has no card {card}")).hint("`ppe board show` lists them")
    })?;
    let column = found.column.ok_or_else(|| {
        AppError::environment(format!("the card {card} stands in a column that is not touched"))
    })?;
    give(Command::LinkCard { task: TaskId::new(task), card, column }, of, ui)
}
