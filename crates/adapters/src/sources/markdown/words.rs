//! The words of a task file, English and Spanish.
//!
//! Knows nothing of where a word stands.

use ppe_core::text::folded;

/// What a key or heading says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Id,
    Title,
    Priority,
    Module,
    Quarter,
    Wave,
    Estimate,
    CommitCount,
    Coverage,
    DependsOn,
    Blocks,
    Status,
    Agent,
    Model,
    Files,
    Phase,
    CommitPlan,
    /// What a commit changes, its tests: read by the agent in the task's text.
    CommitProse,
    Subject,
}

/// The key that a word is, whatever its case, accents and joints: `depends_on`, `Depende de`.
pub(super) fn key(text: &str) -> Option<Key> {
    let text = folded(text).replace(['_', '-'], " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    Some(match words.join(" ").as_str() {
        "id" | "task id" => Key::Id,
        "title" | "titulo" | "name" | "nombre" => Key::Title,
        "priority" | "prioridad" => Key::Priority,
        "module" | "modulo" => Key::Module,
        "quarter" | "trimestre" => Key::Quarter,
        "wave" | "ola" | "oleada" => Key::Wave,
        "estimate" | "estimation" | "estimated effort" | "estimated time" | "estimated duration"
        | "effort" | "duration" | "estimacion" | "tiempo estimado" | "esfuerzo" | "esfuerzo estimado"
        | "duracion" | "duracion estimada" => Key::Estimate,
        "estimated commits" | "number of commits" | "total commits" | "commits estimados"
        | "numero de commits" | "total de commits" => Key::CommitCount,
        "coverage"
        | "coverage target"
        | "test coverage"
        | "target coverage"
        | "cobertura"
        | "objetivo de cobertura"
        | "cobertura objetivo"
        | "cobertura de tests" => Key::Coverage,
        "dependencies" | "depends on" | "depends" | "dependency" | "blocked by" | "needs" | "requires"
        | "dependencias" | "dependencia" | "depende de" | "bloqueada por" | "bloqueado por" | "requiere" => {
            Key::DependsOn
        }
        "blocks" | "blocked tasks" | "bloquea" | "bloquea a" | "tareas bloqueadas" => Key::Blocks,
        "status" | "state" | "estado" => Key::Status,
        "agent" | "agente" => Key::Agent,
        "model" | "modelo" => Key::Model,
        "files"
        | "file"
        | "modified files"
        | "archivos"
        | "archivo"
        | "ficheros"
        | "fichero"
        | "archivos modificados"
        | "archivos afectados"
        | "affected files" => Key::Files,
        "phase" | "fase" => Key::Phase,
        "commit plan"
        | "commits"
        | "planned commits"
        | "plan of commits"
        | "plan de commits"
        | "commits planificados"
        | "lista de commits" => Key::CommitPlan,
        "changes" | "tests" | "test" | "cambios" | "pruebas" | "description" | "descripcion" => {
            Key::CommitProse
        }
        "subject" | "message" | "commit message" | "asunto" | "mensaje" => Key::Subject,
        _ => return None,
    })
}

/// Whether a value says that there is none.
pub(super) fn says_none(text: &str) -> bool {
    let text = folded(text);
    let text = text.trim().trim_end_matches('.').trim_matches(['*', '_', '`', '(', ')']);
    matches!(
        text,
        "" | "-"
            | "–"
            | "—"
            | "none"
            | "nothing"
            | "no"
            | "null"
            | "~"
            | "n/a"
            | "na"
            | "no dependencies"
            | "no blockers"
            | "ninguna"
            | "ninguno"
            | "nada"
            | "sin dependencias"
            | "no aplica"
            | "no tiene"
            | "no depende de nada"
            | "no bloquea a nadie"
            | "[]"
    )
}

/// Words that join ids or lead up to them: `T-1 and T-2`, `requires task T-3`.
pub(super) fn joins(word: &str) -> bool {
    matches!(
        folded(word).as_str(),
        "and"
            | "y"
            | "e"
            | "&"
            | "+"
            | "depends"
            | "on"
            | "depende"
            | "de"
            | "needs"
            | "requires"
            | "requiere"
            | "after"
            | "task"
            | "tasks"
            | "tarea"
            | "tareas"
            | "blocks"
            | "bloquea"
            | "a"
            | "la"
            | "las"
            | "the"
    )
}

/// The rest of a text after the word for a phase, when a number follows that word.
fn after_phase_word(text: &str) -> Option<&str> {
    let (word, rest) = text.split_once(char::is_whitespace)?;
    let is_phase = word.eq_ignore_ascii_case("phase") || word.eq_ignore_ascii_case("fase");
    (is_phase && rest.trim_start().starts_with(|c: char| c.is_ascii_digit())).then(|| rest.trim_start())
}

/// The name of a phase: `Generation` of `Phase 2: Generation`; the whole text when it has only a number.
pub(super) fn phase_name(text: &str) -> Option<&str> {
    let rest = after_phase_word(text)?.trim_start_matches(|c: char| c.is_ascii_digit());
    let name =
        rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '.' | '-' | '–' | '—'));
    let name = match name.rfind('(') {
        Some(open) if folded(&name[open..]).contains("commit") => name[..open].trim_end(),
        _ => name,
    };
    Some(if name.is_empty() { text } else { name })
}

/// The subject after `Commit 3/20:`, `Commit 3 of 20 -`, `Commit 3:`; empty when none stands on the line.
pub(super) fn commit_subject(text: &str) -> Option<&str> {
    let rest =
        text.get(..6).filter(|word| word.eq_ignore_ascii_case("commit")).map(|_| text[6..].trim_start())?;
    let rest = rest.trim_start_matches('#');
    let after_number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_number.len() == rest.len() {
        return None;
    }
    let rest = after_number.trim_start();
    let total =
        ["/", "of ", "de "].iter().find_map(|between| rest.strip_prefix(between)).map(str::trim_start);
    let rest =
        total.map_or(rest, |total| total.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start());
    let subject = rest.trim_start_matches(['*', '_']).trim_start();
    match subject.strip_prefix([':', '-', '–', '—', '.']) {
        Some(subject) => Some(subject.trim_start_matches(['*', '_']).trim()),
        None => subject.is_empty().then_some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whatever_their_spelling() {
        assert_eq!(key("depends_on"), Some(Key::DependsOn));
        assert_eq!(key("Depende de"), Some(Key::DependsOn));
        assert_eq!(key("BLOQUEA A"), Some(Key::Blocks));
        assert_eq!(key("Estimación"), Some(Key::Estimate));
        assert_eq!(key("Estimated commits"), Some(Key::CommitCount));
        assert_eq!(key("color"), None);
    }

    #[test]
    fn phases_and_commits_are_read() {
        assert_eq!(phase_name("Phase 2: Generation"), Some("Generation"));
        assert_eq!(phase_name("Fase 1 - Códigos (Commits 1-7)"), Some("Códigos"));
        assert_eq!(phase_name("FASE 3"), Some("FASE 3"));
        assert_eq!(phase_name("Phases"), None);
        assert_eq!(commit_subject("Commit 3/20: feat: x"), Some("feat: x"));
        assert_eq!(commit_subject("Commit 3/20:** `feat: x`"), Some("`feat: x`"));
        assert_eq!(commit_subject("commit 4 de 9 — feat: y"), Some("feat: y"));
        assert_eq!(commit_subject("Commit 5"), Some(""));
        assert_eq!(commit_subject("Commit 5 is the last"), None);
        assert_eq!(commit_subject("Commits"), None);
        assert_eq!(commit_subject("añ"), None);
    }
}
