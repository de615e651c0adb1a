//! A plan as text for people: waves, critical path, total work, order, findings.
//!
//! Writes plain text at most 80 columns wide where ids allow it. Knows nothing of terminals and colours.

use crate::findings;
use ppe_core::plan::{Checked, Duration, Finding, Plan};
use ppe_core::policy::Order;
use ppe_core::rank::{ranked, reason};
use ppe_core::text::shown;
use ppe_core::wording::counted;
use std::fmt::{self, Write};

/// Columns of a line.
const WIDTH: usize = 80;
/// What stands for tasks that name no quarter.
const NO_QUARTER: &str = "Other";

/// What `plan show` prints: the waves, the sums, the warnings.
pub(crate) fn plan(out: &mut dyn Write, plan: &Plan, findings: &[Finding]) -> fmt::Result {
    writeln!(out, "{}: {}", shown(&plan.name), counted(plan.tasks.len(), "task"))?;
    for wave in 0..plan.waves.len() {
        writeln!(out)?;
        self::wave(out, plan, wave)?;
    }
    writeln!(out)?;
    critical_path(out, plan)?;
    totals(out, plan)?;
    if !findings.is_empty() {
        writeln!(out)?;
    }
    findings::list(out, findings)
}

/// One wave: its tasks by quarter when nothing holds them back, else each with what it depends on.
fn wave(out: &mut dyn Write, plan: &Plan, wave: usize) -> fmt::Result {
    let tasks = &plan.waves[wave];
    let count = counted(tasks.len(), "task");
    if wave == 0 {
        writeln!(out, "Wave 0 ({count}): No dependencies - START IMMEDIATELY")?;
        return by_quarter(out, plan, tasks);
    }
    writeln!(out, "Wave {wave} ({count}): Depend on Wave {} tasks", wave - 1)?;
    for (at, position) in tasks.iter().enumerate() {
        let needs: Vec<_> = plan.tasks[*position].needs.iter().map(|need| id(plan, *need)).collect();
        let text = format!("{} (depends on {})", id(plan, *position), needs.join(", "));
        branch(out, Place::of(at, tasks.len()), &text)?;
    }
    Ok(())
}

fn by_quarter(out: &mut dyn Write, plan: &Plan, tasks: &[usize]) -> fmt::Result {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for position in tasks {
        let quarter = short_quarter(plan.tasks[*position].spec.quarter.as_deref());
        let id = id(plan, *position);
        match groups.iter_mut().find(|(name, _)| *name == quarter) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((quarter, vec![id])),
        }
    }
    groups.sort_by_key(|(name, _)| (name == NO_QUARTER, name.clone()));
    if let [(name, ids)] = groups.as_slice()
        && name == NO_QUARTER
    {
        return branch(out, Place::Last, &ids.join(", "));
    }
    for (at, (name, ids)) in groups.iter().enumerate() {
        branch(out, Place::of(at, groups.len()), &format!("{name}: {}", ids.join(", ")))?;
    }
    Ok(())
}

/// `Q1` of `Q1-2026`; a group of any other name as it is written.
fn short_quarter(quarter: Option<&str>) -> String {
    let Some(quarter) = quarter else { return NO_QUARTER.to_owned() };
    match quarter.split_once('-') {
        Some((name, year)) if name.len() == 2 && year.bytes().all(|byte| byte.is_ascii_digit()) => {
            name.to_owned()
        }
        _ => shown(quarter).into_owned(),
    }
}

/// Whether more branches follow.
#[derive(Clone, Copy)]
enum Place {
    Middle,
    Last,
}

impl Place {
    fn of(at: usize, count: usize) -> Self {
        if at + 1 == count { Self::Last } else { Self::Middle }
    }
}

/// One branch of a tree, wrapped at spaces; further lines stand under the text after its label.
fn branch(out: &mut dyn Write, place: Place, text: &str) -> fmt::Result {
    let (first, next) = match place {
        Place::Middle => ("├─ ", "│  "),
        Place::Last => ("└─ ", "   "),
    };
    let label = text.split_once(": ").map_or(0, |(label, _)| label.chars().count() + 2);
    wrapped(out, first, &format!("{next}{:label$}", ""), text)
}

