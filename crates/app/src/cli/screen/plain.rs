//! stub
use ppe_core::event::Record;
use ppe_core::plan::Plan;
use ppe_core::policy::Policy;
use ppe_core::state::State;
use ppe_core::view::RunView;
#[derive(Default)]
pub(in crate::cli) struct Plain;
pub(in crate::cli) fn opening(plan: &Plan, _policy: &Policy) -> Vec<String> { vec![format!("1. ✅ Analyzing {} tasks...", plan.tasks.len())] }
pub(in crate::cli) fn launching(slots: u32) -> String { format!("🚀 Launching parallel execution with {slots} concurrent slots...") }
pub(in crate::cli) fn interrupted(n: u32, working: usize) -> String { format!("interrupt {n}: {working} still work") }
impl Plain {
    pub(in crate::cli) fn record(&mut self, record: &Record, _state: &State, _view: &RunView, at: &str) -> Vec<String> {
        record.events.iter().map(|e| { let t = format!("{e:?}"); format!("{at} {}", t.chars().take(150).collect::<String>()) }).collect()
    }
    pub(in crate::cli) fn tick(&mut self, _view: &RunView) -> Vec<String> { vec![] }
}
