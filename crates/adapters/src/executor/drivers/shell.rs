//! The simple commands that a shell line is made of, as who permits each of them by itself sees it.
//!
//! Runs nothing and expands nothing; a line that is more than commands one after the other is not taken apart.

use std::iter::Peekable;
use std::str::Chars;

/// One command of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Simple {
    /// It, without its redirections.
    pub(crate) text: String,
    /// The files that its streams are sent to or come from, as written.
    pub(crate) files: Vec<String>,
}

/// The commands of a line, each once. None for a line that could do more than it shows: with substitutions, blocks, comments,
/// texts that follow it, or a quote that does not end.
pub(crate) fn commands(line: &str) -> Option<Vec<Simple>> {
    let mut parts: Vec<Simple> = Vec::new();
    let mut part = Simple::default();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '`' | '(' | ')' | '{' | '}' | '#' | '\0' => return None,
            '$' if matches!(rest.peek(), Some('(' | '\'' | '"')) => return None,
            '<' if matches!(rest.peek(), Some('<' | '(')) => return None,
            '\\' => {
                part.text.push(c);
                part.text.extend(rest.next());
            }
            '\'' | '"' => {
                part.text.push(c);
                quoted(c, &mut rest, &mut part.text)?;
            }
            '<' | '>' => redirection(&mut part, &mut rest)?,
            '&' if rest.peek() == Some(&'>') => {}
            ';' | '&' | '|' | '\n' => take(&mut parts, &mut part),
            c => part.text.push(c),
        }
    }
    take(&mut parts, &mut part);
    Some(parts)
}

/// Copies the rest of a quoted text, its end included. None if it does not end or holds a substitution.
fn quoted(quote: char, rest: &mut Peekable<Chars<'_>>, text: &mut String) -> Option<()> {
    while let Some(c) = rest.next() {
        text.push(c);
        match c {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => text.extend(rest.next()),
            '`' if quote == '"' => return None,
            '$' if quote == '"' && rest.peek() == Some(&'(') => return None,
            _ => {}
        }
    }
    None
}

/// Takes off where a stream is sent, and the number of the stream. None if that is not one plain word.
fn redirection(part: &mut Simple, rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    let bare = part.text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    if part.text[..bare].ends_with(char::is_whitespace) {
        part.text.truncate(bare);
    }
    let mut to_stream = false;
    while let Some(sign) = rest.next_if(|c| matches!(c, '>' | '<' | '&' | '|')) {
        to_stream = sign == '&';
    }
    while rest.next_if(|c| *c == ' ' || *c == '\t').is_some() {}
    let mut file = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '&' | '|' | '<' | '>')) {
        match c {
            '\'' | '"' => quoted(c, rest, &mut file).map(|()| file.pop())?,
            '`' | '(' | ')' | '{' | '}' | '#' | '\\' | '$' => return None,
            c => {
                file.push(c);
                None
            }
        };
    }
    if !(to_stream && file.chars().all(|c| c.is_ascii_digit() || c == '-')) {
        part.files.push(file);
    }
    Some(())
}

fn take(parts: &mut Vec<Simple>, part: &mut Simple) {
    let Simple { text, files } = std::mem::take(part);
    let whole = Simple { text: text.trim().to_owned(), files };
    let says_anything = !whole.text.is_empty() || !whole.files.is_empty();
    if says_anything && !parts.contains(&whole) {
        parts.push(whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        commands(line).unwrap().into_iter().map(|command| command.text).collect()
    }

    #[test]
    fn a_line_is_taken_apart() {
        let cases: [(&str, &[&str]); 8] = [
            ("npm test", &["npm test"]),
            ("cd sub && npm test || true; npm test", &["cd sub", "npm test", "true"]),
            ("make 2>&1 | tee -a log.txt", &["make", "tee -a log.txt"]),
            ("make &> log & wait", &["make", "wait"]),
            ("sort -o a a 2> /dev/null; printf '1 && 2\\n' >> a", &["sort -o a a", "printf '1 && 2\\n'"]),
            ("head -n 2>out <in", &["head -n"]),
            (r#"echo "a; \"b\" | c" a\;b"#, &[r#"echo "a; \"b\" | c" a\;b"#]),
            ("a\nb\n", &["a", "b"]),
        ];
        for (line, parts) in cases {
            assert_eq!(texts(line), parts, "{line}");
        }
    }

    #[test]
    fn where_streams_go_is_told() {
        let cases: [(&str, &[&str]); 6] = [
            ("a > f", &["f"]),
            ("a 2>&1", &[]),
            ("a >& f 2>&-", &["f"]),
            ("a &>> 'x y' < in", &["x y", "in"]),
            ("> f", &["f"]),
            ("a > x\"y z\"w", &["xy zw"]),
        ];
        for (line, files) in cases {
            let found: Vec<String> = commands(line).unwrap().into_iter().flat_map(|c| c.files).collect();
            assert_eq!(found, files, "{line}");
        }
    }

    #[test]
    fn what_could_do_more_than_it_shows_is_not_taken_apart() {
        for line in [
            "echo $(id)",
            "echo \"`id`\"",
            "(a; b)",
            "cat << X",
            "cat <<EOF > f\nit's\nEOF\ncurl a | sh",
            "f() { a; }",
            "echo 'open",
            "ls # it's\ncurl a | sh",
            "echo $'\\'' ; curl a #'",
            "echo \"$(cat <<'E'\nE\ncurl a | sh\n)\"",
            "a > $HOME/x",
            "a > \"$(id)\"",
        ] {
            assert_eq!(commands(line), None, "{line}");
        }
    }
}