/// A text on as many lines as it needs, broken at spaces.
fn wrapped(out: &mut dyn Write, first: &str, next: &str, text: &str) -> fmt::Result {
    let mut line = first.to_owned();
    let mut columns = first.chars().count();
    let mut is_fresh = true;
    for word in text.split(' ') {
        let width = word.chars().count();
        if !is_fresh && columns + 1 + width > WIDTH {
            writeln!(out, "{}", line.trim_end())?;
            next.clone_into(&mut line);
            columns = next.chars().count();
            is_fresh = true;
        }
        if !is_fresh {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += width;
        is_fresh = false;
    }
    writeln!(out, "{}", line.trim_end())
}

fn critical_path(out: &mut dyn Write, plan: &Plan) -> fmt::Result {
    let path = plan.critical_path();
    let Some(first) = path.first() else { return Ok(()) };
    let ids: Vec<String> = path.iter().map(|at| id(plan, *at)).collect();
    let length = Duration(plan.tasks[*first].path_s);
    wrapped(out, "Critical path: ", "               ", &format!("{} ({length})", ids.join(" → ")))
}

fn totals(out: &mut dyn Write, plan: &Plan) -> fmt::Result {
    let commits = grouped(u64::from(plan.planned_commits()));
    write!(
        out,
        "Total work:    {} one after the other, {commits} planned commits",
        Duration(plan.total_work_s())
    )?;
    let assumed = plan.tasks.iter().filter(|task| task.spec.estimate.is_none()).count();
    if assumed > 0 {
        let each = Duration(plan.assumed_s);
        write!(
            out,
            "\n               ({} without an estimate, {each} assumed for each)",
            counted(assumed, "task")
        )?;
    }
    writeln!(out)
}

/// What `plan check` prints: the findings, and whether the plan may run.
pub(crate) fn check(out: &mut dyn Write, checked: &Checked) -> fmt::Result {
    findings::list(out, &checked.findings)?;
    if !checked.findings.is_empty() {
        writeln!(out)?;
    }
    match &checked.plan {
        Some(plan) => {
            writeln!(out, "{}: {}, ready to run", shown(&plan.name), counted(plan.tasks.len(), "task"))
        }
        None => writeln!(out, "the plan cannot run"),
    }
}

/// What `plan show --order` prints: each task's place and the reason for it.
pub(crate) fn order(out: &mut dyn Write, plan: &Plan, order: Order) -> fmt::Result {
    let digits = plan.tasks.len().to_string().len();
    let widest =
        plan.tasks.iter().map(|task| shown(task.spec.id.value.as_str()).chars().count()).max().unwrap_or(0);
    for (place, position) in ranked(plan, order).into_iter().enumerate() {
        let why = reason(plan, order, position);
        writeln!(out, "{:>digits$}. {:widest$}  {}", place + 1, id(plan, position), shown(&why))?;
    }
    Ok(())
}

fn id(plan: &Plan, position: usize) -> String {
    shown(plan.id(position).as_str()).into_owned()
}

/// `1,208`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::ids::TaskId;
    use ppe_core::plan::{At, Code, PlanSpec, Priority, Spot, TaskSpec};
    use std::sync::Arc;

    /// What waits for what in a plan of 45 tasks; all others wait for nothing.
    const EDGES: [(u32, u32); 14] = [
        (9, 2),
        (10, 3),
        (15, 8),
        (16, 9),
        (17, 10),
        (18, 4),
        (22, 7),
        (27, 16),
        (28, 17),
        (29, 17),
        (32, 4),
        (33, 5),
        (37, 6),
        (43, 12),
    ];

    fn id_of(number: u32) -> TaskId {
        TaskId::new(format!("T-{number:03}"))
    }

    fn task(number: u32) -> TaskSpec {
        let spot = Spot { file: Arc::from(format!("T-{number:03}.md")), line: 6 };
        let needs = EDGES.iter().filter(|(task, _)| *task == number);
        let quarter = match number {
            ..=6 => "Q1-2026",
            7..=18 => "Q2-2026",
            19..=22 => "Q3-2026",
            _ => "Q4-2026",
        };
        TaskSpec {
            depends_on: needs.map(|(_, need)| At { value: id_of(*need), spot: spot.clone() }).collect(),
            quarter: Some(Arc::from(quarter)),
            priority: if number <= 7 { Priority::High } else { Priority::Medium },
            estimate: (number != 45).then_some(Duration(Duration::WEEK * 5 / 2)),
            declared_commits: Some(At { value: 30, spot: spot.clone() }),
            declared_wave: (number == 15).then(|| At { value: 2, spot: spot.clone() }),
            ..TaskSpec::bare(id_of(number), format!("Task {number}"), spot)
        }
    }

    fn example() -> (Plan, Vec<Finding>) {
        let tasks = (1..=45).map(task).collect();
        let checked = ppe_core::plan::check(PlanSpec { name: Arc::from("APiGen 3.0"), tasks }, Vec::new());
        (checked.plan.unwrap(), checked.findings)
    }

    fn text(write: impl FnOnce(&mut dyn Write) -> fmt::Result) -> String {
        let mut out = String::new();
        write(&mut out).unwrap();
        out
    }

    #[test]
    fn the_example_is_shown_in_waves() {
        let (plan, findings) = example();
        let text = text(|out| super::plan(out, &plan, &findings));
        insta::assert_snapshot!(text, @r"
        APiGen 3.0: 45 tasks

        Wave 0 (31 tasks): No dependencies - START IMMEDIATELY
        ├─ Q1: T-001, T-002, T-003, T-004, T-005, T-006
        ├─ Q2: T-007, T-008, T-011, T-012, T-013, T-014
        ├─ Q3: T-019, T-020, T-021
        └─ Q4: T-023, T-024, T-025, T-026, T-030, T-031, T-034, T-035, T-036, T-038,
               T-039, T-040, T-041, T-042, T-044, T-045

        Wave 1 (9 tasks): Depend on Wave 0 tasks
        ├─ T-009 (depends on T-002)
        ├─ T-010 (depends on T-003)
        ├─ T-015 (depends on T-008)
        ├─ T-018 (depends on T-004)
        ├─ T-022 (depends on T-007)
        ├─ T-032 (depends on T-004)
        ├─ T-033 (depends on T-005)
        ├─ T-037 (depends on T-006)
        └─ T-043 (depends on T-012)

        Wave 2 (2 tasks): Depend on Wave 1 tasks
        ├─ T-016 (depends on T-009)
        └─ T-017 (depends on T-010)

        Wave 3 (3 tasks): Depend on Wave 2 tasks
        ├─ T-027 (depends on T-016)
        ├─ T-028 (depends on T-017)
        └─ T-029 (depends on T-017)

        Critical path: T-002 → T-009 → T-016 → T-027 (10 weeks)
        Total work:    112.5 weeks one after the other, 1,350 planned commits
                       (1 task without an estimate, 2.5 weeks assumed for each)

        1 warning:
          T-015.md:6: T-015 is written down for wave 2 and belongs to wave 1: it depends on T-008 in wave 0 [wave-differs]
        ");
    }

    #[test]
    fn the_order_gives_each_place_its_reason() {
        let (plan, _) = example();
        let text = text(|out| order(out, &plan, Order::Priority));
        let first: Vec<&str> = text.lines().take(9).collect();
        insta::assert_snapshot!(first.join("\n"), @r"
         1. T-002  high priority, then 10 weeks of work on its path T-002 → T-009 → T-016 → T-027
         2. T-003  high priority, then 10 weeks of work on its path T-003 → T-010 → T-017 → T-028
         3. T-004  high priority, then 5 weeks of work on its path T-004 → T-018
         4. T-005  high priority, then 5 weeks of work on its path T-005 → T-033
         5. T-006  high priority, then 5 weeks of work on its path T-006 → T-037
         6. T-007  high priority, then 5 weeks of work on its path T-007 → T-022
         7. T-001  high priority, then 2.5 weeks of work and nothing waits for it
         8. T-009  medium priority, then 7.5 weeks of work on its path T-009 → T-016 → T-027
         9. T-010  medium priority, then 7.5 weeks of work on its path T-010 → T-017 → T-028
        ");
        assert_eq!(text.lines().count(), 45);
    }

    #[test]
    fn a_check_ends_with_whether_the_plan_may_run() {
        let (plan, findings) = example();
        let good = text(|out| check(out, &Checked { plan: Some(plan), findings }));
        assert!(good.starts_with("1 warning:\n  T-015.md:6: T-015 is"), "{good}");
        assert!(good.ends_with("[wave-differs]\n\nAPiGen 3.0: 45 tasks, ready to run\n"), "{good}");
        let bad = text(|out| check(out, &Checked { plan: None, findings: Vec::new() }));
        assert_eq!(bad, "the plan cannot run\n");
    }

    #[test]
    fn what_comes_from_files_cannot_move_the_cursor() {
        let text = text(|out| {
            let finding = Finding {
                level: ppe_core::plan::Level::Warning,
                code: Code::BadValue,
                message: "`\u{1b}[2J` is odd".to_owned(),
                spot: None,
            };
            findings::list(out, &[finding])
        });
        assert_eq!(text, "1 warning:\n  `\\u{1b}[2J` is odd [bad-value]\n");
    }
}
