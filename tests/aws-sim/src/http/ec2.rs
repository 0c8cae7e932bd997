//! EC2 on the wire.

mod read;
mod write;

use super::{Failure, form::Node, perform_all};
use crate::Sim;

/// Answers one call.
pub(super) async fn answer(sim: &Sim, form: &Node) -> Result<String, Failure> {
    let action = form.text_or_empty("Action");
    let requests = sim.world(|world| read::requests(&action, form, world))?;
    let responses = perform_all(sim, requests, form.number("MaxResults")?).await?;
    Ok(sim.world(|world| write::answer(&action, responses, world)))
}
