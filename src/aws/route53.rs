//! Route 53 through its SDK client.

use super::sdk::{answered, done, incomplete, named};
use crate::aws_api::acm::ValidationRecord;
use crate::aws_api::route53::{
    CreateRecord, DeleteRecord, HostedZone, HostedZonePage, ListHostedZones, VALIDATION_TTL,
};
use crate::aws_api::{Action, CloudError, Request, Response};
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    match request {
        Request::ListHostedZones(request) => {
            list_hosted_zones(client, request).await.map(Response::ListHostedZones)
        }
        Request::CreateRecord(CreateRecord { zone_id, record }) => {
            let action = Action::CreateRecord;
            change(client, action, ChangeAction::Create, zone_id, record).await.map(Response::CreateRecord)
        }
        Request::DeleteRecord(DeleteRecord { zone_id, record, certificate: _ }) => {
            let action = Action::DeleteRecord;
            change(client, action, ChangeAction::Delete, zone_id, record).await.map(Response::DeleteRecord)
        }
        other => Err(super::misrouted(other.action())),
    }
}

async fn list_hosted_zones(client: &Client, request: ListHostedZones) -> Result<HostedZonePage, CloudError> {
    const ACTION: Action = Action::ListHostedZones;
    let answer = answered(ACTION, client.list_hosted_zones().set_marker(request.marker).send().await)?;
    let zones = answer.hosted_zones.into_iter().map(|zone| HostedZone {
        id: zone.id,
        name: zone.name,
        is_private: zone.config.is_some_and(|config| config.private_zone),
    });
    let zones = named(ACTION, zones.collect(), |zone| zone.id.as_str())?;
    Ok(HostedZonePage { zones, next_marker: answer.next_marker.filter(|_| answer.is_truncated) })
}

async fn change(
    client: &Client,
    action: Action,
    change: ChangeAction,
    zone_id: String,
    record: ValidationRecord,
) -> Result<(), CloudError> {
    let batch = batch(change, record).map_err(|error| incomplete(action, &error))?;
    let call = client.change_resource_record_sets().hosted_zone_id(zone_id).change_batch(batch);
    done(action, call.send().await)
}

fn batch(
    action: ChangeAction,
    record: ValidationRecord,
) -> Result<ChangeBatch, aws_sdk_route53::error::BuildError> {
    let value = ResourceRecord::builder().value(record.value).build()?;
    let set = ResourceRecordSet::builder()
        .name(record.name)
        .r#type(RrType::from(record.kind.as_str()))
        .ttl(VALIDATION_TTL)
        .resource_records(value)
        .build()?;
    let change = Change::builder().action(action).resource_record_set(set).build()?;
    ChangeBatch::builder().changes(change).build()
}
