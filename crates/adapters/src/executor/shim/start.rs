//! Starts the program of a job. Knows the spec; does not know what becomes of the program.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;

use super::cgroup::Cgroup;
use super::signals;
use crate::executor::record::{self, End, JobSpec};

/// Starts the program in a process group of its own, or says as [`End::CannotRun`] what was in the way.
pub(super) fn program(dir: &Path, spec: &JobSpec, cgroup: Option<&Cgroup>) -> Result<Child, End> {
    let (name, arguments) =
        spec.argv.split_first().ok_or_else(|| cannot("empty command", &Errno::EINVAL.into()))?;
    let mut command = Command::new(name);
    command.args(arguments).env_clear().envs(&spec.env).process_group(0);
    for secret in &spec.secrets {
        let value = std::env::var_os(secret).ok_or_else(|| not_given(secret))?;
        command.env(secret, value);
    }
    command.env(record::MARKER_VARIABLE, &spec.marker);
    check_dir(&spec.cwd)
        .map_err(|error| cannot(&format!("working directory {}", spec.cwd.display()), &error))?;
    command.current_dir(&spec.cwd).stdin(input(spec)?);
    command.stdout(output(dir, record::STDOUT)?).stderr(output(dir, record::STDERR)?);
    let mut start = || signals::with_none_blocked(|| command.spawn());
    let child = match cgroup {
        Some(cgroup) => cgroup.start_inside(start),
        None => start(),
    };
    child.map_err(|error| cannot(&format!("program {name}"), &error))
}

fn check_dir(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_dir() { Ok(()) } else { Err(Errno::ENOTDIR.into()) }
}

fn input(spec: &JobSpec) -> Result<Stdio, End> {
    let Some(path) = &spec.stdin else { return Ok(Stdio::null()) };
    let file =
        File::open(path).map_err(|error| cannot(&format!("standard input {}", path.display()), &error))?;
    Ok(file.into())
}

fn output(dir: &Path, name: &str) -> Result<Stdio, End> {
    let path = dir.join(name);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    Ok(file.map_err(|error| cannot(&format!("output {}", path.display()), &error))?.into())
}

/// No file keeps a secret's value, so whoever starts a job must have it.
fn not_given(secret: &str) -> End {
    let text = format!(
        "the variable `{secret}` was set when this was prepared and is not set any more: set it again"
    );
    End::CannotRun { errno: Errno::EINVAL as i32, text }
}

fn cannot(what: &str, error: &io::Error) -> End {
    // Errors without a number come from arguments that hold a NUL byte.
    let errno = error.raw_os_error().unwrap_or(Errno::EINVAL as i32);
    End::CannotRun { errno, text: format!("{what}: {error}") }
}
