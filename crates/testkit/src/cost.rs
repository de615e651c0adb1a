//! What work costs. Knows nothing of the work.

use std::time::Duration;

/// How long the calling thread has been at work: what others do to the machine is not counted.
///
/// # Panics
/// When the kernel keeps no accounts.
pub fn at_work() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that keeps accounts");
    let ns = text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number first");
    Duration::from_nanos(ns)
}
