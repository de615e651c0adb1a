//! Hostile text: it reaches the agent byte for byte, never a shell, and never acts on a terminal.

use super::place;
use ppe_testkit::env::TestEnv;

/// What would act if a shell, a terminal or an option parser read it.
const BODY: &str = "-rf $(touch /tmp/ppe-never) `id` '\"; rm -rf x; \\ ${HOME} \t\n--help\n\u{1b}]52;c;QUJD\u{7}\u{202e}\u{200b}end";
const TITLE: &str = "$(touch pwned) `x` '\"; \u{1b}]52;c;QUJD\u{7}\u{202e}evil\u{200b}";

/// An agent that keeps its title argument and its prompt, and prints what a terminal would obey.
fn hostile() -> TestEnv {
    let mut env = place();
    env.add_config(
        "[agent.command]\ncmd = [\"sh\", \"-c\", '''\
        printf '%s' \"$1\" > title.txt; cp \"$2\" prompt.txt; cmp -s \"$2\" - || exit 1
        printf '\\033]52;c;QUJD\\007\\033[2J hostile output\\n'
        printf '\\033]0;x\\007' >&2
        name=$(printf 'file-\\033[31m.txt'); echo x > \"$name\"
        git add -A; git commit -qm \"$(printf 'feat: \\033[31m part')\"''', \
        \"sh\", \"{title}\", \"{prompt_file}\"]",
    );
    env.write("plan/T-001-first-task.md", &format!("# T-001: {TITLE}\n\n## Goal\n\n{BODY}\n"));
    env.ready();
    env.set("PPE_AGENT_NAME", "command");
    env
}

#[test]
fn the_agent_gets_it_byte_for_byte_and_no_shell_reads_it() {
    let env = hostile();
    let ended = env.ppe(&["run", "plan", "--yes", "--agent", "command"]);
    ended.exits(0);
    let prompt = env.git(&["show", "main:prompt.txt"]);
    assert!(prompt.contains(BODY), "{prompt:?}");
    let title = env.git(&["show", "main:title.txt"]);
    assert!(title.contains("$(touch pwned) `x` '\";"), "{title:?}");
    assert!(!env.git(&["ls-tree", "-r", "--name-only", "main"]).contains("pwned"));
    env.finish();
}

#[test]
fn nothing_shown_acts_on_a_terminal() {
    let env = hostile();
    let run = env.ppe(&["run", "plan", "--yes", "--agent", "command"]);
    run.exits(0);
    let mut shown = vec![("run", run.all())];
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["logs", "T-001"],
        &["logs", "T-001", "--stderr"],
        &["report"],
        &["report", "--json"],
        &["plan", "show", "plan"],
        &["plan", "show", "plan", "--order"],
        &["plan", "graph", "plan"],
        &["plan", "graph", "plan", "--format", "json"],
        &["simulate", "plan"],
    ] {
        shown.push((args[0], env.ppe(args).exits(0).all()));
    }
    for (command, text) in shown {
        let acts = |c: char| (c.is_control() && c != '\n' && c != '\t') || "\u{202e}\u{200b}".contains(c);
        let at = text.find(acts);
        assert_eq!(at.map(|at| text[at..].chars().take(12).collect::<String>()), None, "ppe {command}");
    }
}
