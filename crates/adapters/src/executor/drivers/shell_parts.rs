//! The simple commands that a shell line is made of, as programs that permit each of them by itself see it.
//!
//! Runs nothing and expands nothing; a line that is more than commands one after the other is not taken apart.

use std::iter::Peekable;
use std::str::Chars;

/// The commands of a line without their redirections, each once; nothing for a line with substitutions or blocks.
pub(super) fn commands(line: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '`' | '(' | ')' | '{' | '}' | '#' => return Vec::new(),
            '$' if rest.peek() == Some(&'(') => return Vec::new(),
            '<' if matches!(rest.peek(), Some('<' | '(')) => return Vec::new(),
            '\\' => {
                part.push(c);
                part.extend(rest.next());
            }
            '\'' | '"' => {
                part.push(c);
                if !quoted(c, &mut rest, &mut part) {
                    return Vec::new();
                }
            }
            '<' | '>' => drop_redirection(&mut part, &mut rest),
            '&' if rest.peek() == Some(&'>') => {}
            ';' | '&' | '|' | '\n' => take(&mut parts, &mut part),
            c => part.push(c),
        }
    }
    take(&mut parts, &mut part);
    parts
}

/// Copies the rest of a quoted text. Says whether it ends and holds no substitution.
fn quoted(quote: char, rest: &mut Peekable<Chars<'_>>, part: &mut String) -> bool {
    while let Some(c) = rest.next() {
        part.push(c);
        match c {
            c if c == quote => return true,
            '\\' if quote == '"' => part.extend(rest.next()),
            '`' if quote == '"' => return false,
            '$' if quote == '"' && rest.peek() == Some(&'(') => return false,
            _ => {}
        }
    }
    false
}

/// Skips where to, and takes off the number of the stream that was sent there.
fn drop_redirection(part: &mut String, rest: &mut Peekable<Chars<'_>>) {
    let bare = part.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    if part[..bare].ends_with(char::is_whitespace) {
        part.truncate(bare);
    }
    while rest.next_if(|c| matches!(c, '>' | '<' | '&' | '|')).is_some() {}
    while rest.next_if(|c| *c == ' ' || *c == '\t').is_some() {}
    let ends = |c: &char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>');
    while rest.next_if(|c| !ends(c)).is_some() {}
}

fn take(parts: &mut Vec<String>, part: &mut String) {
    let whole = part.trim().to_owned();
    part.clear();
    if !whole.is_empty() && !parts.contains(&whole) {
        parts.push(whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(commands(line), parts, "{line}");
        }
    }

    #[test]
    fn what_is_more_than_commands_is_left_alone() {
        for line in ["echo $(id)", "echo \"`id`\"", "(a; b)", "cat << X", "f() { a; }", "echo 'open", "a # b"]
        {
            assert_eq!(commands(line), [""; 0], "{line}");
        }
    }
}
