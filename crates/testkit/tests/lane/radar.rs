//! Lanes that are told beforehand who does not merge with whom: rightly, lately, wrongly. What lands is the same; what is
//! told rightly is never tried in vain.

use crate::properties::{TASKS, faults, strategy};
use crate::world::{Sight, World};
use ppe_core::outcome::Class;
use proptest::prelude::*;

fn sight() -> impl Strategy<Value = Sight> {
    prop_oneof![Just(Sight::Right), Just(Sight::Once), any::<u64>().prop_map(Sight::Wrong)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_told_of_branches_everything_lands_and_one_of_two_gives_way(
        faults in faults(), strategy in strategy(), check_slots in 1..5_u32, seed in any::<u64>(), sight in sight(),
    ) {
        let mut world = World::told(TASKS, strategy, check_slots, faults.clone(), (seed, sight));
        world.play();
        prop_assert_eq!(world.in_target(), TASKS);
        prop_assert!(world.sent_back(Class::Conflict).len() <= faults.clashing.len());
        if sight == Sight::Right {
            prop_assert_eq!(world.tried_in_vain(), 0, "what was known not to merge was put together");
        }
    }
}
