//! `/_sim/`: a look behind the scenes, and the strings to pull, for tests and demonstrations.

use crate::{Call, Calls, Delays, Effect, Fault, Identity, Outcome, Sim, World};
use aws_load_balancer_controller::aws_api::{Action, Request, elbv2::*};
use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The routes below `/_sim`.
pub(super) fn router() -> Router<Sim> {
    Router::new()
        .route("/calls", get(calls))
        .route("/count", get(count))
        .route("/reset-log", post(reset_log))
        .route("/state", get(state))
        .route("/fault", post(arm).delete(disarm))
        .route("/revive", post(revive))
        .route("/advance", post(advance))
        .route("/delays", post(set_delays))
        .route("/health", post(set_health))
        .route("/quotas", post(set_quotas))
        .route("/identity", post(set_identity))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: usize,
}

/// Calls from a number on, which is the `next` of an earlier answer.
async fn calls(State(sim): State<Sim>, Query(Since { since }): Query<Since>) -> Json<Value> {
    let calls = sim.calls();
    let shown: Vec<_> =
        calls.iter().enumerate().skip(since).map(|(number, call)| call_json(number, call)).collect();
    Json(json!({"next": calls.len(), "now": sim.world(|world| world.now()).as_secs_f64(), "calls": shown}))
}

fn call_json(number: usize, call: &Call) -> Value {
    let outcome = match &call.outcome {
        Outcome::Done => "done",
        Outcome::Refused(_) => "refused",
        Outcome::Failed(_) => "failed",
        Outcome::AnswerLost => "answer lost",
        Outcome::NeverArrived => "never arrived",
    };
    json!({
        "number": number,
        "at": call.at.as_secs_f64(),
        "service": call.action().service(),
        "action": call.action().name(),
        "write": call.is_write(),
        "outcome": outcome,
        "code": call.error_code(),
        "request": format!("{:?}", call.request),
    })
}

async fn count(State(sim): State<Sim>) -> Json<Value> {
    sim.world(|world| {
        let (calls, writes) = (world.calls().len(), world.writes().count());
        let last = |call: Option<&Call>| call.map(|call| call.at.as_secs_f64());
        Json(json!({
            "calls": calls,
            "reads": calls - writes,
            "writes": writes,
            "lastCall": last(world.calls().last()),
            "lastWrite": last(world.writes().last()),
            "now": world.now().as_secs_f64(),
        }))
    })
}

async fn reset_log(State(sim): State<Sim>) -> StatusCode {
    sim.clear_calls();
    StatusCode::NO_CONTENT
}

/// What exists, in short.
async fn state(State(sim): State<Sim>) -> Json<Value> {
    Json(sim.world(state_json))
}

fn state_json(world: &mut World) -> Value {
    let nodes = world.nodes().iter().map(|node| {
        json!({"name": node.name, "id": node.instance_id, "zone": node.zone, "ip": node.ip,
            "podCIDR": node.pod_cidr, "providerID": node.provider_id()})
    });
    let nodes: Vec<_> = nodes.collect();
    let load_balancers: Vec<_> =
        world.elb.load_balancers.keys().map(|arn| load_balancer_json(world, arn)).collect();
    let arns: Vec<_> = world.elb.target_groups.keys().cloned().collect();
    let target_groups: Vec<_> = arns.iter().map(|arn| target_group_json(world, arn)).collect();
    let groups = world.ec2.security_groups.values();
    let groups = groups.map(
        |group| json!({"id": group.id, "name": group.name, "rules": group.ingress.len(), "tags": group.tags}),
    );
    json!({
        "account": world.account.id,
        "region": world.account.region,
        "ids": world.ids(),
        "nodes": nodes,
        "loadBalancers": load_balancers,
        "targetGroups": target_groups,
        "securityGroups": groups.collect::<Vec<_>>(),
    })
}

fn load_balancer_json(world: &World, arn: &str) -> Value {
    let listeners = world.elb.listeners_of(arn).map(|(arn, listener)| {
        let described = &listener.described;
        json!({"arn": arn, "port": described.port, "protocol": described.protocol, "rules": world.elb.rules_of(arn).count()})
    });
    let listeners: Vec<_> = listeners.collect();
    let state = world.elb.load_balancers.get(arn);
    let lb = state.map(|state| state.at(world.now()));
    json!({
        "arn": arn,
        "name": lb.as_ref().map(|lb| &lb.name),
        "type": lb.as_ref().map(|lb| &lb.kind),
        "scheme": lb.as_ref().map(|lb| &lb.scheme),
        "state": lb.as_ref().map(|lb| &lb.state),
        "dnsName": lb.as_ref().map(|lb| &lb.dns_name),
        "securityGroups": lb.as_ref().map(|lb| &lb.security_groups),
        "tags": state.map(|state| &state.tags),
        "listeners": listeners,
    })
}

fn target_group_json(world: &mut World, arn: &str) -> Value {
    let found =
        world.ask(DescribeTargetHealth { arn: arn.into(), targets: Vec::new() }).ok().unwrap_or_default();
    let target = |health: &TargetHealth| json!({"id": health.target.id, "port": health.target.port, "state": health.state, "reason": health.reason});
    let state = world.elb.target_groups.get(arn);
    json!({
        "arn": arn,
        "name": state.map(|state| &state.described.name),
        "type": state.map(|state| &state.described.target_type),
        "protocol": state.map(|state| &state.described.protocol),
        "port": state.map(|state| state.described.port),
        "loadBalancers": state.map(|state| &state.used_by),
        "tags": state.map(|state| &state.tags),
        "targets": found.iter().map(target).collect::<Vec<_>>(),
    })
}

