//! The example plan in virtual time: how long it takes with one agent and with many, each beside its lower bound.

use ppe_adapters::sources::{Options, Source};
use ppe_core::plan::{Duration, Plan, check};
use ppe_core::policy::{Order, Policy, Waves};
use ppe_core::sim::{SimOptions, SimReport, simulate};
use ppe_engine::ports::{PlanSource, SourceKind};
use std::path::Path;

fn plan() -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apigen");
    let source = Source { kind: SourceKind::Markdown, path, options: Options::default() };
    let (spec, found) = source.read().expect("the example plan can be read");
    check(spec, found).plan.expect("the example plan can be run")
}

fn run(plan: &Plan, policy: &Policy, slots: u32) -> SimReport {
    simulate(plan, policy, SimOptions { slots, seed: 1, spread_percent: 0 })
        .expect("a simulated run comes to its end")
}

fn tenths_of_weeks(time: ppe_core::sim::Seconds) -> u64 {
    (time.ms / 100 + Duration::WEEK / 2) / Duration::WEEK
}

#[test]
fn more_agents_take_the_example_plan_from_120_weeks_to_10() {
    let plan = plan();
    let by_slots = |slots| {
        let report = run(&plan, &Policy { order: Order::CriticalPath, ..Policy::default() }, slots);
        (tenths_of_weeks(report.makespan_s), tenths_of_weeks(report.lower_bound_s), report.peak)
    };
    assert_eq!(by_slots(1), (1_200, 1_200, 1));
    assert_eq!(by_slots(7), (185, 171, 7));
    assert_eq!(by_slots(10), (130, 120, 10));
    assert_eq!(by_slots(31), (100, 100, 31));
}

#[test]
fn the_default_order_is_within_a_tenth_of_the_bound() {
    let plan = plan();
    for slots in [1, 3, 7, 10] {
        let report = run(&plan, &Policy::default(), slots);
        assert!(report.ratio <= 1.1, "{slots} slots: {}", report.ratio);
        assert_eq!(report.starts.len(), plan.tasks.len());
    }
}

#[test]
fn gates_between_waves_cost_time_and_end() {
    let plan = plan();
    let free = run(&plan, &Policy::default(), 7);
    for waves in [Waves::Gate, Waves::Ask] {
        let gated = run(&plan, &Policy { waves, wave_threshold: 1.0, ..Policy::default() }, 7);
        assert!(gated.makespan_s >= free.makespan_s, "{waves:?}");
    }
}

#[test]
fn the_same_simulation_has_the_same_bytes() {
    let plan = plan();
    let bytes = |seed| {
        let options = SimOptions { slots: 7, seed, spread_percent: 30 };
        serde_json::to_string(&simulate(&plan, &Policy::default(), options).expect("an end")).expect("JSON")
    };
    assert_eq!(bytes(3), bytes(3));
    assert_ne!(bytes(3), bytes(4));
}
