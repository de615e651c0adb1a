//! When GitHub may be asked again: what it said of its limits, and how long it was to be left alone.
//!
//! Sends nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::http::HeaderMap;

/// How long to wait when a limit was met and no time was said; doubled each time in a row.
const UNSAID: Duration = Duration::from_mins(1);
/// No wait is longer, whatever was said: the longest limit is by the hour.
const LONGEST: Duration = Duration::from_hours(2);
/// How long to wait before an access that was denied is tried again.
const DENIED: Duration = Duration::from_mins(1);
/// Times in a row that still double the wait.
const MOST_DOUBLED: u32 = 5;

/// Open, or closed until a moment and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gate {
    closed: Option<(SystemTime, String)>,
    /// Limits met in a row without a time said.
    unsaid: u32,
}

impl Gate {
    /// Why nothing may be asked now.
    pub(super) fn closed(&self, now: SystemTime) -> Option<String> {
        let (until, why) = self.closed.as_ref()?;
        (now < *until).then(|| format!("{why}; tried again at {}", clock(*until)))
    }

    /// Learns from an answer. A limit or a denied access closes the gate for everybody.
    pub(super) fn learn(&mut self, status: u16, headers: &HeaderMap, message: &str, now: SystemTime) {
        let said = stated_wait(status, headers, message, now);
        match said {
            Some(Wait::Said(wait)) => {
                self.unsaid = 0;
                self.close(now, wait, "GitHub's rate limit is reached");
            }
            Some(Wait::Unsaid) => {
                let wait = UNSAID * 2_u32.pow(self.unsaid.min(MOST_DOUBLED));
                self.unsaid += 1;
                self.close(now, wait, "GitHub's secondary rate limit is reached");
            }
            None if status == 401 => self.close(now, DENIED, "GitHub does not accept the token: renew it"),
            None if status < 400 => self.unsaid = 0,
            None => {}
        }
    }

    fn close(&mut self, now: SystemTime, wait: Duration, why: &str) {
        let until = now + wait.clamp(Duration::from_secs(1), LONGEST);
        if self.closed.as_ref().is_none_or(|(earlier, _)| *earlier < until) {
            self.closed = Some((until, why.to_owned()));
        }
    }
}

enum Wait {
    Said(Duration),
    Unsaid,
}

/// The wait that an answer asks for, if it speaks of a limit.
fn stated_wait(status: u16, headers: &HeaderMap, message: &str, now: SystemTime) -> Option<Wait> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if !matches!(status, 403 | 429 | 503) {
        return None;
    }
    if let Some(seconds) = number("retry-after") {
        return Some(Wait::Said(Duration::from_secs(seconds)));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").map(|at| UNIX_EPOCH + Duration::from_secs(at));
        return Some(reset.map_or(Wait::Unsaid, |at| Wait::Said(at.duration_since(now).unwrap_or_default())));
    }
    (status == 429 || message.contains("secondary rate limit")).then_some(Wait::Unsaid)
}

/// A time of day, as everybody reads it the same.
pub(super) fn clock(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02} UTC", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_stated_wait_is_kept_to_the_second() {
        for (status, said, until) in [
            (429, headers(&[("retry-after", "30")]), 130),
            (403, headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1100")]), 1100),
            (503, headers(&[("retry-after", "999999999")]), 7_300),
        ] {
            let mut gate = Gate::default();
            gate.learn(status, &said, "", at(100));
            assert!(gate.closed(at(until - 1)).is_some(), "{status}");
            assert_eq!(gate.closed(at(until)), None, "{status}");
        }
    }

    #[test]
    fn limits_without_a_time_wait_longer_each_time_until_an_answer_is_good() {
        let mut gate = Gate::default();
        let limit = |gate: &mut Gate, now| gate.learn(403, &headers(&[]), "a secondary rate limit", at(now));
        limit(&mut gate, 0);
        assert!(gate.closed(at(59)).is_some() && gate.closed(at(60)).is_none());
        limit(&mut gate, 60);
        assert!(gate.closed(at(179)).is_some() && gate.closed(at(180)).is_none());
        gate.learn(200, &headers(&[]), "", at(180));
        limit(&mut gate, 180);
        assert!(gate.closed(at(239)).is_some() && gate.closed(at(240)).is_none());
    }

    #[test]
    fn a_token_that_is_not_accepted_closes_it_and_other_refusals_do_not() {
        let mut gate = Gate::default();
        for status in [403, 404, 422, 500] {
            gate.learn(status, &headers(&[]), "no", at(0));
            assert_eq!(gate.closed(at(0)), None, "{status}");
        }
        gate.learn(401, &headers(&[]), "Bad credentials", at(3_600));
        let why = gate.closed(at(3_600)).unwrap();
        assert_eq!(why, "GitHub does not accept the token: renew it; tried again at 01:01:00 UTC");
    }
}
