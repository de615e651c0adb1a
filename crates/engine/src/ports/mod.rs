//! The ports: what the engine needs of the world, each with its contract. What fulfils them is none of its business.
//!
//! Two rules hold for all: a call **looks before it acts**, so that it may be repeated after a crash at any moment; and a
//! call **says what came of it** as a value, with [`Trouble`] for what could not be found out or done.

mod board;
mod clock;
mod executor;
mod forge;
pub mod log;
mod look;
mod notify;
mod radar;
mod set;
mod source;

pub use board::{Board, BoardError, CardChange, CardText, Changed};
pub use clock::Clock;
pub use executor::{
    AgentJob, CheckJob, Executor, JobKey, Purpose, Release, Sightings, SnapshotSpec, Stream, Tail, VerifyJob,
    WorkspaceSpec, WorkspaceStart,
};
pub use forge::{
    BuildSpec, ChangeSpec, CheckReport, CiSpec, Forge, HeadSpec, LabelSpec, LandSpec, Lane, Member,
    NEEDS_REVIEW, PublishSpec, Published, Stamp, Wished,
};
pub use log::{AppendError, EventLog};
pub use look::{Look, OpenTask};
pub use notify::{Notice, Notifier};
pub use radar::{Branches, Radar, Work, WorkAt, work_of};
pub use set::Ports;
pub use source::{FoundPlan, PlanSource, SourceError, SourceKind, Standing, Ticket, Tickets};

pub use ppe_core::input::Trouble;
