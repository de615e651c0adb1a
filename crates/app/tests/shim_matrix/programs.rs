//! What a program gets (input, environment, signals), and what becomes of programs that cannot run, leave others
//! behind, or fill the disk.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ppe_adapters::executor::job::{
    self, Ensured, LostCause, NotStarted, Origin, Probe, Settled, ShimProgram,
};
use ppe_adapters::executor::output::{LineReader, Stream, tail};
use ppe_adapters::executor::record::{self, End, KillDomain};
use ppe_adapters::executor::shim;

use crate::world::{PPE, World, eventually, kill, pids, signal};

#[test]
fn a_plain_program_runs_and_its_end_is_recorded() {
    let world = World::new("echo out; echo err >&2; exit 3");
    let exit = world.run();
    assert_eq!((exit.end, exit.stop, exit.leftovers_killed), (End::Code(3), None, 0));
    assert!(exit.maxrss_kb > 0 && exit.ended_at_ms > 1_700_000_000_000);
    assert_eq!(tail(&world.job(), Stream::Stdout, 0).unwrap(), b"out\n");
    assert_eq!(tail(&world.job(), Stream::Stderr, 0).unwrap(), b"err\n");
    let Probe::Ended(again) = job::probe(&world.job()).unwrap() else { panic!("not ended") };
    assert_eq!(again.end, End::Code(3));
}

#[test]
fn standard_input_is_the_file() {
    let mut world = World::new("cat");
    let prompt = world.root().join("prompt");
    std::fs::write(&prompt, "do it\n$(never)\0\n").unwrap();
    world.spec.stdin = Some(prompt);
    assert_eq!(world.run().end, End::Code(0));
    assert_eq!(world.stdout(), "do it\n$(never)\0\n");
    assert_eq!(World::new("cat").run().end, End::Code(0));
}

#[test]
fn the_environment_is_exactly_the_list() {
    let mut world = World::with_argv(&["/usr/bin/env", "-0"]);
    world.spec.env.insert("ODD".into(), "a=b\nc".into());
    world.spec.secrets = vec!["KEY".into()];
    let secrets = vec![("KEY".into(), "s3cret".into()), ("OTHER".into(), "not listed".into())];
    let program = ShimProgram { path: PPE.into(), secrets };
    let _running = job::ensure(&world.job(), &world.spec, &program).unwrap();
    assert_eq!(world.ended().end, End::Code(0));
    let stdout = world.stdout();
    let mut got: Vec<&str> = stdout.split_terminator('\0').collect();
    got.sort_unstable();
    let mut expected: Vec<String> =
        world.spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    expected.push("KEY=s3cret".into());
    expected.push(format!("PPE_JOB={}", world.spec.marker));
    expected.sort_unstable();
    assert_eq!(got, expected);
    for name in [record::SPEC, record::STARTED, record::EXIT] {
        let text = std::fs::read_to_string(world.job().join(name)).unwrap();
        assert!(!text.contains("s3cret"), "{name}: {text}");
    }
}

#[test]
fn a_secret_that_was_not_handed_over_is_named() {
    let mut world = World::new("true");
    world.spec.secrets = vec!["KEY".into()];
    let End::CannotRun { text, .. } = world.run().end else { panic!("it ran") };
    assert!(text.contains("`KEY`"), "{text}");
}

#[test]
fn a_program_finds_no_signal_blocked_or_ignored() {
    let world = World::new("grep -E 'Sig(Blk|Ign)' /proc/self/status");
    world.run();
    for line in world.stdout().lines() {
        let signals = u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap();
        // Above 31 the C library has signals of its own.
        assert_eq!(signals & 0x7fff_ffff, 0, "{line}");
    }
    assert_eq!(world.stdout().lines().count(), 2);
}

#[test]
fn a_program_gets_no_descriptor_that_lay_about() {
    let world = World::with_argv(&["ls", "/proc/self/fd"]);
    let spec = world.root().join("spec.json");
    std::fs::write(&spec, serde_json::to_vec(&world.spec).unwrap()).unwrap();
    let mut careless = Command::new("sh");
    careless.args(["-c", "exec 9</dev/null; exec \"$0\" job-ensure \"$1\" \"$2\"", PPE]);
    let status = careless.arg(world.job()).arg(spec).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    // The fourth is the folder that ls reads.
    assert_eq!(world.stdout(), "0\n1\n2\n3\n");
}

