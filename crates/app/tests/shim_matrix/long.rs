//! Kills at moments nobody chose, and programs that try to get away. Only in `make test-all`.

use std::time::Duration;

use ppe_adapters::executor::job::Settled;

use crate::kills::{AGENT, Fate, complaints};
use crate::world::{World, eventually, kill, outcome, run_all};

const KILL_ROUNDS: u64 = 300;
const ESCAPE_ROUNDS: u64 = 40;

/// Keeps forking, leaving its session and executing.
const ESCAPER: &str = r#"echo ran >> "$COUNT"; i=0
while [ $i -lt 60 ]; do (setsid sh -c 'setsid sleep 20 & exit 0' &); i=$((i+1)); done; exit 7"#;

/// Numbers that look random and are the same each time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn killed_at_random() {
    let seeds: Vec<u64> = (0..KILL_ROUNDS).collect();
    run_all(
        &seeds,
        |seed| format!("seed {seed}"),
        |seed| {
            let (world, mut numbers) = (World::new(AGENT), Numbers(*seed));
            let mut fate = Fate::Ended;
            let mut orchestrator = world.orchestrator("");
            for _ in 0..=numbers.below(3) {
                std::thread::sleep(Duration::from_millis(numbers.below(120)));
                orchestrator.kill().unwrap();
                let _settled = outcome(orchestrator);
                if numbers.below(10) < 3 {
                    for shim in world.shims() {
                        kill(shim);
                        fate = Fate::Any;
                    }
                }
                orchestrator = world.orchestrator("");
            }
            complaints(&world, outcome(orchestrator), fate)
        },
    );
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn escaping_programs_are_caught() {
    let seeds: Vec<u64> = (0..ESCAPE_ROUNDS).collect();
    run_all(
        &seeds,
        |seed| format!("seed {seed}"),
        |seed| {
            let (world, mut numbers) = (World::new(ESCAPER), Numbers(*seed));
            let orchestrator = world.orchestrator("");
            eventually("the program runs", || world.runs() > 0);
            std::thread::sleep(Duration::from_millis(numbers.below(30)));
            world.shims().into_iter().for_each(kill);
            let mut bad = match outcome(orchestrator) {
                Ok(Settled::Ended(_) | Settled::Lost { leftovers_alive: 0, .. }) => Vec::new(),
                other => vec![format!("{other:?}")],
            };
            let left = world.left_running();
            if !left.is_empty() {
                bad.push(format!("left running: {left:?}"));
            }
            bad
        },
    );
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn escaping_programs_are_caught_by_a_living_shim() {
    let seeds: Vec<u64> = (0..ESCAPE_ROUNDS).collect();
    run_all(
        &seeds,
        |seed| format!("round {seed}"),
        |_| {
            let world = World::new(ESCAPER);
            let exit = world.run();
            let left = world.left_running();
            let clean = left.is_empty() && exit.leftovers_alive == 0;
            if clean { Vec::new() } else { vec![format!("{exit:?}, left running: {left:?}")] }
        },
    );
}
