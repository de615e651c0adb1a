//! What `ppe simulate` promises: the lower bound, the makespan of small plans, and the same bytes for the same seed.

use ppe_core::policy::{Order, Policy};
use ppe_core::sim::{Job, JobsError, Name, SimError, SimOptions, SimReport, simulate_jobs};

fn job(id: &str, duration: f64, deps: &[&str]) -> Job {
    let name = |text: &&str| Name::Text((*text).to_owned());
    Job { id: name(&id), duration, deps: deps.iter().map(name).collect() }
}

fn options(slots: u32) -> SimOptions {
    SimOptions { slots, seed: 1, spread_percent: 0 }
}

fn run(jobs: &[Job], slots: u32) -> SimReport {
    simulate_jobs(jobs, &Policy::default(), options(slots)).expect("jobs that can be simulated")
}

#[test]
fn one_slot_takes_all_the_work_and_many_take_the_longest_path() {
    let jobs = [job("a", 3.0, &[]), job("b", 2.0, &["a"]), job("c", 4.0, &[]), job("d d", 0.5, &["b", "c"])];
    let one = run(&jobs, 1);
    assert_eq!((one.makespan_s.ms, one.lower_bound_s.ms, one.peak), (9_500, 9_500, 1));
    let many = run(&jobs, 40);
    assert_eq!((many.makespan_s.ms, many.lower_bound_s.ms, many.peak), (5_500, 5_500, 2));
    let last = many.starts.last().unwrap();
    assert_eq!((last.task.as_str(), last.start_s.ms, last.end_s.ms), ("d d", 5_000, 5_500));
}

#[test]
fn slots_are_never_shared_by_two_at_a_time() {
    let jobs: Vec<_> = (0..60).map(|n| job(&format!("j{n}"), f64::from(n % 7 + 1), &[])).collect();
    let report = run(&jobs, 5);
    assert_eq!(report.peak, 5);
    for (n, one) in report.starts.iter().enumerate() {
        let clash = |other: &&ppe_core::sim::SimStart| {
            other.slot == one.slot && other.start_s < one.end_s && one.start_s < other.end_s
        };
        assert_eq!(report.starts[n + 1..].iter().find(clash), None);
        assert!((1..=5).contains(&one.slot));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let jobs: Vec<_> = (0..30).map(|n| job(&format!("j{n}"), 100.0, &[])).collect();
    let bytes = |seed| {
        let options = SimOptions { slots: 4, seed, spread_percent: 50 };
        serde_json::to_string(&simulate_jobs(&jobs, &Policy::default(), options).unwrap()).unwrap()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn every_order_comes_to_its_end_within_twice_the_bound() {
    let jobs: Vec<_> = (0..200u32)
        .map(|n| {
            let deps: Vec<String> =
                (1..=n % 4).filter(|d| d * 3 <= n).map(|d| (n - d * 3).to_string()).collect();
            job(&n.to_string(), f64::from(n * 37 % 50), &deps.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    for order in [Order::Priority, Order::CriticalPath, Order::Plan] {
        let report = simulate_jobs(&jobs, &Policy { order, ..Policy::default() }, options(7)).unwrap();
        assert_eq!(report.starts.len(), 200);
        assert!((1.0..=2.0).contains(&report.ratio), "{order:?}: {}", report.ratio);
    }
}

#[test]
fn a_wrong_list_says_what_is_wrong() {
    let of = |jobs: &[Job]| simulate_jobs(jobs, &Policy::default(), options(2)).unwrap_err();
    assert_eq!(of(&[]), SimError::Jobs(JobsError::Empty));
    assert_eq!(of(&[job("a", 1.0, &[]), job("a", 1.0, &[])]).to_string(), "job `a` is listed twice");
    assert_eq!(of(&[job("a", -1.0, &[])]).to_string(), "job `a` has a duration that is not a time");
    assert_eq!(of(&[job("a", 1.0, &["z"])]).to_string(), "job `a` needs `z`, which is not in the list");
    let circle = of(&[job("a", 1.0, &["b"]), job("b", 1.0, &["a"])]).to_string();
    assert!(circle.contains("`a`") && circle.contains("`b`"), "{circle}");
    assert!(matches!(
        simulate_jobs(&[job("a", 1.0, &[])], &Policy::default(), options(0)),
        Err(SimError::Nothing(_))
    ));
}

#[test]
fn a_list_of_jobs_reads_texts_and_numbers_as_ids() {
    let jobs: Vec<Job> = serde_json::from_str(
        r#"[{"id": 1, "duration": 2}, {"id": "x", "duration": 1.5, "deps": [1], "note": 0}]"#,
    )
    .unwrap();
    let report = serde_json::to_value(run(&jobs, 1)).unwrap();
    assert_eq!(report["makespan_s"], 3.5);
    assert_eq!(report["starts"][0]["task"], "1");
    assert_eq!(report["starts"][1]["start_s"], 2);
}

#[test]
fn ten_thousand_jobs_are_no_matter() {
    let jobs: Vec<_> = (0..10_000u32)
        .map(|n| {
            let dep = (n / 3).to_string();
            let deps: &[&str] = if n > 0 { &[&dep] } else { &[] };
            job(&n.to_string(), f64::from(n % 13 + 1), deps)
        })
        .collect();
    assert!(run(&jobs, 10).ratio < 1.01);
}
