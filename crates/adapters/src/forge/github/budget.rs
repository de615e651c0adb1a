//! How much GitHub still answers this hour: where little is left, requests are spread over the time until there is more.
//!
//! REST and GraphQL have a budget each. Sends nothing and waits for nothing.

use super::gate::clock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::http::HeaderMap;

/// Less than one in so many of an hour's requests is little.
const LITTLE: u64 = 5;
/// A turn that comes later than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The REST API.
    Rest,
    /// GraphQL.
    Graph,
}

/// When a request may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// After this.
    In(Duration),
    /// Too late to wait for it, and why.
    Later(String),
}

/// What is left of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Budgets {
    rest: Budget,
    graph: Budget,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Budget {
    known: Option<Known>,
    /// The turn of the next request.
    next: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    limit: u64,
    left: u64,
    reset: SystemTime,
}

impl Budgets {
    /// The turn of a request.
    pub(super) fn turn(&mut self, resource: Resource, now: SystemTime) -> Turn {
        let (name, budget) = match resource {
            Resource::Rest => ("hourly limit", &mut self.rest),
            Resource::Graph => ("hourly limit of GraphQL", &mut self.graph),
        };
        budget
            .turn(now)
            .map_err(|(known, at)| {
                let Known { limit, left, reset } = known;
                let of = format!("{left} of {limit} requests left until {}", clock(reset));
                format!("GitHub's {name} runs low ({of}); tried again at {}", clock(at))
            })
            .map_or_else(Turn::Later, Turn::In)
    }

    /// Learns from an answer.
    pub(super) fn learn(&mut self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let (Some(limit), Some(left), Some(reset)) =
            (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), number("x-ratelimit-reset"))
        else {
            return;
        };
        let budget = match text("x-ratelimit-resource") {
            None | Some("core") => &mut self.rest,
            Some("graphql") => &mut self.graph,
            // Searches and the like, which are not used.
            Some(_) => return,
        };
        let reset = UNIX_EPOCH + Duration::from_secs(reset);
        // Answers may overtake each other.
        let left =
            budget.known.filter(|known| known.reset == reset).map_or(left, |known| known.left.min(left));
        budget.known = Some(Known { limit, left, reset });
    }
}

impl Budget {
    /// How long it is until the turn of a request that comes now; or what is left, and when to come again.
    fn turn(&mut self, now: SystemTime) -> Result<Duration, (Known, SystemTime)> {
        let little = self.known.filter(|known| known.left * LITTLE < known.limit && now < known.reset);
        let Some(known) = little else {
            self.next = None;
            return Ok(Duration::ZERO);
        };
        if known.left == 0 {
            return Err((known, known.reset));
        }
        let due = self.next.map_or(now, |next| next.max(now));
        let wait = due.duration_since(now).unwrap_or_default();
        if wait > PATIENCE {
            return Err((known, due));
        }
        let rest = known.reset.duration_since(now).unwrap_or_default();
        self.next = Some(due + rest / u32::try_from(known.left).unwrap_or(u32::MAX));
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(resource: &'static str, left: &str, reset: &str) -> HeaderMap {
        [
            ("x-ratelimit-resource", resource),
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", reset),
        ]
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_fifth_that_is_left_lasts_until_there_is_more() {
        let mut budgets = Budgets::default();
        budgets.learn(&told("core", "1000", "3600"));
        for _ in 0..100 {
            assert_eq!(budgets.turn(Resource::Rest, at(0)), Turn::In(Duration::ZERO), "a fifth is enough");
        }
        budgets.learn(&told("core", "900", "3600"));
        let mut now = at(0);
        let (mut sent, mut by_half) = (0_u64, 0);
        while now < at(3600) {
            match budgets.turn(Resource::Rest, now) {
                Turn::In(wait) => {
                    now += wait;
                    sent += 1;
                    budgets.learn(&told("core", &(900 - sent).to_string(), "3600"));
                }
                Turn::Later(_) => now += Duration::from_secs(1),
            }
            if now < at(1800) {
                by_half = sent;
            }
        }
        assert!(
            (800..=900).contains(&sent) && (400..=500).contains(&by_half),
            "{by_half}, then {sent} of 900"
        );
        budgets.learn(&told("core", "5000", "7200"));
        assert_eq!(budgets.turn(Resource::Rest, now), Turn::In(Duration::ZERO));
        assert_eq!(budgets.turn(Resource::Rest, now), Turn::In(Duration::ZERO));
    }

    #[test]
    fn a_turn_that_is_far_is_named_and_the_other_budget_is_its_own() {
        let mut budgets = Budgets::default();
        budgets.learn(&told("graphql", "40", "3600"));
        assert_eq!(budgets.turn(Resource::Graph, at(0)), Turn::In(Duration::ZERO));
        let why = "GitHub's hourly limit of GraphQL runs low (40 of 5000 requests left until 01:00:00 UTC); \
                   tried again at 00:01:30 UTC";
        for _ in 0..3 {
            assert_eq!(budgets.turn(Resource::Graph, at(0)), Turn::Later(why.to_owned()), "no turn is lost");
        }
        assert_eq!(budgets.turn(Resource::Graph, at(90)), Turn::In(Duration::ZERO));
        assert_eq!(budgets.turn(Resource::Rest, at(0)), Turn::In(Duration::ZERO));
        budgets.learn(&told("graphql", "0", "3600"));
        assert!(matches!(budgets.turn(Resource::Graph, at(3599)), Turn::Later(_)));
        assert_eq!(budgets.turn(Resource::Graph, at(3600)), Turn::In(Duration::ZERO));
    }
}
