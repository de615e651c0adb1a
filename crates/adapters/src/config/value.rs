//! One value: read as its key's kind, kept, and answered as text.
//!
//! Does not know where the value stands.

use super::error::nearest;
use super::key::{Choice, Key, Kind};
use toml::de::{DeInteger, DeValue};

/// A value as it arrives.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// From a flag or variable.
    Text(&'a str),
    /// From a file.
    Toml(&'a DeValue<'a>),
}

/// Keeps `raw` as the value of `key` in `into`. The answer is the value as it is shown; or what the key allows.
pub(super) fn set<T>(key: &Key<T>, raw: Raw<'_>, into: &mut T) -> Result<String, String> {
    let refused = || must_be(key);
    match &key.kind {
        Kind::Whole { min, max, set, .. } => {
            let n = whole(raw).filter(|n| (min..=max).contains(&n)).ok_or_else(refused)?;
            set(into, n);
            Ok(n.to_string())
        }
        Kind::Real { max, set } => {
            let x = real(raw).filter(|x| *x > 0.0 && x <= max).ok_or_else(refused)?;
            set(into, x);
            Ok(x.to_string())
        }
        Kind::Count { max, set } => {
            let n = count(raw).filter(|n| n <= max).ok_or_else(refused)?;
            set(into, n);
            Ok(n.to_string())
        }
        Kind::Dollars { max, set } => {
            let most = u64::from(*max) * MICRO;
            let micro = millionths(raw).filter(|n| *n <= most).ok_or_else(refused)?;
            set(into, micro);
            Ok(dollars_text(micro))
        }
        Kind::Choice { names } => {
            let given = text(raw).map(str::trim).ok_or_else(refused)?;
            let (name, choose) =
                names.iter().find(|(name, _)| *name == given).ok_or_else(|| unchosen(key, given, names))?;
            choose(into);
            Ok((*name).to_owned())
        }
        Kind::Switch { on, off } => match switch(raw).ok_or_else(refused)? {
            Position::On => {
                on(into);
                Ok("true".to_owned())
            }
            Position::Off => {
                off(into);
                Ok("false".to_owned())
            }
        },
        Kind::Text { set } => {
            let given = text(raw).filter(|t| !t.trim().is_empty()).ok_or_else(refused)?;
            set(into, given.to_owned());
            Ok(given.to_owned())
        }
        Kind::List { set } => {
            let items = list(raw).ok_or_else(refused)?;
            let shown = list_text(&items);
            set(into, items);
            Ok(shown)
        }
        Kind::Command { set } => {
            let argv = argv(raw).ok_or_else(refused)?;
            let shown = command_text(&argv);
            set(into, argv);
            Ok(shown)
        }
    }
}

/// What a key allows, as a sentence without its end.
fn must_be<T>(key: &Key<T>) -> String {
    format!("{} must be {}", key.label(), allowed(&key.kind))
}

/// What a kind allows.
pub(super) fn allowed<T>(kind: &Kind<T>) -> String {
    match kind {
        Kind::Whole { min, max, note, .. } => format!("{min} to {max}{note}"),
        Kind::Real { max, .. } => format!("above 0 and at most {max}"),
        Kind::Count { max, .. } => format!("0 to {max}"),
        Kind::Dollars { max, .. } => format!("0 to {max}, with six decimals at most"),
        Kind::Choice { names, .. } => alternatives(names),
        Kind::Switch { .. } => "true or false".to_owned(),
        Kind::Text { .. } => "a text that is not empty".to_owned(),
        Kind::List { .. } => "a list of texts".to_owned(),
        Kind::Command { .. } => "a shell command or a list of a program and its arguments".to_owned(),
    }
}

fn alternatives<T>(names: &[Choice<T>]) -> String {
    match names {
        [] => String::new(),
        [(only, _)] => (*only).to_owned(),
        [first @ .., (last, _)] => {
            let first: Vec<&str> = first.iter().map(|(name, _)| *name).collect();
            format!("{} or {last}", first.join(", "))
        }
    }
}

