//! What moves a terminal's picture: the other screen, clearing, and drawing over what was there.
//!
//! The last row is left alone while drawing: what the user types stands there.

/// Opens the other screen.
pub(super) const ENTER: &str = "\x1b[?1049h\x1b[2J\x1b[H";
/// Goes back to the screen that was there before.
pub(super) const LEAVE: &str = "\x1b[?1049l";
/// Clears the screen.
pub(super) const CLEAR: &str = "\x1b[2J\x1b[H";

/// Draws lines from the top, over what was there, and leaves the cursor where it was.
pub(super) fn draw(lines: &[String], rows: usize) -> String {
    let mut text = String::from("\x1b7\x1b[H");
    for at in 0..rows.saturating_sub(1) {
        text.push_str(lines.get(at).map_or("", String::as_str));
        text.push_str("\x1b[K\r\n");
    }
    // The cursor's saved place is on the last row once anything was drawn.
    text.push_str("\x1b8");
    text
}

/// Puts the cursor where typing is to appear.
pub(super) fn to_input(rows: usize) -> String {
    format!("\x1b[{rows};1H")
}
