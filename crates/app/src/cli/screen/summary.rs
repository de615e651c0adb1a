//! stub
use ppe_core::report::Report;
pub(in crate::cli) fn summary(r: &Report) -> Vec<String> { vec![format!("{:?}", r.tasks)] }
