//! `/_sim/data-plane`: whether load balancers carry traffic, and where each listener can be reached.

use crate::DataPlane;
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

/// The running data plane, if there is one.
type Plane = Option<Arc<DataPlane>>;

/// The routes of the data plane, which are there also where none runs.
pub(super) fn router<S: Clone + Send + Sync + 'static>(plane: Plane) -> Router<S> {
    Router::new().route("/data-plane", get(describe).post(change)).with_state(plane)
}

async fn describe(State(plane): State<Plane>) -> Json<Value> {
    Json(plane.map_or_else(|| json!({"running": false}), |plane| plane.describe()))
}

/// What to change; what is not named stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    /// From a change by the API until traffic follows it.
    propagation_seconds: Option<f64>,
    /// Which loopback address stands for which address and port of the VPC.
    #[serde(default)]
    ports: BTreeMap<SocketAddr, SocketAddr>,
    /// Certificates (PEM) by ARN: chain and key.
    #[serde(default)]
    certificates: BTreeMap<String, (String, String)>,
}

async fn change(
    State(plane): State<Plane>,
    Json(order): Json<Order>,
) -> Result<StatusCode, (StatusCode, String)> {
    let refuse = |why: String| (StatusCode::BAD_REQUEST, why);
    let plane =
        plane.ok_or_else(|| refuse("no data plane runs: start aws-sim with --data-plane".to_owned()))?;
    if let Some(seconds) = order.propagation_seconds {
        let propagation = Duration::try_from_secs_f64(seconds)
            .map_err(|error| refuse(format!("propagationSeconds: {seconds}: {error}")))?;
        plane.settings(|settings| settings.propagation = propagation);
    }
    for (address, loopback) in order.ports {
        plane.network().map_port(address, loopback);
    }
    for (arn, (chain, key)) in order.certificates {
        plane
            .set_certificate(&arn, &chain, &key)
            .map_err(|error| refuse(format!("certificates: {arn}: {error:#}")))?;
    }
    Ok(StatusCode::NO_CONTENT)
}
