//! Elastic Load Balancing on the wire.

mod read;
mod read_routing;
mod write;
mod write_routing;

use super::{Failure, form::Node, perform_all};
use crate::{
    Sim,
    refusal::{CallResult, bad_value, ensure},
};

/// Answers one call.
pub(super) async fn answer(sim: &Sim, form: &Node) -> Result<String, Failure> {
    let action = form.text_or_empty("Action");
    let requests = sim.world(|world| read::requests(&action, form, world))?;
    let responses = perform_all(sim, requests.clone(), page_size(form)?).await?;
    Ok(sim.world(|world| write::answer(&action, form, &requests, responses, world)))
}

fn page_size(form: &Node) -> CallResult<Option<usize>> {
    let size = form.number("PageSize")?;
    ensure(size.is_none_or(|size| (1..=400).contains(&size)), || {
        bad_value("PageSize must be between '1' and '400'")
    })?;
    Ok(size)
}
