//! Accounts that have too little: how long they rest, how many may try again, and how that grows back.
//!
//! One shortage is one episode, however many agents meet it: it halves what may work at once and opens the breaker. Time
//! and good ends widen it again, one at a time.

use super::Decider;
use crate::event::Event;
use crate::ids::Millis;
use crate::outcome::Shortage;
use crate::state::State;

/// How long an account rests that did not say for how long: at first, and at most, ms.
const REST_MS: (u64, u64) = (60_000, 900_000);
/// The same for one whose allowance is spent.
const ALLOWANCE_MS: (u64, u64) = (300_000, 3_600_000);
/// A rest beyond this is a mistake: no allowance comes back later than in a week. Milliseconds.
const LONGEST_REST_MS: u64 = 8 * 24 * 3_600_000;
/// Without a further shortage for so long, one more may work at once, ms.
const WIDEN_MS: u64 = 300_000;

impl Decider<'_> {
    /// An agent's account had too little. `users` used it when that was found, this agent among them.
    pub(super) fn shortage(
        &mut self,
        agent: &str,
        users: u32,
        (shortage, stated): (Shortage, Option<Millis>),
        why: &str,
    ) {
        let account = self.state.account(agent).to_owned();
        let before = self.state.breakers.get(&account);
        let (width, strikes) = before.map_or((users, 0), |b| (b.width.min(users), b.strikes));
        let open = before.and_then(|b| b.until);
        let until = match (open, stated) {
            // The same episode: only a later reset is news.
            (Some(until), Some(stated)) if self.plausible(stated, strikes) > until => {
                self.plausible(stated, strikes)
            }
            (Some(_), _) => return,
            (None, Some(stated)) => self.plausible(stated, strikes),
            (None, None) => self.now.plus(rest_ms(self.state, &account, shortage, strikes)),
        };
        let width = if open.is_some() { width } else { (width / 2).max(1) };
        let why = why.to_owned();
        self.emit(Event::BreakerOpened { account, until, shortage, width, why });
    }

    /// A stated moment, as far as it can be one: after shortages in a row not at once, and never later than any reset is.
    fn plausible(&self, stated: Millis, strikes: u32) -> Millis {
        let least = self.now.plus(1_000 << strikes.min(10));
        stated.clamp(least, self.now.plus(LONGEST_REST_MS))
    }

    /// Lets every account be tried again, whatever it said.
    pub(super) fn open_accounts(&mut self) -> bool {
        let closed = self.state.breakers.iter().filter(|(_, breaker)| breaker.until.is_some());
        let closed: Vec<_> = closed.map(|(account, _)| account.clone()).collect();
        for account in &closed {
            self.account_opens(account.clone());
        }
        !closed.is_empty()
    }

    fn account_opens(&mut self, account: String) {
        let widens = self.now.plus(WIDEN_MS);
        self.emit(Event::BreakerClosed { account, widens });
    }

    fn account_widens(&mut self, account: String) {
        let widens = self.now.plus(WIDEN_MS);
        self.emit(Event::BreakerWidened { account, widens });
    }

    /// An agent's account served it to a good end.
    pub(super) fn served(&mut self, agent: &str) {
        let account = self.state.account(agent).to_owned();
        if self.state.breakers.get(&account).is_some_and(|breaker| breaker.until.is_none()) {
            self.account_widens(account);
        }
    }

    /// Accounts whose time is over, and those that were long without a shortage.
    pub(super) fn accounts_due(&mut self) {
        let now = self.now;
        let over = |until: Option<Millis>| until.is_some_and(|until| until <= now);
        let due: Vec<_> =
            self.state.breakers.iter().filter(|(_, b)| over(b.until)).map(|(a, _)| a.clone()).collect();
        for account in due {
            self.account_opens(account);
        }
        let wider: Vec<_> = self
            .state
            .breakers
            .iter()
            .filter(|(_, b)| b.until.is_none() && b.widens <= now)
            .map(|(account, _)| account.clone())
            .collect();
        for account in wider {
            self.account_widens(account);
        }
    }
}

/// When an account is next looked at.
pub(super) fn next_account(state: &State) -> Option<Millis> {
    state.breakers.values().map(|breaker| breaker.until.unwrap_or(breaker.widens)).min()
}

/// The rest doubles with each shortage in a row, and is drawn out by up to a fifth, so that runs that were turned away
/// together do not come back together.
fn rest_ms(state: &State, account: &str, shortage: Shortage, strikes: u32) -> u64 {
    let (first, most) = match shortage {
        Shortage::Servers | Shortage::Rate => REST_MS,
        Shortage::Allowance => ALLOWANCE_MS,
    };
    let rest = (first << strikes.min(6)).min(most);
    rest + rest / 5 * u64::from(spread(&[state.run.as_str(), account], strikes)) / 100
}

/// A number below 100 that these names always give: as good as drawn, and the same after a crash. (FNV-1a.)
fn spread(names: &[&str], salt: u32) -> u32 {
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0])).chain(salt.to_le_bytes());
    bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) % 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread() {
        let drawn: std::collections::BTreeSet<u32> =
            (0..50).map(|n| spread(&[&format!("run-{n}"), "anthropic"], 0)).collect();
        assert!(drawn.len() > 25 && drawn.iter().all(|n| *n < 100), "{drawn:?}");
        assert_eq!(spread(&["a", "b"], 1), spread(&["a", "b"], 1));
        assert_ne!(spread(&["ab", ""], 1), spread(&["a", "b"], 1));
    }
}
