//! The verify gate: fixes, kinds with tries of their own, modules, coverage, heavy commands, and what a task has alone.

use crate::{NO_CHECK, attempts, id, is_held, landed, on_target, place};
use ppe_core::event::Event;
use ppe_core::state::Hold;
use ppe_testkit::env::TestEnv;
use std::collections::BTreeSet;
use std::fs;

/// Adds a verify command; `{out}` in it is a file outside the repository.
fn verify(env: &TestEnv, name: &str, rest: &str, run: &str) {
    let out = env.at("seen").display().to_string();
    let run = run.replace("{out}", &out);
    env.add_config(&format!("[[verify]]\nname = \"{name}\"\n{rest}\nrun = '''{run}'''\n"));
}

/// The lines that verify commands wrote there.
fn seen(env: &TestEnv) -> Vec<String> {
    let text = fs::read_to_string(env.at("seen")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn failures(env: &TestEnv) -> Vec<String> {
    let failure = |event: Event| match event {
        Event::AttemptFailed { failure, .. } => Some(failure.summary),
        _ => None,
    };
    env.events().into_iter().filter_map(failure).collect()
}

#[test]
fn what_a_fix_command_changes_is_committed_and_lands_even_after_a_red_build() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 2);
    verify(&env, "build", "kind = \"build\"", "! ls ppe-script/*.broken");
    verify(&env, "tidy", "", "! grep -L tidy */part_*.txt | grep .");
    let tidy = "for f in */part_*.txt; do grep -q tidy $f || echo tidy >> $f; done";
    verify(&env, "fix", "kind = \"fix\"", tidy);
    env.add_config(NO_CHECK);
    env.script("[[task]]\nid = \"T-002\"\nbreak_check_attempts = 1\n[[task]]\nid = \"T-001\"\nleave_uncommitted = true\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    landed(&env, "T-001");
    landed(&env, "T-002");
    assert_eq!((attempts(&env, "T-001"), attempts(&env, "T-002")), (1, 2));
    for file in ["one/part_1.txt", "two/part_1.txt", "two/part_2.txt"] {
        assert!(env.git(&["show", &format!("main:{file}")]).ends_with("tidy\n"), "{file}");
    }
    on_target(&env, &["feat(two): part 1", "feat(two): part 2"]);
    let fixes = env.git(&["log", "--format=%an <%ae> %s", "--grep=^style: apply fixes", "main"]);
    let by_user = "Uma User <uma@example.org> style: apply fixes";
    assert_eq!(fixes.lines().collect::<Vec<_>>(), [by_user; 2], "once for each task");
    env.finish();
}

/// A build that is red the first and the third time, and a test that is red the first time.
fn red_in_turn(env: &mut TestEnv, retries: &str) {
    env.task("T-001", "One", &[], 1);
    let count = |kind: &str, red: &str| {
        format!("echo {kind} >> '{{out}}'; n=$(grep -c {kind} '{{out}}'); case $n in {red}) exit 1;; esac")
    };
    verify(env, "compile", "kind = \"build\"", &count("build", "1|3"));
    verify(env, "unit", "kind = \"test\"", &count("test", "1"));
    env.add_config(NO_CHECK);
    env.script("[[task]]\nid = \"T-001\"\nbreak_check_attempts = 3\n");
    for line in retries.split_whitespace() {
        let (name, value) = line.split_once('=').unwrap();
        env.set(name, value);
    }
    env.ready();
}

#[test]
fn builds_and_tests_have_tries_of_their_own() {
    let mut env = place();
    red_in_turn(&mut env, "MAX_COMPILATION_RETRIES=2 MAX_TEST_RETRIES=1");
    env.ppe(&["run", "--yes"]).exits(0);
    landed(&env, "T-001");
    assert_eq!(attempts(&env, "T-001"), 4);
    let red = |name: &str| format!("`{name}` ended with exit code 1");
    assert_eq!(failures(&env), [red("compile"), red("unit"), red("compile")]);
    env.finish();
}

#[test]
fn a_second_red_build_is_one_too_many_where_one_retry_is_allowed() {
    let mut env = place();
    red_in_turn(&mut env, "MAX_COMPILATION_RETRIES=1 MAX_TEST_RETRIES=3");
    env.ppe(&["run", "--yes"]).exits(10);
    assert!(is_held(&env, "T-001", Hold::Stuck));
    assert_eq!(attempts(&env, "T-001"), 3);
    env.finish();
}

#[test]
fn a_task_verifies_the_modules_it_touches_and_those_built_from_them() {
    let mut env = place();
    env.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\", \"three\"]\n");
    for (name, needs) in
        [("one", ""), ("two", "[dependencies]\none = { path = \"../one\" }\n"), ("three", "")]
    {
        env.write(&format!("{name}/Cargo.toml"), &format!("[package]\nname = \"{name}\"\n{needs}"));
    }
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Three", &[], 1);
    env.task("T-003", "Elsewhere", &[], 1);
    let told = "echo \"$(basename $PWD): {module} of {modules:-p %s|all}\" >> '{out}'";
    verify(&env, "modules", "", told);
    env.add_config(NO_CHECK);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    let told: BTreeSet<String> = seen(&env).into_iter().collect();
    let expected = [
        "T-001: one of -p one -p two",
        "T-001: two of -p one -p two",
        "T-002: three of -p three",
        "T-003: one of all",
        "T-003: three of all",
        "T-003: two of all",
    ];
    assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    env.finish();
}

