//! The clocks: the machine's, and none other. Knows nothing of what is timed.

use ppe_core::ids::Millis;
use ppe_engine::ports::Clock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall time when it was made, plus the time the machine has been awake since.
#[derive(Clone, Copy, Debug)]
pub struct AwakeClock {
    began: Millis,
    since: Instant,
}

/// Wall time, now.
pub fn wall_now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl AwakeClock {
    /// A clock that begins now, but never before `floor`: a run's time does not go back when the wall clock was set.
    pub fn starting_at_least(floor: Millis) -> Self {
        Self { began: wall_now().max(floor), since: Instant::now() }
    }
}

impl Clock for AwakeClock {
    fn now(&self) -> Millis {
        self.began.plus(u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_until(&self, at: Millis) {
        let left = at.since(self.now());
        if left > 0 {
            // A day at most: whoever waits looks again, and far-off moments need no exactness.
            tokio::time::sleep(Duration::from_millis(left.min(86_400_000))).await;
        }
    }
}
