//! EC2 on the wire.

mod read;
mod write;

use super::{Failure, form::Node, perform_all};
use crate::Sim;
use aws_load_balancer_controller::aws_api::{Request, ec2::DryRun};

/// Answers one call.
pub(super) async fn answer(sim: &Sim, form: &Node) -> Result<String, Failure> {
    let action = form.text_or_empty("Action");
    let requests = sim.world(|world| read::requests(&action, form, world))?;
    if form.flag("DryRun") == Some(true) {
        return dry_run(sim, requests).await;
    }
    let responses = perform_all(sim, requests, form.number("MaxResults")?).await?;
    Ok(sim.world(|world| write::answer(&action, responses, world)))
}

/// A dry run has no answer but an error, also if the change would have been made.
async fn dry_run(sim: &Sim, requests: Vec<Request>) -> Result<String, Failure> {
    let changes: Option<Vec<Request>> =
        requests.into_iter().map(|request| DryRun::of(request).map(Request::from)).collect();
    let changes = changes
        .ok_or_else(|| Failure::refused("InvalidAction", "The dry run of this action is not simulated"))?;
    perform_all(sim, changes, None).await?;
    Err(Failure::refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set."))
}
