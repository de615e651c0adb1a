//! The Model Context Protocol on standard input and output: runs for the clients of a user, reports for an agent.
//!
//! A thin client of the run, which is a process of its own: nothing here can do more than the command line, and nothing ends
//! with it. Knows the engine's words and [`crate::wiring`], not the command line.

mod answer;
mod arguments;
mod ask;
mod attempt;
mod look;
mod prompt;
#[cfg(test)]
mod reference;
mod resources;
mod run;
mod schema;
mod server;
mod start;
mod status;
mod steer;
mod tools;

use crate::error::{AppError, EXIT_DONE};
use crate::wiring::is_inside_attempt;
use attempt::AttemptServer;
use rmcp::{ServerHandler, ServiceExt};
use server::PlanServer;
use std::path::PathBuf;

/// Serves until the client has gone.
pub(crate) async fn serve(repo: PathBuf) -> Result<u8, AppError> {
    if is_inside_attempt(&repo) { speak(AttemptServer).await } else { speak(PlanServer { repo }).await }
}

async fn speak(server: impl ServerHandler) -> Result<u8, AppError> {
    match server.serve(rmcp::transport::io::stdio_pipes()).await {
        Ok(service) => {
            service.waiting().await.map_err(AppError::bug)?;
            Ok(EXIT_DONE)
        }
        // A client that goes before it has said anything is no failure of ours.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(EXIT_DONE),
        Err(error) => Err(AppError::environment(format!("the client speaks another protocol: {error}"))),
    }
}

/// Does what waits for disks, processes and locks outside of the threads that speak.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(AppError::bug)?
}
