//! The faces of `ppe`: they show read models and pass commands on. Know nothing of how a run is carried out.

pub mod cli;
