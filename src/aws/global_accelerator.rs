//! Global Accelerator through its SDK client.

use super::sdk::{answered, done, each, id, lacks, named, some};
use crate::aws_api::global_accelerator::{
    Accelerator, AcceleratorPage, AddEndpoints, CreateAccelerator, CreateAcceleratorListener,
    CreateEndpointGroup, DeleteAccelerator, DeleteAcceleratorListener, DeleteEndpointGroup,
    DescribeAccelerator, Endpoint, EndpointGroup, ListAcceleratorListeners, ListAcceleratorTags,
    ListAccelerators, ListEndpointGroups, Listener, PortOverride, PortRange, RemoveEndpoints, TagAccelerator,
    UntagAccelerator, UpdateAccelerator, UpdateAcceleratorListener, UpdateEndpointGroup,
};
use crate::aws_api::{Action, CloudError, Request, Response, Tags};
use aws_sdk_globalaccelerator::Client;
use aws_sdk_globalaccelerator::types;

/// Where the service answers, whichever regions accelerators send traffic to.
/// Source: <https://docs.aws.amazon.com/general/latest/gr/global_accelerator.html>
pub(super) const REGION: &str = "us-west-2";

/// Items of a page; the service's own default is ten.
const PAGE_SIZE: i32 = 100;

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    use Request as Q;
    use Response as A;
    match request {
        Q::ListAccelerators(request) => list(client, request).await.map(A::ListAccelerators),
        Q::DescribeAccelerator(request) => describe(client, request).await.map(A::DescribeAccelerator),
        Q::ListAcceleratorTags(request) => tags(client, request).await.map(A::ListAcceleratorTags),
        Q::ListAcceleratorListeners(request) => {
            listeners(client, request).await.map(A::ListAcceleratorListeners)
        }
        Q::ListEndpointGroups(request) => groups(client, request).await.map(A::ListEndpointGroups),
        Q::CreateAccelerator(request) => create(client, request).await.map(A::CreateAccelerator),
        Q::UpdateAccelerator(request) => update(client, request).await.map(A::UpdateAccelerator),
        Q::DeleteAccelerator(request) => delete(client, request).await.map(A::DeleteAccelerator),
        Q::TagAccelerator(request) => tag(client, request).await.map(A::TagAccelerator),
        Q::UntagAccelerator(request) => untag(client, request).await.map(A::UntagAccelerator),
        Q::CreateAcceleratorListener(request) => {
            create_listener(client, request).await.map(A::CreateAcceleratorListener)
        }
        Q::UpdateAcceleratorListener(request) => {
            update_listener(client, request).await.map(A::UpdateAcceleratorListener)
        }
        Q::DeleteAcceleratorListener(request) => {
            delete_listener(client, request).await.map(A::DeleteAcceleratorListener)
        }
        Q::CreateEndpointGroup(request) => create_group(client, request).await.map(A::CreateEndpointGroup),
        Q::UpdateEndpointGroup(request) => update_group(client, request).await.map(A::UpdateEndpointGroup),
        Q::DeleteEndpointGroup(request) => delete_group(client, request).await.map(A::DeleteEndpointGroup),
        Q::AddEndpoints(request) => add_endpoints(client, request).await.map(A::AddEndpoints),
        Q::RemoveEndpoints(request) => remove_endpoints(client, request).await.map(A::RemoveEndpoints),
        other => Err(super::misrouted(other.action())),
    }
}

async fn list(
    client: &Client,
    request: ListAccelerators,
) -> Result<AcceleratorPage<Accelerator>, CloudError> {
    const ACTION: Action = Action::ListAccelerators;
    let call = client.list_accelerators().max_results(PAGE_SIZE).set_next_token(request.next_token);
    let answer = answered(ACTION, call.send().await)?;
    let items = named(ACTION, each(answer.accelerators, accelerator), |found| &found.arn)?;
    Ok(AcceleratorPage { items, next_token: answer.next_token })
}

