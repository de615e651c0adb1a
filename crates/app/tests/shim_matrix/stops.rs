//! Programs that are stopped: because somebody asks, or because they pass a limit; willing and unwilling ones.

use std::time::{Duration, Instant};

use ppe_adapters::executor::job::{self, StopAsked};
use ppe_adapters::executor::record::{self, End, StopReason};

use crate::world::{World, eventually};

const UNWILLING: &str = "trap '' TERM; echo up; while :; do sleep 0.05; done";

fn is_up(world: &World) {
    eventually("the program is up", || world.stdout().starts_with("up"));
}

#[test]
fn a_willing_program_has_its_grace() {
    let world = World::new("trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.01; done");
    let _handle = world.start();
    is_up(&world);
    assert_eq!(job::stop(&world.job(), 10_000).unwrap(), StopAsked::Asked);
    let exit = world.ended();
    assert_eq!((exit.end, exit.stop), (End::Code(4), Some(StopReason::Asked)));
    assert_eq!(world.stdout(), "up\nbye\n");
    assert_eq!(job::stop(&world.job(), 0).unwrap(), StopAsked::NotRunning);
}

#[test]
fn a_program_that_ignores_the_request_is_killed_after_its_grace() {
    let world = World::new(UNWILLING);
    let _handle = world.start();
    is_up(&world);
    let asked = Instant::now();
    job::stop(&world.job(), 300).unwrap();
    let exit = world.ended();
    assert_eq!((exit.end, exit.stop), (End::Signal(9), Some(StopReason::Asked)));
    assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    assert_eq!(world.left_running(), Vec::<i32>::new());
}

#[test]
fn a_second_request_shortens_the_grace() {
    let world = World::new(UNWILLING);
    let _handle = world.start();
    is_up(&world);
    let asked = Instant::now();
    job::stop(&world.job(), 60_000).unwrap();
    job::stop(&world.job(), 0).unwrap();
    assert_eq!(world.ended().end, End::Signal(9));
    assert!(asked.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_program_that_stopped_itself_still_gets_the_request() {
    for (script, grace_ms, end) in [
        ("echo up; kill -STOP $$; echo never", 10_000, End::Signal(15)),
        ("trap '' TERM; echo up; while :; do kill -STOP $$; done", 500, End::Signal(9)),
    ] {
        let world = World::new(script);
        let _handle = world.start();
        is_up(&world);
        std::thread::sleep(Duration::from_millis(100));
        job::stop(&world.job(), grace_ms).unwrap();
        assert_eq!(world.ended().end, end, "{script}");
        assert_eq!(world.left_running(), Vec::<i32>::new());
    }
}

#[test]
fn a_request_before_the_start_keeps_the_program_from_running() {
    let world = World::new("echo ran >> \"$COUNT\"");
    record::make_dir(&world.job()).unwrap();
    record::put(&world.job(), record::SPEC, &world.spec, "test").unwrap();
    assert_eq!(job::stop(&world.job(), 100).unwrap(), StopAsked::NotRunning);
    let exit = world.run();
    assert_eq!((exit.end, exit.stop), (End::NotRun, Some(StopReason::Asked)));
    assert_eq!(world.runs(), 0);
}

#[test]
fn a_request_finds_a_shim_at_every_moment() {
    for point in ["shim.before_lock", "shim.after_lock", "shim.started.before_rename", "shim.after_started"] {
        let world = World::new("echo ran >> \"$COUNT\"; sleep 60");
        let go = world.root().join("go");
        let _hurt = world.orchestrate(&format!("crash:job.after_spawn,hold:{point}!{}", go.display()));
        eventually("the shim is at the point", || go.with_extension("reached").exists());
        job::stop(&world.job(), 100).unwrap();
        std::fs::write(&go, "").unwrap();
        let begun = Instant::now();
        let exit = world.run();
        assert_eq!((exit.end, exit.stop), (End::NotRun, Some(StopReason::Asked)), "{point}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(world.runs(), 0, "{point}");
    }
}

/// The first burst is more than twice the cap below; the pauses keep the disk from filling up, however late the shim looks.
const FLOOD: &str = "while :; do head -c 1000000 /dev/zero; sleep 1; done";

#[test]
fn a_flood_is_stopped_at_the_cap() {
    for (begin, end) in [("", End::Signal(15)), ("trap '' TERM;", End::Signal(9))] {
        let mut world = World::new(&format!("{begin} {FLOOD}"));
        world.spec.output_cap_bytes = 256 * 1024;
        world.spec.grace_ms = 60_000;
        let began = Instant::now();
        let exit = world.run();
        assert_eq!(exit.stop, Some(StopReason::OutputCap), "{exit:?}");
        assert!(exit.end == end || exit.end == End::Signal(9), "{exit:?}");
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(world.left_running(), Vec::<i32>::new());
    }
}

#[test]
fn a_slow_overrun_of_the_cap_is_stopped_too() {
    let mut world = World::new("echo 12345 >&2; echo 67890; exec sleep 60");
    world.spec.output_cap_bytes = 11;
    world.spec.grace_ms = 60_000;
    let exit = world.run();
    assert_eq!((exit.end, exit.stop), (End::Signal(15), Some(StopReason::OutputCap)));
}

#[test]
fn the_wall_limit_stops_a_program_that_takes_too_long() {
    let mut world = World::new("exec sleep 60");
    world.spec.wall_limit_ms = Some(300);
    world.spec.grace_ms = 60_000;
    let began = Instant::now();
    let exit = world.run();
    assert_eq!((exit.end, exit.stop), (End::Signal(15), Some(StopReason::WallLimit)));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(20), "{took:?}");
}