#[test]
fn what_cannot_run_says_why() {
    let cannot = |world: &World, errno: i32, word: &str| {
        let End::CannotRun { errno: got, text } = world.run().end else { panic!("it ran") };
        assert_eq!(got, errno, "{text}");
        assert!(text.contains(word), "{text}");
    };
    let missing = World::with_argv(&["no-such-program-at-all"]);
    cannot(&missing, 2, "no-such-program-at-all: No such file or directory");
    cannot(&World::with_argv(&["/etc/passwd"]), 13, "Permission denied");
    cannot(&World::with_argv(&[]), 22, "empty command");
    let mut no_folder = World::new("true");
    no_folder.spec.cwd = no_folder.root().join("gone");
    cannot(&no_folder, 2, "working directory");
    let mut no_input = World::new("true");
    no_input.spec.stdin = Some(no_input.root().join("prompt"));
    cannot(&no_input, 2, "standard input");
}

#[test]
fn a_real_time_signal_is_reported_too() {
    let world = World::new("kill -40 $$");
    assert_eq!(world.run().end, End::Signal(40));
}

#[test]
fn daemons_and_double_forks_are_killed() {
    // The innermost speaks last: then all four are there.
    let script = r#"( setsid sh -c 'setsid sleep 300 & setsid sh -c "trap : TERM; sleep 301 & echo up; wait" & wait' & )
        until [ -s ../job/stdout ]; do sleep 0.01; done; exit 0"#;
    let mut world = World::new(script);
    world.spec.cwd = world.root().join("work");
    std::fs::create_dir(&world.spec.cwd).unwrap();
    let exit = world.run();
    assert_eq!(exit.end, End::Code(0));
    assert!(exit.leftovers_killed >= 4, "{exit:?}");
    assert_eq!((exit.leftovers_alive, world.left_running()), (0, vec![]));
}

#[test]
fn no_zombie_stays_with_whoever_started_the_job() {
    let world = World::new("exit 0");
    world.run();
    let me = std::process::id().to_string();
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parent == Some(me.as_str())
    };
    eventually("the shim is reaped", || !pids().iter().any(is_child));
}

#[test]
fn a_running_job_is_adopted_and_its_output_read_meanwhile() {
    let world = World::new("echo one; until [ -e go ]; do sleep 0.01; done; echo two");
    let handle = world.start();
    assert_eq!(handle.origin, Origin::Spawned);
    let Probe::Running(adopted) = job::probe(&world.job()).unwrap() else { panic!("not running") };
    assert_eq!((adopted.origin, adopted.shim.pid()), (Origin::Adopted, handle.shim.pid()));
    let mut reader = LineReader::new(Stream::Stdout.path(&world.job()), 0);
    let mut lines = Vec::new();
    eventually("the first line", || {
        lines.extend(reader.read_lines().unwrap());
        !lines.is_empty()
    });
    File::create(world.root().join("go")).unwrap();
    world.ended();
    lines.extend(reader.read_lines().unwrap());
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
}

#[test]
fn a_second_shim_refuses() {
    let world = World::new("echo ran >> \"$COUNT\"; until [ -e go ]; do sleep 0.01; done");
    let refuses = || {
        let status = Command::new(PPE).arg("shim").arg(world.job()).stdout(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(75));
    };
    let _handle = world.start();
    refuses();
    File::create(world.root().join("go")).unwrap();
    world.ended();
    refuses();
    assert_eq!(world.runs(), 1);
}

