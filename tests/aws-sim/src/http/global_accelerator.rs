//! Global Accelerator's part of JSON 1.1.

use super::json::{maybe, text, with_token};
use aws_load_balancer_controller::aws_api::{Request, Response, Tags, global_accelerator::*};
use serde_json::{Value, json};

/// The name of the service in targets.
pub(super) const SERVICE: &str = "GlobalAccelerator_V20180706";

pub(super) fn read(operation: &str, input: &Value) -> Option<Request> {
    let arn = |name: &str| text(input, name);
    let next_token = || maybe(input, "NextToken");
    Some(match operation {
        "ListAccelerators" => ListAccelerators { next_token: next_token() }.into(),
        "DescribeAccelerator" => DescribeAccelerator { arn: arn("AcceleratorArn") }.into(),
        "ListTagsForResource" => ListAcceleratorTags { arn: arn("ResourceArn") }.into(),
        "ListListeners" => {
            let accelerator_arn = arn("AcceleratorArn");
            ListAcceleratorListeners { accelerator_arn, next_token: next_token() }.into()
        }
        "ListEndpointGroups" => {
            ListEndpointGroups { listener_arn: arn("ListenerArn"), next_token: next_token() }.into()
        }
        "CreateAccelerator" => CreateAccelerator {
            name: text(input, "Name"),
            ip_address_type: text(input, "IpAddressType").as_str().into(),
            ip_addresses: texts(input, "IpAddresses"),
            enabled: input["Enabled"].as_bool().unwrap_or(true),
            idempotency_token: text(input, "IdempotencyToken"),
            tags: tags(input),
        }
        .into(),
        "UpdateAccelerator" => UpdateAccelerator {
            arn: arn("AcceleratorArn"),
            name: maybe(input, "Name"),
            ip_address_type: maybe(input, "IpAddressType").map(|kind| kind.as_str().into()),
            enabled: input["Enabled"].as_bool().unwrap_or(true),
        }
        .into(),
        "DeleteAccelerator" => DeleteAccelerator { arn: arn("AcceleratorArn") }.into(),
        "TagResource" => TagAccelerator { arn: arn("ResourceArn"), tags: tags(input) }.into(),
        "UntagResource" => UntagAccelerator { arn: arn("ResourceArn"), keys: texts(input, "TagKeys") }.into(),
        "CreateListener" => CreateAcceleratorListener {
            accelerator_arn: arn("AcceleratorArn"),
            protocol: text(input, "Protocol").as_str().into(),
            port_ranges: ranges(input),
            client_affinity: text(input, "ClientAffinity").as_str().into(),
        }
        .into(),
        "UpdateListener" => UpdateAcceleratorListener {
            arn: arn("ListenerArn"),
            protocol: text(input, "Protocol").as_str().into(),
            port_ranges: ranges(input),
            client_affinity: text(input, "ClientAffinity").as_str().into(),
        }
        .into(),
        "DeleteListener" => DeleteAcceleratorListener { arn: arn("ListenerArn") }.into(),
        "CreateEndpointGroup" => CreateEndpointGroup {
            listener_arn: arn("ListenerArn").into(),
            region: text(input, "EndpointGroupRegion"),
            traffic_dial: dial(input),
            port_overrides: overrides(input).unwrap_or_default(),
        }
        .into(),
        "UpdateEndpointGroup" => UpdateEndpointGroup {
            arn: arn("EndpointGroupArn"),
            traffic_dial: dial(input),
            port_overrides: overrides(input),
            endpoints: input.get("EndpointConfigurations").map(|_| endpoints(input)),
        }
        .into(),
        "DeleteEndpointGroup" => DeleteEndpointGroup { arn: arn("EndpointGroupArn") }.into(),
        "AddEndpoints" => {
            AddEndpoints { group_arn: arn("EndpointGroupArn").into(), endpoints: endpoints(input) }.into()
        }
        "RemoveEndpoints" => RemoveEndpoints {
            group_arn: arn("EndpointGroupArn"),
            ids: list(input, "EndpointIdentifiers").map(|one| text(one, "EndpointId")).collect(),
        }
        .into(),
        _ => return None,
    })
}

