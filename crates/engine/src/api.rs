//! All that a face may see of a run: what it looks like, what happens, and a place to put commands.
//!
//! Three back ends: in process (here), attached to another process ([`crate::attach`]), and read-only from the log
//! ([`crate::session::fold`]). Knows nothing of how anything is shown.

use ppe_core::event::Record;
use ppe_core::ids::{Millis, Seq};
use ppe_core::input::{Command, Reply};
use ppe_core::state::State;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

pub use crate::ports::{JobKey, Notice, Stream, Tail};

/// Events that a slow face may fall behind before it has to look at the whole again.
pub(crate) const TAIL: usize = 4_096;
/// Commands that may wait for the loop; a caller waits when it is full.
pub(crate) const COMMANDS: usize = 32;

/// A durable record with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place.
    pub seq: Seq,
    /// What was decided.
    pub record: Record,
}

/// The run as a face sees it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The state that the durable records make.
    pub state: Arc<State>,
    /// The last of them.
    pub seq: Seq,
    /// The run's time when it was taken.
    pub now: Millis,
    /// Why nothing can be written, if so.
    pub stalled: Option<String>,
}

/// A word to the loop besides commands on the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// End this process now; agents go on and are adopted later.
    Now,
}

pub(crate) enum Request {
    Command(Box<Command>, oneshot::Sender<Reply>),
    Leave(Leave),
}

/// A handle on a run in this process.
#[derive(Clone)]
pub struct RunHandle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) snapshots: watch::Receiver<Snapshot>,
    pub(crate) tail: broadcast::Sender<Arc<Recorded>>,
}

/// The run's loop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run is over")]
pub struct Over;

impl RunHandle {
    /// The run as it is.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshots.borrow().clone()
    }

    /// Resolves when the run looks different from the last snapshot this handle took with [`Self::fresh`].
    pub async fn fresh(&mut self) -> Result<Snapshot, Over> {
        self.snapshots.changed().await.map_err(|_| Over)?;
        Ok(self.snapshots.borrow_and_update().clone())
    }

    /// All that is recorded from now on. Who falls behind is told how much was missed, and takes a snapshot.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.tail.subscribe()
    }

    /// Gives a command; the answer comes when what it changed is durable.
    pub async fn command(&self, command: Command) -> Result<Reply, Over> {
        let (answer, reply) = oneshot::channel();
        self.requests.send(Request::Command(Box::new(command), answer)).await.map_err(|_| Over)?;
        reply.await.map_err(|_| Over)
    }

    /// Leaves the run.
    pub async fn leave(&self, leave: Leave) -> Result<(), Over> {
        self.requests.send(Request::Leave(leave)).await.map_err(|_| Over)
    }
}
