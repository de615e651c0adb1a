//! Time. Knows nothing of what is timed.

use ppe_core::ids::Millis;
use std::future::Future;

/// The run's clock: wall time when the process began plus time the machine has been awake since. It never runs
/// backwards, and stands still while the machine sleeps, so that a closed lid burns no time limit.
pub trait Clock: Send + Sync + 'static {
    /// Now, in milliseconds since the Unix epoch.
    fn now(&self) -> Millis;

    /// Resolves when the time has come; at once when it is over.
    fn sleep_until(&self, at: Millis) -> impl Future<Output = ()> + Send;
}
