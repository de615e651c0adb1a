//! A log that cannot be written, a line that is torn, and a machine that was restarted.

use super::world::{Target, World, last_lines};
use std::fs;
use std::io::Write;

const RUN: [&str; 3] = ["run", "--yes", "--plain"];

#[test]
fn a_sync_that_fails_once_ends_the_process_with_a_message_and_resume_recovers() {
    let world = World::new(Target::Aside);
    let ended = world.ppe(&RUN, "fail:log.sync@4");
    assert_eq!(ended.status.code(), Some(4), "{}", ended.text);
    assert!(ended.text.contains("the event log takes nothing more"), "{}", last_lines(&ended.text));
    assert!(ended.text.contains("ppe resume"), "{}", last_lines(&ended.text));
    assert_eq!(world.finish(), Vec::<String>::new());
}

#[test]
fn a_write_that_fails_once_is_made_again() {
    let world = World::new(Target::Aside);
    let ended = world.ppe(&RUN, "fail:log.write@4");
    assert!(ended.status.success(), "{}", last_lines(&ended.text));
    assert_eq!(world.finish(), Vec::<String>::new());
}

#[test]
fn a_torn_last_line_is_cut_saved_and_said() {
    let world = World::new(Target::Aside);
    assert!(world.ppe(&RUN, "crash:agent.before_told@2").was_killed());
    let log = world.logs().pop().unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"0badc0de 99 {\"at\":1,\"ev").unwrap();
    let ended = world.go_on("");
    assert!(ended.text.contains("half written and are cut off"), "{}", ended.text);
    let named = |entry: fs::DirEntry| entry.file_name().to_string_lossy().contains(".torn-");
    assert!(fs::read_dir(log.parent().unwrap()).unwrap().flatten().any(named));
    assert_eq!(world.finish(), Vec::<String>::new());
}

#[test]
fn a_lock_that_a_killed_git_left_on_a_ref_of_ours_holds_nobody_up() {
    let world = World::new(Target::Aside);
    assert!(world.ppe(&RUN, "crash:agent.before_told@2").was_killed());
    let log = world.logs().pop().unwrap();
    let run = log.parent().unwrap().file_name().unwrap();
    let pins = world.repo().join(".git/refs/ppe/base").join(run);
    fs::create_dir_all(&pins).unwrap();
    // The pin of a task that has not begun.
    fs::write(pins.join("T-005.lock"), "").unwrap();
    assert_eq!(world.finish(), Vec::<String>::new());
}

#[test]
fn a_machine_that_was_restarted_loses_its_jobs_and_no_foreign_process_is_touched() {
    let world = World::new(Target::Aside);
    // No job ends by itself before the restart, whatever its agent does.
    let held =
        format!("crash:job.after_started@3,hold:shim.after_spawn!{}", world.root().join("never").display());
    assert!(world.ppe(&RUN, &held).was_killed());
    world.end_jobs();
    // A process that has nothing to do with us then has the shim's number.
    let mut foreign = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let mut jobs = 0;
    for started in world.unfinished_jobs() {
        let text = fs::read_to_string(&started).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        record["boot_id"] = "another boot".into();
        record["shim_pid"] = foreign.id().into();
        fs::write(&started, record.to_string()).unwrap();
        jobs += 1;
    }
    let wrong = world.finish();
    let alive = foreign.try_wait().unwrap().is_none();
    foreign.kill().unwrap();
    foreign.wait().unwrap();
    assert!(jobs > 0, "a job was under way");
    assert!(alive, "the foreign process was killed");
    assert_eq!(wrong, Vec::<String>::new());
}
