//! What is written about the configuration from its table: the schema for editors and the reference for people.

use super::env::variables;
use super::key::{Key, Kind};
use super::keys::{self, COMMAND_KEYS, COMMAND_SECTIONS, SECTIONS};
use super::layers::DEFAULTS;
use super::rules::{RULE_KEYS, RULE_SECTION};
use super::value::allowed;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The JSON schema of `ppe.toml`.
pub fn schema() -> String {
    let mut sections = Map::new();
    for (name, doc) in SECTIONS {
        let keys = keys::all().filter(|key| section_of(key.path) == *name);
        let fields =
            keys.map(|key| (name_of(key.path).to_owned(), field(key, default_of(key.path)))).collect();
        let section = object(doc, fields, &[]);
        match name.split_once('.') {
            None => sections.extend([((*name).to_owned(), section)]),
            Some((outer, inner)) => sections[outer]["properties"][inner] = section,
        }
    }
    for (name, doc) in COMMAND_SECTIONS {
        let fields = COMMAND_KEYS.iter().map(|key| (key.path.to_owned(), field(key, None))).collect();
        let items = object("One command.", fields, &["run"]);
        sections.insert((*name).to_owned(), json!({ "type": "array", "description": doc, "items": items }));
    }
    sections["agent"]["properties"]["rule"] = rules_schema();
    let mut whole = object("Configuration of the parallel plan executor.", sections, &[]);
    whole["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    whole["title"] = json!("ppe.toml");
    format!("{whole:#}\n")
}

fn rules_schema() -> Value {
    let (mut tasks, mut fields) = (Map::new(), Map::new());
    for key in RULE_KEYS {
        match key.path.split_once('.') {
            Some((_, name)) => tasks.insert(name.to_owned(), field(key, None)),
            None => fields.insert(key.path.to_owned(), field(key, None)),
        };
    }
    let mut tasks = object("Which tasks: every word must fit.", tasks, &[]);
    tasks["minProperties"] = json!(1);
    fields.insert("match".to_owned(), tasks);
    let items = object("One rule.", fields, &["match"]);
    json!({ "type": "array", "description": RULE_SECTION.1, "items": items })
}

fn object(doc: &str, properties: Map<String, Value>, required: &[&str]) -> Value {
    let mut object = json!({
        "type": "object", "description": doc, "additionalProperties": false, "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn field<T>(key: &Key<T>, default: Option<Value>) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let mut field = match &key.kind {
        Kind::Whole { min, max, .. } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Real { max, .. } => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": max }),
        Kind::Count { max, .. } => json!({ "type": "integer", "minimum": 0, "maximum": max }),
        Kind::Dollars { max, .. } => json!({ "type": "number", "minimum": 0, "maximum": max }),
        Kind::Choice { names, .. } => {
            json!({ "enum": names.iter().map(|(name, _)| *name).collect::<Vec<_>>() })
        }
        Kind::Switch { .. } => json!({ "type": "boolean" }),
        Kind::Text { .. } => json!({ "type": "string", "minLength": 1 }),
        Kind::List { .. } => texts,
        Kind::Command { .. } => json!({ "oneOf": [{ "type": "string", "minLength": 1 }, texts] }),
    };
    field["description"] = json!(key.doc);
    if let Some(default) = default {
        field["default"] = default;
    }
    field
}

/// The reference as Markdown.
pub fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    for (name, doc) in SECTIONS {
        _ = writeln!(out, "\n## `[{name}]`\n\n{doc}\n");
        out.push_str("| key | allowed | default | variables | meaning |\n|---|---|---|---|---|\n");
        for key in keys::all().filter(|key| section_of(key.path) == *name) {
            let variables: Vec<String> = variables(key).map(|v| format!("`{v}`")).collect();
            let row = [
                format!("`{}`", name_of(key.path)),
                allowed_text(key),
                default_of(key.path).map_or_else(|| "–".to_owned(), |d| default_text(&d)),
                variables.join(", "),
                key.doc.to_owned(),
            ];
            _ = writeln!(out, "| {} |", row.join(" | "));
        }
    }
    for (name, doc) in COMMAND_SECTIONS {
        _ = writeln!(out, "\n## `[[{name}]]`\n\n{doc}\n\n| key | allowed | meaning |\n|---|---|---|");
        for key in COMMAND_KEYS {
            _ = writeln!(out, "| `{}` | {} | {} |", key.path, allowed_text(key), key.doc);
        }
    }
    _ = writeln!(out, "\n## `[[{}]]`\n\n{}\n\n{RULE_EXAMPLE}", RULE_SECTION.0, RULE_SECTION.1);
    out.push_str("| key | allowed | meaning |\n|---|---|---|\n");
    for key in RULE_KEYS {
        _ = writeln!(out, "| `{}` | {} | {} |", key.path, allowed_text(key), key.doc);
    }
    out.push_str(GATE);
    let defaults: Vec<String> = base_patterns().map(|p| format!("`{p}`")).collect();
    _ = writeln!(out, "\n## The default of `env.base`\n\n{}", defaults.join(", "));
    out
}

const GATE: &str = "
## What verify commands may be

Verify commands run in the task's workspace after its agent has ended, one after the other; the first that is red decides.

| kind | what is special |
|---|---|
| `fix` | Runs before all others, when the task changed anything. What it changes is committed as `style: apply fixes`, by you, \
and becomes part of the work. Only in `[[verify]]`. |
| `build`, `test` | Failures count against `retries.build` and `retries.test`, each by itself. |
| `coverage` | When it has ended well, the reports in the workspace (`lcov.info`, `cobertura*.xml`, `coverage.xml`, \
`jacoco*.xml`) are added up. Below the task's coverage target it is red, with the figures. Without a target or without a \
report it is green; a missing report is said in its output. The work's coverage is told \
on the task's change and card, and in status and report. |
| `other` | Failures count against `retries.verification`. |

### Modules

`{module}` and `{modules}` in a verify command stand for the modules that the task's changes touch and those that are
built from them, as the repository's own files say: Gradle's settings (`:core:api`), Cargo workspaces and npm, pnpm or yarn
workspaces (the package's name), Maven (the module's folder). Which of these is meant follows from the program that the
command calls.

| in a command | becomes |
|---|---|
| `{module}` | one name: the command runs once for each module, and for every module there is when all are concerned |
| `{modules}` | all names, in one run; nothing when all are concerned |
| `{modules:-p %s}` | the same, each name written so |
| `{modules:%s:test\\|test}` | the same; what stands behind the bar is written when all are concerned |

All are concerned when the change touches a file of no module (other than documents), such as the build script at the top; when
it touches nothing that is known to be a module; and always in `[[check]]`. A Gradle project without a `src` folder is no module.
Names that hold other than letters, digits and `._:/@+-` are none.

```toml
[[verify]]
name = \"format\"
run = \"./gradlew spotlessApply\"
kind = \"fix\"

[[verify]]
name = \"test\"
run = \"./gradlew {modules:%s:test|test}\"
kind = \"test\"
```

### Heavy commands

A command with `heavy = true` waits for one of `limits.heavy` slots, which all your runs on this machine share. The slot is held
by `ppe`: a command that outlives a killed `ppe` runs on without one.

### What each task has alone

All jobs of a task see `TMPDIR`, a folder of the task that goes with its workspace; `PPE_PORTS` (`20040-20059`) and
`PPE_PORT_BASE` (`20040`), a range of ports that no other live workspace has; and, in a Gradle build, a `GRADLE_OPTS` that
gives them Gradle daemons of their own (`workspace.daemons`).
";

const INTRODUCTION: &str = "\
# Configuration

A value is taken from the first of these that has it: a flag, the environment, `ppe.toml` in the repository's top
folder, the user's file (`$XDG_CONFIG_HOME/ppe/config.toml`, without that variable `~/.config/ppe/config.toml`), the
defaults. `ppe config` prints every value with its origin. Lists and commands are replaced as a whole, never joined.

Every key but those of `[[verify]]`, `[[check]]` and `[[agent.rule]]` has a variable `PPE_…`; some have older names besides. Variables of
one key that differ are an error; an empty one counts as not set. In a variable a list is written with commas or as in
TOML: `[\"a\", \"b\"]`. `PLAN_EXECUTION_MODE` is a word of `run.mode`, or `parallel` or `sequential`; `sequential` is
one slot, whatever the variables for slots say.

A finer retry limit wins over `retries.tasks`, whatever layer either comes from. Relative paths are seen from the
repository's top folder.
";

const RULE_EXAMPLE: &str = "\
```toml
[[agent.rule]]
match = { title = \"docs\" }
model = \"haiku\"

[[agent.rule]]
match = { module = \"core\", priority = \"high\" }
agent = \"codex\"
fallback = \"claude\"
```
";

fn allowed_text<T>(key: &Key<T>) -> String {
    match &key.kind {
        Kind::Choice { names, .. } => {
            names.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        }
        other => allowed(other),
    }
}

fn default_text(default: &Value) -> String {
    match default {
        Value::Array(items) if items.len() > 8 => "see below".to_owned(),
        other => format!("`{other}`"),
    }
}

fn section_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(section, _)| section)
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}

fn default_of(path: &str) -> Option<Value> {
    let defaults: Value = toml::from_str(DEFAULTS).ok()?;
    path.split('.').try_fold(&defaults, |value, name| value.get(name)).cloned()
}

fn base_patterns() -> impl Iterator<Item = String> {
    let patterns = default_of("env.base").and_then(|value| value.as_array().cloned()).unwrap_or_default();
    patterns.into_iter().filter_map(|p| p.as_str().map(str::to_owned))
}
