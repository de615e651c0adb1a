//! A plan's dependencies for other programs: Graphviz and Mermaid. As JSON they are a document of core.
//!
//! Arrows go from what must land first to what waits for it. Knows nothing of layout.

use ppe_core::plan::Plan;
use ppe_core::text::shown;
use std::fmt::{self, Write};

/// The graph in Graphviz's language, one rank a wave.
pub(crate) fn dot(out: &mut dyn Write, plan: &Plan) -> fmt::Result {
    writeln!(out, "digraph plan {{")?;
    writeln!(out, "  label=\"{}\";", dot_text(&plan.name))?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(out, "  node [shape=box];")?;
    for (wave, tasks) in plan.waves.iter().enumerate() {
        writeln!(out, "  subgraph wave_{wave} {{")?;
        writeln!(out, "    rank=same;")?;
        for position in tasks {
            let (id, title) =
                (dot_text(plan.id(*position).as_str()), dot_text(&plan.tasks[*position].spec.title));
            writeln!(out, "    \"{id}\" [label=\"{id}\\n{title}\"];")?;
        }
        writeln!(out, "  }}")?;
    }
    for (from, to) in arrows(plan) {
        let (from, to) = (dot_text(plan.id(from).as_str()), dot_text(plan.id(to).as_str()));
        writeln!(out, "  \"{from}\" -> \"{to}\";")?;
    }
    writeln!(out, "}}")
}

/// The graph as a Mermaid flow chart, one box a wave. Nodes are numbered, as an id may be a word of that language.
pub(crate) fn mermaid(out: &mut dyn Write, plan: &Plan) -> fmt::Result {
    writeln!(out, "flowchart LR")?;
    for (wave, tasks) in plan.waves.iter().enumerate() {
        writeln!(out, "  subgraph wave_{wave} [Wave {wave}]")?;
        for position in tasks {
            let (id, title) = (plan.id(*position).as_str(), &plan.tasks[*position].spec.title);
            writeln!(out, "    n{position}[\"{}: {}\"]", mermaid_text(id), mermaid_text(title))?;
        }
        writeln!(out, "  end")?;
    }
    for (from, to) in arrows(plan) {
        writeln!(out, "  n{from} --> n{to}")?;
    }
    Ok(())
}

fn arrows(plan: &Plan) -> impl Iterator<Item = (usize, usize)> {
    plan.tasks.iter().enumerate().flat_map(|(to, task)| task.needs.iter().map(move |from| (*from, to)))
}

fn dot_text(text: &str) -> String {
    shown(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Mermaid has no escapes in quotes, but reads character codes.
fn mermaid_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in shown(text).chars() {
        match letter {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '`' => out.push_str("#96;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::ids::TaskId;
    use ppe_core::plan::{At, PlanSpec, Spot, TaskSpec, check};
    use std::sync::Arc;

    fn sample() -> Plan {
        let spot = Spot { file: Arc::from("plan.md"), line: 1 };
        let mut second = TaskSpec::bare(TaskId::new("T-2"), "Say \"hi\" <b>\\#1", spot.clone());
        second.depends_on.push(At { value: TaskId::new("T-1"), spot: spot.clone() });
        let tasks = vec![TaskSpec::bare(TaskId::new("T-1"), "First", spot), second];
        check(PlanSpec { name: Arc::from("A \"plan\""), tasks }, Vec::new()).plan.unwrap()
    }

    #[test]
    fn graphviz_gets_escaped_text() {
        let mut out = String::new();
        dot(&mut out, &sample()).unwrap();
        insta::assert_snapshot!(out, @r#"
        digraph plan {
          label="A \"plan\"";
          rankdir=LR;
          node [shape=box];
          subgraph wave_0 {
            rank=same;
            "T-1" [label="T-1\nFirst"];
          }
          subgraph wave_1 {
            rank=same;
            "T-2" [label="T-2\nSay \"hi\" <b>\\#1"];
          }
          "T-1" -> "T-2";
        }
        "#);
    }

    #[test]
    fn mermaid_gets_character_codes() {
        let mut out = String::new();
        mermaid(&mut out, &sample()).unwrap();
        insta::assert_snapshot!(out, @r#"
        flowchart LR
          subgraph wave_0 [Wave 0]
            n0["T-1: First"]
          end
          subgraph wave_1 [Wave 1]
            n1["T-2: Say #quot;hi#quot; #lt;b#gt;\#35;1"]
          end
          n0 --> n1
        "#);
    }
}