/// Why a name cannot be chosen, and which was probably meant.
fn unchosen<T>(key: &Key<T>, given: &str, names: &[Choice<T>]) -> String {
    match nearest(given, names.iter().map(|(name, _)| *name)) {
        None => must_be(key),
        Some(name) => format!("{}: did you mean {name}?", must_be(key)),
    }
}

fn whole(raw: Raw<'_>) -> Option<u32> {
    match raw {
        Raw::Text(t) => t.trim().parse().ok(),
        Raw::Toml(DeValue::Integer(n)) => integer(n),
        Raw::Toml(_) => None,
    }
}

fn integer(n: &DeInteger<'_>) -> Option<u32> {
    u32::from_str_radix(n.as_str(), n.radix()).ok()
}

fn count(raw: Raw<'_>) -> Option<u64> {
    match raw {
        Raw::Text(t) => t.trim().parse().ok(),
        Raw::Toml(DeValue::Integer(n)) => u64::from_str_radix(n.as_str(), n.radix()).ok(),
        Raw::Toml(_) => None,
    }
}

/// Millionths in one.
const MICRO: u64 = 1_000_000;

/// A decimal number in millionths, exactly; nothing for one with a sign, an exponent or finer parts.
fn millionths(raw: Raw<'_>) -> Option<u64> {
    let written = match raw {
        Raw::Text(t) => t.trim(),
        Raw::Toml(DeValue::Float(x)) => x.as_str(),
        Raw::Toml(value) => return count(Raw::Toml(value))?.checked_mul(MICRO),
    };
    let (whole, parts) = written.split_once('.').unwrap_or((written, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(parts) || parts.len() > 6 {
        return None;
    }
    let parts: u64 = format!("{parts:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(MICRO)?.checked_add(parts)
}

/// Millionths as a decimal number without needless zeros.
fn dollars_text(micro: u64) -> String {
    let text = format!("{}.{:06}", micro / MICRO, micro % MICRO);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn real(raw: Raw<'_>) -> Option<f64> {
    match raw {
        Raw::Text(t) => t.trim().parse().ok(),
        Raw::Toml(DeValue::Float(x)) => x.as_str().parse().ok(),
        Raw::Toml(DeValue::Integer(n)) => integer(n).map(f64::from),
        Raw::Toml(_) => None,
    }
}

fn text(raw: Raw<'_>) -> Option<&str> {
    match raw {
        Raw::Text(t) => Some(t),
        Raw::Toml(value) => value.as_str(),
    }
}

enum Position {
    On,
    Off,
}

fn switch(raw: Raw<'_>) -> Option<Position> {
    let on = match raw {
        Raw::Toml(value) => value.as_bool()?,
        Raw::Text(t) => match t.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => return None,
        },
    };
    Some(if on { Position::On } else { Position::Off })
}

/// A list: an array of texts; in a variable also a text with commas.
fn list(raw: Raw<'_>) -> Option<Vec<String>> {
    match raw {
        Raw::Toml(value) => {
            let items = value.as_array()?.iter();
            items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        }
        Raw::Text(t) if t.trim_start().starts_with('[') => {
            let array = DeValue::parse(t.trim()).ok()?;
            list(Raw::Toml(array.get_ref()))
        }
        Raw::Text(t) => {
            Some(t.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
    }
}

/// A command: an array of program and arguments, or a text for the shell.
fn argv(raw: Raw<'_>) -> Option<Vec<String>> {
    let words = match text(raw) {
        Some(t) if matches!(raw, Raw::Toml(_)) || !t.trim_start().starts_with('[') => {
            (!t.trim().is_empty()).then(|| vec!["sh".to_owned(), "-c".to_owned(), t.to_owned()])
        }
        _ => list(raw),
    };
    words.filter(|argv| argv.first().is_some_and(|program| !program.is_empty()))
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A list as TOML writes it.
pub(super) fn list_text(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A command as it may be written in a file.
pub(super) fn command_text(argv: &[String]) -> String {
    match argv {
        [shell, option, script] if shell == "sh" && option == "-c" => quoted(script),
        _ => list_text(argv),
    }
}