/// A fault to arm.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FaultOrder {
    /// `all`, `reads`, `writes`, or an operation's wire name; default `all`.
    calls: Option<String>,
    /// What goes wrong.
    effect: EffectOrder,
    /// Only the k-th matching call from now, counted from 1.
    at: Option<usize>,
    /// At most so many calls.
    times: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum EffectOrder {
    Fail { code: String },
    Throttle,
    LoseAnswer,
    CrashBefore,
    CrashAfter,
    Delay { seconds: f64 },
    Stale { reads: usize },
}

async fn arm(
    State(sim): State<Sim>,
    Json(order): Json<FaultOrder>,
) -> Result<StatusCode, (StatusCode, String)> {
    let calls = calls_named(order.calls.as_deref().unwrap_or("all"))
        .map_err(|message| (StatusCode::BAD_REQUEST, message))?;
    let mut fault = Fault::on(calls, effect(order.effect));
    if let Some(times) = order.times {
        fault = fault.times(times);
    }
    if let Some(k) = order.at {
        fault = fault.at(k);
    }
    sim.arm(fault);
    Ok(StatusCode::NO_CONTENT)
}

fn calls_named(name: &str) -> Result<Calls, String> {
    Ok(match name {
        "all" => Calls::All,
        "reads" => Calls::Reads,
        "writes" => Calls::Writes,
        operation => {
            let known =
                <Action as strum::VariantArray>::VARIANTS.iter().any(|action| action.name() == operation);
            if !known {
                return Err(format!(
                    "no operation is called {operation:?}; expected all, reads, writes or an operation"
                ));
            }
            let operation = operation.to_owned();
            Calls::matching(move |request: &Request| request.action().name() == operation)
        }
    })
}

fn effect(order: EffectOrder) -> Effect {
    match order {
        EffectOrder::Fail { code } => Effect::fail(code),
        EffectOrder::Throttle => Effect::Throttle,
        EffectOrder::LoseAnswer => Effect::LoseAnswer,
        EffectOrder::CrashBefore => Effect::CrashBefore,
        EffectOrder::CrashAfter => Effect::CrashAfter,
        EffectOrder::Delay { seconds } => Effect::Delay(duration(seconds)),
        EffectOrder::Stale { reads } => Effect::Stale { reads },
    }
}

async fn disarm(State(sim): State<Sim>) -> StatusCode {
    sim.disarm();
    StatusCode::NO_CONTENT
}

async fn revive(State(sim): State<Sim>) -> StatusCode {
    sim.revive();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Step {
    seconds: f64,
}

async fn advance(State(sim): State<Sim>, Json(Step { seconds }): Json<Step>) -> StatusCode {
    sim.advance(duration(seconds));
    StatusCode::NO_CONTENT
}

/// Delays in seconds; those not named stay.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DelayOrder {
    provisioning: Option<f64>,
    initial: Option<f64>,
    draining: Option<f64>,
    interface_release: Option<f64>,
    validation_records: Option<f64>,
    validation: Option<f64>,
    accelerator: Option<f64>,
}

async fn set_delays(State(sim): State<Sim>, Json(order): Json<DelayOrder>) -> StatusCode {
    sim.world(|world| {
        let now = world.settings.delays.clone();
        let or = |given: Option<f64>, was| given.map_or(was, duration);
        world.settings.delays = Delays {
            provisioning: or(order.provisioning, now.provisioning),
            initial: or(order.initial, now.initial),
            draining: or(order.draining, now.draining),
            interface_release: or(order.interface_release, now.interface_release),
            validation_records: or(order.validation_records, now.validation_records),
            validation: or(order.validation, now.validation),
            accelerator: or(order.accelerator, now.accelerator),
        };
    });
    StatusCode::NO_CONTENT
}

/// What health checks find; targets by `id` or `id:port`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthOrder {
    default: Option<TargetHealthState>,
    of: Option<BTreeMap<String, TargetHealthState>>,
}

async fn set_health(State(sim): State<Sim>, Json(order): Json<HealthOrder>) -> StatusCode {
    sim.world(|world| {
        let health = &mut world.settings.health;
        health.default = order.default.unwrap_or_else(|| health.default.clone());
        health.of = order.of.unwrap_or_else(|| std::mem::take(&mut health.of));
    });
    StatusCode::NO_CONTENT
}

/// Sets quotas by their names in camel case; those not named stay.
async fn set_quotas(
    State(sim): State<Sim>,
    Json(order): Json<serde_json::Map<String, Value>>,
) -> Result<StatusCode, (StatusCode, String)> {
    sim.world(|world| {
        let quotas = &mut world.settings.quotas;
        let mut fields = serde_json::to_value(&*quotas)?;
        fields.as_object_mut().into_iter().for_each(|fields| fields.extend(order.clone()));
        *quotas = serde_json::from_value(fields)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .map_err(|error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Who calls, and what it may not do. What is not named is as usual.
async fn set_identity(State(sim): State<Sim>, Json(identity): Json<Identity>) -> StatusCode {
    sim.world(|world| *world.settings.identity = identity);
    StatusCode::NO_CONTENT
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}