pub(super) fn write(response: Response) -> Value {
    match response {
        Response::ListAccelerators(page) => {
            let items: Vec<Value> = page.items.iter().map(accelerator).collect();
            with_token(json!({"Accelerators": items}), "NextToken", page.next_token)
        }
        Response::DescribeAccelerator(shown)
        | Response::CreateAccelerator(shown)
        | Response::UpdateAccelerator(shown) => json!({"Accelerator": accelerator(&shown)}),
        Response::ListAcceleratorTags(tags) => {
            let tags: Vec<Value> =
                tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            json!({"Tags": tags})
        }
        Response::ListAcceleratorListeners(page) => {
            let items: Vec<Value> = page.items.iter().map(listener).collect();
            with_token(json!({"Listeners": items}), "NextToken", page.next_token)
        }
        Response::ListEndpointGroups(page) => {
            let items: Vec<Value> = page.items.iter().map(group).collect();
            with_token(json!({"EndpointGroups": items}), "NextToken", page.next_token)
        }
        Response::CreateAcceleratorListener(arn) => json!({"Listener": {"ListenerArn": arn}}),
        Response::CreateEndpointGroup(arn) => json!({"EndpointGroup": {"EndpointGroupArn": arn}}),
        _ => json!({}),
    }
}

fn accelerator(shown: &Accelerator) -> Value {
    let sets = shown.ip_sets.iter();
    let sets: Vec<Value> = sets
        .map(|(family, addresses)| json!({"IpAddressFamily": family, "IpAddresses": addresses}))
        .collect();
    let mut value = json!({
        "AcceleratorArn": shown.arn, "Name": shown.name, "IpAddressType": shown.ip_address_type,
        "Enabled": shown.enabled, "Status": shown.status, "DnsName": shown.dns_name, "IpSets": sets,
    });
    if let (Some(name), Some(fields)) = (&shown.dual_stack_dns_name, value.as_object_mut()) {
        fields.insert("DualStackDnsName".to_owned(), json!(name));
    }
    value
}

fn listener(shown: &Listener) -> Value {
    let ranges = shown.port_ranges.iter();
    let ranges: Vec<Value> =
        ranges.map(|range| json!({"FromPort": range.from, "ToPort": range.to})).collect();
    json!({
        "ListenerArn": shown.arn, "Protocol": shown.protocol, "PortRanges": ranges,
        "ClientAffinity": shown.client_affinity,
    })
}

fn group(shown: &EndpointGroup) -> Value {
    let overrides = shown.port_overrides.iter();
    let overrides: Vec<Value> = overrides
        .map(|one| json!({"ListenerPort": one.listener_port, "EndpointPort": one.endpoint_port}))
        .collect();
    let endpoints = shown.endpoints.iter();
    let endpoints: Vec<Value> = endpoints
        .map(|one| {
            json!({
                "EndpointId": one.id, "Weight": one.weight,
                "ClientIPPreservationEnabled": one.client_ip_preservation,
            })
        })
        .collect();
    let dial = shown.traffic_dial.map(|dial| dial / 1000);
    json!({
        "EndpointGroupArn": shown.arn, "EndpointGroupRegion": shown.region, "TrafficDialPercentage": dial,
        "PortOverrides": overrides, "EndpointDescriptions": endpoints,
    })
}

fn list<'a>(input: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    input.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn texts(input: &Value, name: &str) -> Vec<String> {
    list(input, name).filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

fn number(input: &Value, name: &str) -> i32 {
    input[name].as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}

fn tags(input: &Value) -> Tags {
    list(input, "Tags").map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

fn ranges(input: &Value) -> Vec<PortRange> {
    list(input, "PortRanges")
        .map(|one| PortRange { from: number(one, "FromPort"), to: number(one, "ToPort") })
        .collect()
}

fn overrides(input: &Value) -> Option<Vec<PortOverride>> {
    input.get("PortOverrides")?;
    let one = |one: &Value| PortOverride {
        listener_port: number(one, "ListenerPort"),
        endpoint_port: number(one, "EndpointPort"),
    };
    Some(list(input, "PortOverrides").map(one).collect())
}

fn endpoints(input: &Value) -> Vec<Endpoint> {
    let one = |one: &Value| Endpoint {
        id: text(one, "EndpointId"),
        weight: one.get("Weight").map(|_| number(one, "Weight")),
        client_ip_preservation: one.get("ClientIPPreservationEnabled").and_then(Value::as_bool),
    };
    list(input, "EndpointConfigurations").map(one).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
fn dial(input: &Value) -> Option<i32> {
    input.get("TrafficDialPercentage").and_then(Value::as_f64).map(|dial| dial as i32)
}
