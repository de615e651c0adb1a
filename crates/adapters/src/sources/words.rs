//! Words for urgency and for work that is over, English and Spanish, as all sources write them.
//!
//! Knows nothing of where a word stands.

use ppe_core::plan::Priority;
use ppe_core::text::folded;

/// The priority that a word is.
pub(super) fn priority(text: &str) -> Option<Priority> {
    let text = folded(text);
    let word = text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty())?;
    Some(match word {
        "critical" | "critica" | "critico" | "urgent" | "urgente" | "highest" | "p0" => Priority::Critical,
        "high" | "alta" | "alto" | "p1" => Priority::High,
        "medium" | "media" | "medio" | "normal" | "p2" => Priority::Medium,
        "low" | "baja" | "bajo" | "lowest" | "p3" | "p4" => Priority::Low,
        _ => return None,
    })
}

/// Whether a status says that the work is over.
pub(super) fn is_done(text: &str) -> bool {
    let text = folded(text);
    let text = text.trim_matches(|c: char| !c.is_alphanumeric() && c != '✅');
    let word = text.trim_start_matches('✅').trim();
    (word.is_empty() && text.contains('✅'))
        || matches!(
            word,
            "done"
                | "complete"
                | "completed"
                | "finished"
                | "closed"
                | "merged"
                | "landed"
                | "hecho"
                | "hecha"
                | "terminado"
                | "terminada"
                | "completado"
                | "completada"
                | "completo"
                | "completa"
                | "finalizado"
                | "finalizada"
                | "cerrado"
                | "cerrada"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_done_or_not() {
        for done in ["done", "✅ Done", "Completada", "✅", "hecho."] {
            assert!(is_done(done), "{done}");
        }
        for open in ["todo", "in progress", "not done", "⏳", ""] {
            assert!(!is_done(open), "{open}");
        }
    }
}