#[test]
fn a_shim_survives_what_a_terminal_sends() {
    let world = World::new("until [ -e go ]; do sleep 0.01; done; exit 5");
    let shim = world.start().shim.pid();
    let stat = std::fs::read_to_string(format!("/proc/{shim}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, shim.to_string());
    signal(shim, "HUP");
    signal(shim, "INT");
    std::thread::sleep(Duration::from_millis(100));
    File::create(world.root().join("go")).unwrap();
    let exit = world.ended();
    assert_eq!((exit.end, exit.stop), (End::Code(5), None));
}

/// Where groups can be made here, if they can.
fn delegated() -> Option<PathBuf> {
    let places = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let found = places.into_iter().map(PathBuf::from).find(|dir| shim::delegated(dir));
    if found.is_none() {
        println!("SKIPPED: no cgroup v2 folder to make groups in");
    }
    found
}

/// Hides from the marker in every way: no environment, no parent, no session.
const HIDER: &str = "(env -i /bin/sh -c 'setsid /bin/sleep 303 & echo $! > hider' &)
    until [ -s hider ]; do sleep 0.01; done;";

fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("303"))
}

#[test]
fn a_cgroup_takes_everything_with_it() {
    let Some(dir) = delegated() else { return };
    for shim_dies in [false, true] {
        let mut world = World::new(&format!("{HIDER} until [ -e go ]; do sleep 0.01; done"));
        let group = dir.join(&world.spec.marker);
        world.spec.cgroup = Some(group.clone());
        let handle = world.start();
        let hider = world.root().join("hider");
        eventually("the hider is up", || std::fs::read_to_string(&hider).is_ok_and(|pid| alive(pid.trim())));
        if shim_dies {
            kill(handle.shim.pid());
            let settled = job::settle(&world.job()).unwrap();
            assert!(
                matches!(settled, Settled::Lost { cause: LostCause::ShimDied, leftovers_alive: 0, .. }),
                "{settled:?}"
            );
        } else {
            File::create(world.root().join("go")).unwrap();
            let exit = world.ended();
            assert_eq!(exit.kill_domain, KillDomain::Cgroup);
            assert!(exit.leftovers_killed >= 1, "{exit:?}");
        }
        assert!(!alive(std::fs::read_to_string(&hider).unwrap().trim()));
        assert!(!group.exists());
    }
    let _removed = std::fs::remove_dir(dir.join("ppe-shims"));
}

/// A file system of 256 kB, unmounted when dropped. Needs root.
struct SmallDisk {
    at: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let at = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(at.path()).output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        if !mounted {
            println!("SKIPPED: no right to mount a small disk here");
        }
        mounted.then(|| SmallDisk { at })
    }

    fn path(&self) -> &Path {
        self.at.path()
    }

    fn fill(&self) {
        let mut filler = File::create(self.path().join("filler")).unwrap();
        while filler.write_all(&[b'f'; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _status = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn the_exit_is_written_once_a_full_disk_has_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let world = World::new("until [ -e go ]; do sleep 0.01; done; exit 9");
    let job = disk.path().join("job");
    let Ensured::Running(handle) = job::ensure(&job, &world.spec, &World::program()).unwrap() else {
        panic!("not running")
    };
    disk.fill();
    File::create(world.root().join("go")).unwrap();
    eventually("the program has ended", || world.marked() == [handle.shim.pid()]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(matches!(job::probe(&job).unwrap(), Probe::Running(_)));
    disk.free();
    let Settled::Ended(exit) = job::settle(&job).unwrap() else { panic!("not ended") };
    assert_eq!(exit.end, End::Code(9));
}

#[test]
fn a_full_disk_starts_nothing_and_says_so() {
    let Some(disk) = SmallDisk::mount() else { return };
    let world = World::new("echo ran >> \"$COUNT\"");
    let job = disk.path().join("job");
    record::make_dir(&job).unwrap();
    record::put(&job, record::SPEC, &world.spec, "test").unwrap();
    disk.fill();
    let Ensured::Settled(settled) = job::ensure(&job, &world.spec, &World::program()).unwrap() else {
        panic!("it runs")
    };
    let Settled::NeverStarted(NotStarted::ShimFailed { errno: Some(28), .. }) = settled else {
        panic!("{settled:?}")
    };
    assert_eq!(world.runs(), 0);
    disk.free();
    let _ensured = job::ensure(&job, &world.spec, &World::program()).unwrap();
    assert!(matches!(job::settle(&job).unwrap(), Settled::Ended(_)));
    assert_eq!(world.runs(), 1);
}
