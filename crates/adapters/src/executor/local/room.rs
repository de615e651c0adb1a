//! What a task's jobs have to themselves: a folder for temporary files, a range of ports, daemons of their build tool.
//! And what the machine must have before anything new begins.
//!
//! So that many workspaces do not trample each other. Knows nothing of what a job does.

use super::{Daemons, Inner, trouble};
use crate::executor::record;
use ppe_core::ids::TaskId;
use ppe_core::input::Trouble;
use std::collections::BTreeMap;
use std::path::Path;

/// Files that make a folder the top of a Gradle build.
const GRADLE: [&str; 5] =
    ["settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts", "gradlew"];

impl Inner {
    /// Adds to a job's environment what its task has alone. Its workspace exists.
    pub(super) fn fit_out(&self, task: &TaskId, env: &mut BTreeMap<String, String>) -> Result<(), Trouble> {
        let workspace = self.workspace_dir(task);
        let temp = self.task_temp(task);
        // Another task may take away the folder above, when it finds that empty.
        record::make_dir(&temp).or_else(|_| record::make_dir(&temp)).map_err(trouble::machine)?;
        env.insert("TMPDIR".to_owned(), temp.display().to_string());
        let ports = self.ports.of(&workspace)?;
        env.insert("PPE_PORT_BASE".to_owned(), ports.first.to_string());
        env.insert("PPE_PORTS".to_owned(), format!("{}-{}", ports.first, ports.last));
        if self.settings.daemons == Daemons::Own && is_gradle(&workspace) {
            // Its caches stay the user's, which Gradle locks itself; only its daemons are found by this folder.
            let registry = self.places.tasks.join(task.as_str()).join("gradle");
            let option = format!("-Dorg.gradle.daemon.registry.base={}", registry.display());
            let option = if option.contains(char::is_whitespace) { format!("\"{option}\"") } else { option };
            let options = env.entry("GRADLE_OPTS".to_owned()).or_default();
            if !options.is_empty() {
                options.push(' ');
            }
            options.push_str(&option);
        }
        Ok(())
    }

    /// Takes away what [`Inner::fit_out`] made.
    pub(super) fn clear_out(&self, task: &TaskId) -> Result<(), Trouble> {
        // What cannot be deleted now lies in a folder for temporary files.
        drop(std::fs::remove_dir_all(self.task_temp(task)));
        drop(std::fs::remove_dir(&self.places.temp));
        self.ports.give_back(&self.workspace_dir(task))
    }

    pub(super) fn check_memory(&self) -> Result<(), Trouble> {
        let floor = self.settings.memory_floor_bytes;
        match std::fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(available_bytes) {
            Some(free) if free < floor => {
                let (free, floor) = (free >> 20, floor >> 20);
                Err(Trouble::Machine(format!("memory: {free} MiB available, {floor} MiB are needed")))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_gradle(workspace: &Path) -> bool {
    GRADLE.iter().any(|name| workspace.join(name).exists())
}

/// Memory that programs can have without swapping, as the kernel estimates it.
fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_as_the_kernel_writes_it() {
        let text = "MemTotal:       24683320 kB\nMemFree:         5895232 kB\nMemAvailable:   23956000 kB\n";
        assert_eq!(available_bytes(text), Some(23_956_000 << 10));
        assert_eq!(available_bytes("MemTotal: 1 kB\n"), None);
    }
}