#[test]
fn coverage_below_the_tasks_target_is_red_with_the_figures() {
    let mut env = place();
    env.write(".gitignore", "out/\n");
    env.task_with("T-001", "One", &[], 1, "- **Coverage**: 80%\n");
    let measure = "echo x >> '{out}'; mkdir -p out; \
                   if [ $(wc -l < '{out}') -eq 1 ]; then n=799; else n=800; fi; \
                   printf 'SF:a\\nLF:1000\\nLH:%s\\nend_of_record\\n' $n > out/lcov.info";
    verify(&env, "coverage", "kind = \"coverage\"", measure);
    env.add_config(NO_CHECK);
    env.script("[[task]]\nid = \"T-001\"\nbreak_check_attempts = 1\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    landed(&env, "T-001");
    let red = "coverage is 79.9 % (799 of 1000 lines), and the task asks for 80 %";
    assert_eq!(failures(&env), [red]);
    let said = env.ppe(&["logs", "T-001", "--job", "verify"]);
    said.exits(0).says("ppe: coverage is 80.0 % (800 of 1000 lines), asked for are 80 %");
    let status = env.ppe(&["status", "--json"]).exits(0).json();
    assert_eq!(status["tasks"][0]["coverage_basis_points"], 8_000, "{status}");
    env.finish();
}

#[test]
fn heavy_commands_take_turns_and_each_task_has_ports_and_a_folder_of_its_own() {
    let mut env = place();
    for (task, title) in [("T-001", "One"), ("T-002", "Two"), ("T-003", "Three")] {
        env.task(task, title, &[], 1);
    }
    let turn = "echo \"begin $PPE_PORT_BASE $PPE_PORTS $TMPDIR $(stat -c %a $TMPDIR)\" >> '{out}'; sleep 0.4; echo end >> '{out}'";
    verify(&env, "build", "heavy = true", turn);
    env.add_config(NO_CHECK);
    env.set("PPE_HEAVY", "1");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    let seen = seen(&env);
    assert_eq!(seen.len(), 6, "{seen:?}");
    let mut alone = [BTreeSet::new(), BTreeSet::new()];
    for turn in seen.chunks(2) {
        assert_eq!(turn[1], "end", "two at once: {seen:?}");
        let words: Vec<&str> = turn[0].split(' ').collect();
        let [_, base, ports, temp, mode] = words.as_slice() else { panic!("{turn:?}") };
        assert!(ports.starts_with(&format!("{base}-")), "{turn:?}");
        assert_eq!(*mode, "700");
        assert!(!fs::exists(temp).unwrap(), "{temp} is still there");
        alone[0].insert((*base).to_owned());
        alone[1].insert((*temp).to_owned());
    }
    assert_eq!(alone[1].len(), 3);
    env.finish();
}

#[test]
fn what_waits_for_a_heavy_slot_can_be_stopped() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    verify(&env, "build", "heavy = true", "basename $PWD >> '{out}'; sleep 60");
    env.add_config(NO_CHECK);
    env.set("PPE_HEAVY", "1");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until("one runs and the other waits", || {
        let verifying = |e: &Event| matches!(e, Event::VerifyStarted { .. });
        (env.count(verifying) == 2 && seen(&env).len() == 1).then_some(())
    });
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    assert_eq!(seen(&env).len(), 1, "the other began after all");
    assert_eq!((attempts(&env, "T-001"), attempts(&env, "T-002")), (1, 1));
    assert!(env.state().task(&id("T-001")).is_some());
    env.finish();
}

#[test]
fn commands_that_were_changed_meanwhile_run_though_others_in_their_place_were_green() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    verify(&env, "one", "", "echo one >> {out}");
    verify(&env, "two", "", "echo two >> {out}; sleep 600; echo late >> {out}");
    env.add_config(NO_CHECK);
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until("the second runs", || seen(&env).contains(&"two".to_owned()).then_some(()));
    run.signal("KILL");
    run.wait();
    let before = fs::read_to_string(env.repo().join("ppe.toml")).unwrap();
    let out = env.at("seen");
    let first = format!("[[verify]]\nname = \"new\"\nrun = 'echo new >> {}'\n", out.display());
    let at = before.find("[[verify]]").unwrap();
    let config = format!("{}{first}{}", &before[..at], &before[at..]).replace("sleep 600; ", "");
    env.write("ppe.toml", &config);
    env.ppe(&["resume", "--yes"]).exits(0);
    landed(&env, "T-001");
    assert_eq!(
        seen(&env),
        ["one", "two", "new", "one", "two", "late"],
        "each as it is now, and one at a time"
    );
    env.write("ppe.toml", &before);
    env.finish();
}
