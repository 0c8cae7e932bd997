//! Elastic Load Balancing on the wire.

mod read;
mod read_routing;
mod write;
mod write_routing;

use super::{Failure, form::Node, perform_all};
use crate::Sim;

/// Answers one call.
pub(super) async fn answer(sim: &Sim, form: &Node) -> Result<String, Failure> {
    let action = form.text_or_empty("Action");
    let requests = sim.world(|world| read::requests(&action, form, world))?;
    let responses = perform_all(sim, requests.clone()).await?;
    Ok(sim.world(|world| write::answer(&action, form, &requests, responses, world)))
}