async fn describe(client: &Client, request: DescribeAccelerator) -> Result<Accelerator, CloudError> {
    const ACTION: Action = Action::DescribeAccelerator;
    let answer = answered(ACTION, client.describe_accelerator().accelerator_arn(request.arn).send().await)?;
    shown(ACTION, answer.accelerator)
}

async fn tags(client: &Client, request: ListAcceleratorTags) -> Result<Tags, CloudError> {
    const ACTION: Action = Action::ListAcceleratorTags;
    let answer = answered(ACTION, client.list_tags_for_resource().resource_arn(request.arn).send().await)?;
    let tags = answer.tags.ok_or_else(|| lacks(ACTION, "tags"))?;
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

async fn listeners(
    client: &Client,
    request: ListAcceleratorListeners,
) -> Result<AcceleratorPage<Listener>, CloudError> {
    const ACTION: Action = Action::ListAcceleratorListeners;
    let ListAcceleratorListeners { accelerator_arn, next_token } = request;
    let call = client.list_listeners().accelerator_arn(accelerator_arn).max_results(PAGE_SIZE);
    let answer = answered(ACTION, call.set_next_token(next_token).send().await)?;
    let items = named(ACTION, each(answer.listeners, listener), |found| &found.arn)?;
    Ok(AcceleratorPage { items, next_token: answer.next_token })
}

async fn groups(
    client: &Client,
    request: ListEndpointGroups,
) -> Result<AcceleratorPage<EndpointGroup>, CloudError> {
    const ACTION: Action = Action::ListEndpointGroups;
    let ListEndpointGroups { listener_arn, next_token } = request;
    let call = client.list_endpoint_groups().listener_arn(listener_arn).max_results(PAGE_SIZE);
    let answer = answered(ACTION, call.set_next_token(next_token).send().await)?;
    let items = named(ACTION, each(answer.endpoint_groups, group), |found| &found.arn)?;
    Ok(AcceleratorPage { items, next_token: answer.next_token })
}

async fn create(client: &Client, request: CreateAccelerator) -> Result<Accelerator, CloudError> {
    const ACTION: Action = Action::CreateAccelerator;
    let call = client
        .create_accelerator()
        .name(request.name)
        .ip_address_type(request.ip_address_type.as_str().into())
        .set_ip_addresses(some(request.ip_addresses))
        .enabled(request.enabled)
        .idempotency_token(request.idempotency_token)
        .set_tags(some(sdk_tags(ACTION, request.tags)?));
    shown(ACTION, answered(ACTION, call.send().await)?.accelerator)
}

async fn update(client: &Client, request: UpdateAccelerator) -> Result<Accelerator, CloudError> {
    const ACTION: Action = Action::UpdateAccelerator;
    let call = client
        .update_accelerator()
        .accelerator_arn(request.arn)
        .set_name(request.name)
        .set_ip_address_type(request.ip_address_type.map(|kind| kind.as_str().into()))
        .enabled(request.enabled);
    shown(ACTION, answered(ACTION, call.send().await)?.accelerator)
}

async fn delete(client: &Client, request: DeleteAccelerator) -> Result<(), CloudError> {
    done(Action::DeleteAccelerator, client.delete_accelerator().accelerator_arn(request.arn).send().await)
}

async fn tag(client: &Client, request: TagAccelerator) -> Result<(), CloudError> {
    const ACTION: Action = Action::TagAccelerator;
    let tags = sdk_tags(ACTION, request.tags)?;
    done(ACTION, client.tag_resource().resource_arn(request.arn).set_tags(Some(tags)).send().await)
}

async fn untag(client: &Client, request: UntagAccelerator) -> Result<(), CloudError> {
    let call = client.untag_resource().resource_arn(request.arn).set_tag_keys(Some(request.keys));
    done(Action::UntagAccelerator, call.send().await)
}

async fn create_listener(client: &Client, request: CreateAcceleratorListener) -> Result<String, CloudError> {
    const ACTION: Action = Action::CreateAcceleratorListener;
    let call = client
        .create_listener()
        .accelerator_arn(request.accelerator_arn)
        .protocol(request.protocol.as_str().into())
        .set_port_ranges(Some(request.port_ranges.into_iter().map(sdk_range).collect()))
        .client_affinity(request.client_affinity.as_str().into());
    let made = answered(ACTION, call.send().await)?.listener;
    made.and_then(|made| made.listener_arn).ok_or_else(|| lacks(ACTION, "ARN of the listener"))
}

async fn update_listener(client: &Client, request: UpdateAcceleratorListener) -> Result<(), CloudError> {
    let call = client
        .update_listener()
        .listener_arn(request.arn)
        .protocol(request.protocol.as_str().into())
        .set_port_ranges(Some(request.port_ranges.into_iter().map(sdk_range).collect()))
        .client_affinity(request.client_affinity.as_str().into());
    done(Action::UpdateAcceleratorListener, call.send().await)
}

async fn delete_listener(client: &Client, request: DeleteAcceleratorListener) -> Result<(), CloudError> {
    let call = client.delete_listener().listener_arn(request.arn);
    done(Action::DeleteAcceleratorListener, call.send().await)
}

async fn create_group(client: &Client, request: CreateEndpointGroup) -> Result<String, CloudError> {
    const ACTION: Action = Action::CreateEndpointGroup;
    let call = client
        .create_endpoint_group()
        .listener_arn(id(ACTION, &request.listener_arn)?)
        .endpoint_group_region(request.region)
        .set_traffic_dial_percentage(request.traffic_dial.map(percentage))
        .set_port_overrides(some(request.port_overrides.into_iter().map(sdk_override).collect()));
    let made = answered(ACTION, call.send().await)?.endpoint_group;
    made.and_then(|made| made.endpoint_group_arn).ok_or_else(|| lacks(ACTION, "ARN of the endpoint group"))
}

async fn update_group(client: &Client, request: UpdateEndpointGroup) -> Result<(), CloudError> {
    let overrides = request.port_overrides.map(|all| all.into_iter().map(sdk_override).collect());
    let endpoints = request.endpoints.map(|all| all.into_iter().map(sdk_endpoint).collect());
    let call = client
        .update_endpoint_group()
        .endpoint_group_arn(request.arn)
        .set_traffic_dial_percentage(request.traffic_dial.map(percentage))
        .set_port_overrides(overrides)
        .set_endpoint_configurations(endpoints);
    done(Action::UpdateEndpointGroup, call.send().await)
}

async fn delete_group(client: &Client, request: DeleteEndpointGroup) -> Result<(), CloudError> {
    let call = client.delete_endpoint_group().endpoint_group_arn(request.arn);
    done(Action::DeleteEndpointGroup, call.send().await)
}

async fn add_endpoints(client: &Client, request: AddEndpoints) -> Result<(), CloudError> {
    const ACTION: Action = Action::AddEndpoints;
    let endpoints = request.endpoints.into_iter().map(sdk_endpoint).collect();
    let call = client
        .add_endpoints()
        .endpoint_group_arn(id(ACTION, &request.group_arn)?)
        .set_endpoint_configurations(Some(endpoints));
    done(ACTION, call.send().await)
}

async fn remove_endpoints(client: &Client, request: RemoveEndpoints) -> Result<(), CloudError> {
    const ACTION: Action = Action::RemoveEndpoints;
    let identifier = |id| types::EndpointIdentifier::builder().endpoint_id(id).build();
    let ids: Result<Vec<_>, _> = request.ids.into_iter().map(identifier).collect();
    let ids = ids.map_err(|error| incomplete(ACTION, &error))?;
    let call = client.remove_endpoints().endpoint_group_arn(request.group_arn);
    done(ACTION, call.set_endpoint_identifiers(Some(ids)).send().await)
}

fn shown(action: Action, found: Option<types::Accelerator>) -> Result<Accelerator, CloudError> {
    let found = found.map(accelerator).filter(|found| !found.arn.is_empty());
    found.ok_or_else(|| lacks(action, "accelerator"))
}

fn accelerator(found: types::Accelerator) -> Accelerator {
    let text = |word: Option<&str>| word.unwrap_or_default().to_owned();
    Accelerator {
        arn: found.accelerator_arn.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        ip_address_type: text(found.ip_address_type.as_ref().map(types::IpAddressType::as_str))
            .as_str()
            .into(),
        enabled: found.enabled.unwrap_or_default(),
        status: text(found.status.as_ref().map(types::AcceleratorStatus::as_str)).as_str().into(),
        dns_name: found.dns_name.unwrap_or_default(),
        dual_stack_dns_name: found.dual_stack_dns_name.filter(|name| !name.is_empty()),
        ip_sets: each(found.ip_sets, |set| {
            let family = text(set.ip_address_family.as_ref().map(types::IpAddressFamily::as_str));
            (family, set.ip_addresses.unwrap_or_default())
        }),
    }
}

fn listener(found: types::Listener) -> Listener {
    Listener {
        arn: found.listener_arn.unwrap_or_default(),
        protocol: found.protocol.as_ref().map_or("", types::Protocol::as_str).into(),
        port_ranges: each(found.port_ranges, |range| PortRange {
            from: range.from_port.unwrap_or_default(),
            to: range.to_port.unwrap_or_default(),
        }),
        client_affinity: found.client_affinity.as_ref().map_or("", types::ClientAffinity::as_str).into(),
    }
}

fn group(found: types::EndpointGroup) -> EndpointGroup {
    EndpointGroup {
        arn: found.endpoint_group_arn.unwrap_or_default(),
        region: found.endpoint_group_region.unwrap_or_default(),
        traffic_dial: found.traffic_dial_percentage.map(thousandths),
        port_overrides: each(found.port_overrides, |found| PortOverride {
            listener_port: found.listener_port.unwrap_or_default(),
            endpoint_port: found.endpoint_port.unwrap_or_default(),
        }),
        endpoints: each(found.endpoint_descriptions, |found| Endpoint {
            id: found.endpoint_id.unwrap_or_default(),
            weight: found.weight,
            client_ip_preservation: found.client_ip_preservation_enabled,
        }),
    }
}

#[allow(clippy::cast_possible_truncation)] // why: between 0 and 100000
fn thousandths(percent: f32) -> i64 {
    (percent * 1000.0).round() as i64
}

#[allow(clippy::cast_precision_loss)] // why: between 0 and 100
fn percentage(percent: i32) -> f32 {
    percent as f32
}

fn sdk_tags(action: Action, tags: Tags) -> Result<Vec<types::Tag>, CloudError> {
    let tag = |(key, value)| types::Tag::builder().key(key).value(value).build();
    let tags: Result<Vec<_>, _> = tags.into_iter().map(tag).collect();
    tags.map_err(|error| incomplete(action, &error))
}

fn incomplete(action: Action, error: &dyn std::error::Error) -> CloudError {
    CloudError::Malformed { operation: action.name(), message: error.to_string() }
}

fn sdk_range(range: PortRange) -> types::PortRange {
    types::PortRange::builder().from_port(range.from).to_port(range.to).build()
}

fn sdk_override(one: PortOverride) -> types::PortOverride {
    types::PortOverride::builder().listener_port(one.listener_port).endpoint_port(one.endpoint_port).build()
}

fn sdk_endpoint(endpoint: Endpoint) -> types::EndpointConfiguration {
    types::EndpointConfiguration::builder()
        .endpoint_id(endpoint.id)
        .set_weight(endpoint.weight)
        .set_client_ip_preservation_enabled(endpoint.client_ip_preservation)
        .build()
}
