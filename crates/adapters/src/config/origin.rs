//! Where a value came from.

use serde::Serialize;
use std::fmt;

/// The layer that a value came from, lowest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Origin {
    /// The program's own defaults.
    Default,
    /// A configuration file.
    File {
        /// The file as the user knows it.
        name: String,
        /// Line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The command line.
    Flag {
        /// The flag, with its dashes.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Environment { variable } => write!(f, "environment: {variable}"),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}
