//! Random lanes: which works are red, which are so only together, which do not merge, how often a check lies, and how often
//! somebody pushes meanwhile. Everything lands, nothing red does, and nobody pays for another.

use crate::world::{Faults, World};
use ppe_core::outcome::Class;
use ppe_core::policy::MergeStrategy;
use proptest::collection::btree_set;
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(crate) const TASKS: usize = 14;

fn pairs() -> impl Strategy<Value = BTreeSet<(usize, usize)>> {
    let pair = (0..TASKS - 1).prop_flat_map(|one| (Just(one), one + 1..TASKS));
    btree_set(pair, 0..5)
}

pub(crate) fn faults() -> impl Strategy<Value = Faults> {
    let (flaky, rush) = (prop_oneof![Just(0), Just(0), 1..20_u64], prop_oneof![Just(0), Just(0), 1..25_u64]);
    (btree_set(0..TASKS, 0..5), pairs(), pairs(), flaky, rush).prop_map(
        |(bad, hostile, clashing, flaky_percent, rush_percent)| Faults {
            bad,
            hostile,
            clashing,
            flaky_percent,
            rush_percent,
        },
    )
}

pub(crate) fn strategy() -> impl Strategy<Value = MergeStrategy> {
    prop_oneof![
        Just(MergeStrategy::Independent),
        Just(MergeStrategy::Priority),
        Just(MergeStrategy::Batch),
        Just(MergeStrategy::Speculative),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_good_lands_and_nobody_pays_for_another(
        faults in faults(), strategy in strategy(), check_slots in 1..5_u32, seed in any::<u64>(),
    ) {
        let mut world = World::new(TASKS, strategy, check_slots, faults.clone(), seed);
        world.play();
        prop_assert_eq!(world.in_target(), TASKS);
        let guilty = |at: &usize| faults.bad.contains(at) || faults.hostile.iter().any(|(a, b)| a == at || b == at);
        let innocent: Vec<_> = world.sent_back(Class::Ci).into_iter().filter(|at| !guilty(at)).collect();
        prop_assert!(faults.flaky_percent > 0 || innocent.is_empty(), "{innocent:?} are sent back");
        let clashes = |at: &usize| faults.clashing.iter().any(|(a, b)| a == at || b == at);
        prop_assert!(world.sent_back(Class::Conflict).iter().all(clashes));
        // Of two that clash, one gives way: never both.
        prop_assert!(world.sent_back(Class::Conflict).len() <= faults.clashing.len());
    }
}
