//! Modules in a command: what `{module}` and `{modules}` become.
//!
//! A word that is `{module}` or holds it makes the command run once for each module. `{modules}` is all of them in one
//! run; `{modules:-p %s}` writes each in a form of the tool's own, and what stands behind a bar,
//! `{modules:-p %s|--workspace}`, is written when everything is concerned.

use super::Touched;

/// One run of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The module it is for, where it is for one.
    pub module: Option<String>,
    /// Program and arguments.
    pub argv: Vec<String>,
}

/// Whether a command says where modules go.
pub fn is_used(argv: &[String]) -> bool {
    argv.iter().any(|word| word.contains(ONE) || next_list(word).is_some())
}

/// The runs of a command. `all` are the names of all modules.
pub fn expand(argv: &[String], touched: &Touched, all: &[String]) -> Vec<Run> {
    let listed: Vec<String> = argv.iter().flat_map(|word| with_lists(word, touched)).collect();
    if !listed.iter().any(|word| word.contains(ONE)) {
        return vec![Run { module: None, argv: listed }];
    }
    let names = match touched {
        Touched::All => all,
        Touched::These(names) => names.as_slice(),
    };
    let run = |name: &str| listed.iter().map(|word| word.replace(ONE, name)).collect();
    if names.is_empty() {
        return vec![Run { module: None, argv: run("") }];
    }
    names.iter().map(|name| Run { module: Some(name.clone()), argv: run(name) }).collect()
}

const ONE: &str = "{module}";
const LIST: &str = "{modules";

/// A place for a list in a word: what stands before it, how each module is written, what is written for all, and what
/// stands behind it.
struct Place<'a> {
    before: &'a str,
    each: &'a str,
    whole: &'a str,
    after: &'a str,
}

fn next_list(word: &str) -> Option<Place<'_>> {
    let at = word.find(LIST)?;
    let (inside, after) = word[at + LIST.len()..].split_once('}')?;
    let form = match inside.strip_prefix(':') {
        Some(form) => form,
        None if inside.is_empty() => "%s",
        None => return None,
    };
    let (each, whole) = form.split_once('|').unwrap_or((form, ""));
    Some(Place { before: &word[..at], each, whole, after })
}

/// A word with its lists written out. One that is nothing but a list becomes as many words as that has.
fn with_lists(word: &str, touched: &Touched) -> Vec<String> {
    let Some(place) = next_list(word) else { return vec![word.to_owned()] };
    let text = match touched {
        Touched::All => place.whole.to_owned(),
        Touched::These(names) => {
            names.iter().map(|name| place.each.replace("%s", name)).collect::<Vec<_>>().join(" ")
        }
    };
    if place.before.is_empty() && place.after.is_empty() {
        return text.split_whitespace().map(str::to_owned).collect();
    }
    let rest = with_lists(place.after, touched).join(" ");
    vec![format!("{}{text}{rest}", place.before)]
}
