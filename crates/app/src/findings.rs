//! What is wrong with a plan, as users read it: everything at once. Every face says it alike.

use crate::error::AppError;
use ppe_core::plan::{Checked, Finding, Level, Plan};
use ppe_core::wording::counted;
use std::fmt::{self, Write};

/// The plan, or its errors, all at once.
pub(crate) fn require(checked: Checked) -> Result<Plan, AppError> {
    let Checked { plan, findings } = checked;
    plan.ok_or_else(|| {
        let text = written(|out| list(out, &findings));
        AppError::plan(format!("the plan cannot be executed\n{}", text.trim_end()))
    })
}

/// The findings by level, the errors first.
pub(crate) fn list(out: &mut dyn Write, findings: &[Finding]) -> fmt::Result {
    let mut is_first = true;
    for (level, word) in [(Level::Error, "error"), (Level::Warning, "warning")] {
        let of_level: Vec<&Finding> = findings.iter().filter(|finding| finding.level == level).collect();
        if of_level.is_empty() {
            continue;
        }
        if !is_first {
            writeln!(out)?;
        }
        is_first = false;
        writeln!(out, "{}:", counted(of_level.len(), word))?;
        for finding in of_level {
            writeln!(out, "  {finding} [{}]", finding.code.as_str())?;
        }
    }
    Ok(())
}

/// A text that is written piece by piece. Writing to a string cannot fail.
pub(crate) fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    match write(&mut text) {
        Ok(()) => text,
        Err(fmt::Error) => unreachable!("BUG: a string that cannot be written to"),
    }
}
