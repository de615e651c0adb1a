//! The keys of the board: where it is, and which of its projects is meant.

use super::key::{Key, command, key, text};
use super::settings::Settings;

/// The keys of `[board]`.
pub(super) static BOARD_KEYS: &[Key<Settings>] = &[
    key(
        "board.server",
        command(|s, argv| s.board.server = argv),
        &[],
        "The command of a board's server, which speaks the Model Context Protocol on its standard streams. By default there is no board.",
    ),
    key(
        "board.url",
        text(|s, t| s.board.url = Some(t)),
        &[],
        "The address of a board's server, which speaks streamable HTTP.",
    ),
    key(
        "board.token_file",
        text(|s, t| s.board.token_file = Some(t)),
        &[],
        "A file with the token for that address and nothing else.",
    ),
    key(
        "board.markdown",
        text(|s, t| s.board.markdown = Some(t)),
        &[],
        "A Markdown file that is the board: headings such as `Backlog`, `In progress`, `Review` and `Done`, and a list below each.",
    ),
    key(
        "board.project",
        text(|s, t| s.board.project = Some(t)),
        &["VIBEKANBAN_PROJECT_ID"],
        "The board's project, by its id; a workflow of Kandev. By default the only one there is.",
    ),
];
