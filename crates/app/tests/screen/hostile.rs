//! Hostile texts: nothing that a plan says can move the cursor or hide itself.

use ppe_app::cli::screen::{Letters, clean};

#[test]
fn control_and_hidden_characters_become_visible() {
    let hostile = [
        "\u{1b}[2J gone",
        "\u{1b}]52;c;aGk=\u{7} clipboard",
        "a\rb",
        "a\u{8}b",
        "\u{202e}gnp.exe",
        "zero\u{200b}width",
        "\u{9b}31m red",
    ];
    for text in hostile {
        for letters in [Letters::Unicode, Letters::Ascii] {
            let shown = clean(text, letters);
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{9b}']), "{shown:?}");
            assert!(shown.len() > 2, "it is shown, not dropped: {shown:?}");
        }
    }
}
