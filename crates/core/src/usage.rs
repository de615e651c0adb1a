//! What an agent's model work came to: tokens and money, as plain sums.
//!
//! Knows nothing of prices: money is what the agent's own program said, where it said any.

use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, those from a cache not among them.
    pub input: u64,
    /// Tokens read from a cache.
    #[serde(default)]
    pub cache_read: u64,
    /// Tokens written to a cache.
    #[serde(default)]
    pub cache_write: u64,
    /// Tokens written.
    pub output: u64,
    /// Money in millionths of a US dollar; none where the agent does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

impl Usage {
    /// Nothing used, and no money known of.
    const NONE: Self = Self { input: 0, cache_read: 0, cache_write: 0, output: 0, cost_micro_usd: None };

    /// All tokens together.
    pub fn tokens(&self) -> u64 {
        let cached = self.cache_read.saturating_add(self.cache_write);
        self.input.saturating_add(cached).saturating_add(self.output)
    }

    /// Whether nothing was used.
    pub fn is_zero(&self) -> bool {
        self.tokens() == 0 && self.cost_micro_usd.unwrap_or(0) == 0
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// What came on top of `before`, where both are running totals of one session. A total that shrank began anew.
    pub fn since(&self, before: &Self) -> Self {
        let shrank = self.tokens() < before.tokens();
        self.beyond(if shrank { &Self::NONE } else { before })
    }

    /// How much more this is than `other`, part by part; nothing where it is less.
    pub fn beyond(&self, other: &Self) -> Self {
        let part = |now: u64, then: u64| now.saturating_sub(then);
        Self {
            input: part(self.input, other.input),
            cache_read: part(self.cache_read, other.cache_read),
            cache_write: part(self.cache_write, other.cache_write),
            output: part(self.output, other.output),
            cost_micro_usd: self.cost_micro_usd.map(|now| part(now, other.cost_micro_usd.unwrap_or(0))),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        // Agents tell these numbers: a sum of absurd ones is absurd, but never the end of us.
        self.input = self.input.saturating_add(more.input);
        self.cache_read = self.cache_read.saturating_add(more.cache_read);
        self.cache_write = self.cache_write.saturating_add(more.cache_write);
        self.output = self.output.saturating_add(more.output);
        self.cost_micro_usd = match (self.cost_micro_usd, more.cost_micro_usd) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
    }
}

/// Dollars as millionths, rounded; nothing for what is no amount.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
pub fn micro_usd(dollars: f64) -> Option<u64> {
    let micro = (dollars * 1e6).round();
    (0.0..1e18).contains(&micro).then_some(micro as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: u64, output: u64, cost: Option<u64>) -> Usage {
        Usage { input, output, cost_micro_usd: cost, ..Usage::default() }
    }

    #[test]
    fn a_total_that_grew_counts_its_growth_and_one_that_shrank_counts_whole() {
        assert_eq!(usage(10, 3, Some(5)).since(&usage(4, 1, Some(2))), usage(6, 2, Some(3)));
        assert_eq!(usage(2, 1, Some(1)).since(&usage(4, 1, Some(2))), usage(2, 1, Some(1)));
        assert_eq!(usage(2, 1, None).since(&Usage::default()), usage(2, 1, None));
    }

    #[test]
    fn money_is_known_once_anyone_told_it() {
        let mut sum = usage(1, 1, None);
        sum += usage(1, 1, Some(7));
        sum += usage(1, 1, None);
        assert_eq!(sum, usage(3, 3, Some(7)));
    }

    #[test]
    fn absurd_numbers_have_absurd_sums() {
        let mut sum = usage(u64::MAX, 1, Some(u64::MAX));
        sum += usage(1, u64::MAX, Some(1));
        assert_eq!(sum, usage(u64::MAX, u64::MAX, Some(u64::MAX)));
        assert_eq!(sum.tokens(), u64::MAX);
    }

    #[test]
    fn dollars_become_millionths() {
        assert_eq!(micro_usd(0.006_123_4), Some(6_123));
        assert_eq!(micro_usd(0.0), Some(0));
        assert_eq!([micro_usd(-1.0), micro_usd(f64::NAN), micro_usd(f64::INFINITY)], [None; 3]);
    }
}
