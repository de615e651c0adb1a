//! The signals of a shim: one that asks it to stop, one that says a child has ended, two it ignores.
//!
//! Handlers, not a blocked or ignored set, because those would be inherited by the program: a handler falls back
//! to the default when the program is executed. The signals are blocked except while the shim waits (so none is
//! missed between a look and a wait) and while it starts the program (so that the program has none blocked).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::libc;
use nix::poll::ppoll;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::time::TimeSpec;

/// Terminal signals have no meaning for a process that must survive its terminal.
const HANDLED: [Signal; 4] = [Signal::SIGTERM, Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGINT];

static STOP_ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(signal: libc::c_int) {
    if signal == libc::SIGTERM {
        STOP_ASKED.store(true, Ordering::SeqCst);
    }
}

/// Installs the handlers and blocks their signals. From here on a request to stop is remembered, not obeyed.
pub(super) fn install() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(note), SaFlags::SA_NOCLDSTOP, SigSet::empty());
    for signal in HANDLED {
        #[expect(unsafe_code, reason = "the handler only stores to an atomic, which is safe at any moment")]
        let _before = unsafe { sigaction(signal, &action) }?;
    }
    HANDLED.into_iter().collect::<SigSet>().thread_set_mask()
}

/// Whether anybody has asked for a stop so far.
pub(super) fn stop_asked() -> bool {
    STOP_ASKED.load(Ordering::SeqCst)
}

/// Whether anybody has asked for a stop since this was asked last.
pub(super) fn take_stop_asked() -> bool {
    STOP_ASKED.swap(false, Ordering::SeqCst)
}

/// Runs `start` with no signal blocked, as the program it starts should find them.
pub(super) fn with_none_blocked<T>(start: impl FnOnce() -> T) -> T {
    // Setting a thread's mask cannot fail with these arguments.
    let _opened = SigSet::empty().thread_set_mask();
    let result = start();
    let _closed = HANDLED.into_iter().collect::<SigSet>().thread_set_mask();
    result
}

/// Sleeps until a signal comes, or for `most`.
pub(super) fn wait(most: Duration) {
    // Either it slept or a signal woke it: the caller looks again in both cases.
    let _woken = ppoll(&mut [], Some(TimeSpec::from_duration(most)), Some(SigSet::empty()));
}
