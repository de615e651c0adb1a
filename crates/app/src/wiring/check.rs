//! One thing that the pre-flight looked at, and how it came out. Does not know what was looked at.

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckLevel {
    /// As it should be.
    Good,
    /// Worth knowing; nothing is stopped.
    Warning,
    /// Nothing can start.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// What.
    pub(crate) name: &'static str,
    /// How it came out.
    pub(crate) level: CheckLevel,
    /// In words.
    pub(crate) text: String,
    /// How to mend it.
    pub(crate) hint: Option<String>,
}

impl Check {
    /// The same as something that stops no start.
    pub(super) fn softened(self) -> Self {
        let level = if self.level == CheckLevel::Bad { CheckLevel::Warning } else { self.level };
        Self { level, ..self }
    }
}

/// As it should be.
pub(super) fn good(name: &'static str, text: impl Into<String>) -> Check {
    Check { name, level: CheckLevel::Good, text: text.into(), hint: None }
}

/// Worth knowing, and how to mend it.
pub(super) fn warning(name: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Check {
    Check { name, level: CheckLevel::Warning, text: text.into(), hint: Some(hint.into()) }
}

/// Nothing can start, and how to mend it.
pub(super) fn bad(name: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Check {
    Check { name, level: CheckLevel::Bad, text: text.into(), hint: Some(hint.into()) }
}
