//! Names as one argument of the command line: commas stand between them, and a comma of a name's own is written `\,`.

use std::convert::Infallible;
use std::str::FromStr;

/// The names in one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl FromStr for Names {
    type Err = Infallible;

    fn from_str(argument: &str) -> Result<Self, Infallible> {
        let (mut names, mut name) = (Vec::new(), String::new());
        let mut letters = argument.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if letters.next_if_eq(&',').is_some() => name.push(','),
                ',' => names.push(std::mem::take(&mut name)),
                letter => name.push(letter),
            }
        }
        names.push(name);
        Ok(Self(names))
    }
}

/// One name as an argument of its own.
pub(crate) fn one_name(name: &str) -> String {
    name.replace(',', "\\,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(argument: &str) -> Vec<String> {
        argument.parse::<Names>().expect("any text is some names").0
    }

    #[test]
    fn commas_stand_between_names() {
        assert_eq!(names("Q1"), ["Q1"]);
        assert_eq!(names("Q1,Q2,"), ["Q1", "Q2", ""]);
        assert_eq!(names(r"Q1\, early,Q2"), ["Q1, early", "Q2"]);
        assert_eq!(names(r"a\b,c\"), [r"a\b", r"c\"]);
    }

    #[test]
    fn one_name_arrives_as_it_is() {
        for name in ["Q1", "", ",", "Q1, 2026", r"a\,b", r"a\\,,b\", r"\", "größer, schneller"] {
            assert_eq!(names(&one_name(name)), [name]);
        }
    }
}
