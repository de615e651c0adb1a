//! Plans that cannot be executed: every error with its file and line, exit code 3, and nothing made.

use super::{nothing_made, place};

fn refused(name: &str, files: &[(&str, &[u8])], says: &[&str]) {
    let mut env = place();
    let plan = env.repo().join("plan");
    std::fs::remove_dir_all(&plan).unwrap();
    std::fs::create_dir(&plan).unwrap();
    for (file, bytes) in files {
        std::fs::write(plan.join(file), bytes).unwrap();
    }
    env.ready();
    let ended = env.ppe(&["run", "plan", "--yes"]);
    println!("{name}: {}", ended.stderr);
    ended.exits(3);
    for text in says {
        ended.says(text);
    }
    assert!(!ended.all().contains('\x1b'), "{name}: an escape in what was said");
    nothing_made(&env, name);
}

#[test]
fn empty() {
    refused("empty", &[], &["the plan cannot be executed", "has no tasks"]);
}

#[test]
fn missing() {
    let mut env = place();
    env.ready();
    env.ppe(&["run", "nowhere", "--yes"]).exits(3).says("no plan at `nowhere`").says("hint: ");
    nothing_made(&env, "missing");
}

#[test]
fn not_utf8() {
    refused(
        "not utf-8",
        &[("T-001-a.md", b"# T-001: A\n\xff\n")],
        &["T-001-a.md:2", "not valid UTF-8", "byte 11"],
    );
}

#[test]
fn a_nul() {
    refused("nul", &[("T-001-a.md", b"# T-001: A\n\nab\0\n")], &["T-001-a.md:3", "holds a NUL", "column 3"]);
}

#[test]
fn an_id_used_twice() {
    let files: [(&str, &[u8]); 2] = [("T-001-a.md", b"# T-001: A\n"), ("T-001-b.md", b"# T-001: B\n")];
    refused("twice", &files, &["T-001-b.md:1", "T-001 is used twice", "first in T-001-a.md:1"]);
}

#[test]
fn all_errors_at_once() {
    let files: [(&str, &[u8]); 2] = [
        ("T-001-a.md", b"# T-001: A\n\n## Dependencies\n\n- T-009\n- T-002\n"),
        ("T-002-b.md", b"# T-002: B\n\n## Dependencies\n\n- T-001\n"),
    ];
    let cycle = "T-001 → T-002 → T-001 (T-001-a.md:6, T-002-b.md:5)";
    refused("errors", &files, &["2 errors", "T-001-a.md:5", "T-009, which is not in the plan", cycle]);
}

#[test]
fn an_id_of_three_hundred_characters() {
    let text = format!("# T-{}: A\n", "1".repeat(300));
    refused("long id", &[("long.md", text.as_bytes())], &["long.md:1", "at most 100 are allowed"]);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_no_errors() {
    let mut env = place();
    let text = "\u{feff}# T-002: Second\r\n\r\n## Dependencies\r\n\r\n- T-001\r\n";
    env.write("plan/T-002-second.md", text);
    env.ready();
    let shown = env.ppe(&["plan", "show", "plan", "--json"]).exits(0).json();
    assert_eq!(shown["tasks"][1]["id"], "T-002");
    assert_eq!(shown["tasks"][1]["title"], "Second");
    assert_eq!(shown["tasks"][1]["depends_on"][0], "T-001");
}

#[test]
fn ten_thousand_tasks_are_checked() {
    let env = place();
    for n in 2..=10_000 {
        let text = format!("# T-{n:05}: Task\n\n## Dependencies\n\n- T-{:05}\n", n / 2);
        env.write(&format!("many/T-{n:05}-task.md"), &text);
    }
    env.write("many/T-00001-task.md", "# T-00001: Task\n");
    let shown = env.ppe(&["plan", "show", "many", "--json"]).exits(0).json();
    assert_eq!(shown["tasks"].as_array().unwrap().len(), 10_000);
    assert_eq!(shown["waves"].as_array().unwrap().len(), 14);
}
