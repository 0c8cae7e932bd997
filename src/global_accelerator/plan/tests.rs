#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::global_accelerator::{
    AcceleratorAddressType, AcceleratorProtocol, AcceleratorStatus, ClientAffinity, Endpoint, PortOverride,
    PortRange,
};
use crate::global_accelerator as wanted;

fn ranges(list: &[(i32, i32)]) -> Vec<PortRange> {
    list.iter().map(|(from, to)| PortRange { from: *from, to: *to }).collect()
}

fn overrides(list: &[(i32, i32)]) -> Vec<PortOverride> {
    list.iter().map(|(from, to)| PortOverride { listener_port: *from, endpoint_port: *to }).collect()
}

fn endpoint(id: &str, weight: i32) -> Endpoint {
    Endpoint { id: id.to_owned(), weight: Some(weight), client_ip_preservation: Some(true) }
}

fn wanted_group(region: &str, list: &[(i32, i32)], endpoints: &[Endpoint]) -> wanted::EndpointGroup {
    wanted::EndpointGroup {
        region: region.to_owned(),
        traffic_dial: 100,
        port_overrides: overrides(list),
        endpoints: endpoints.to_vec(),
    }
}

fn wanted_listener(list: &[(i32, i32)], groups: Vec<wanted::EndpointGroup>) -> wanted::Listener {
    wanted::Listener {
        protocol: AcceleratorProtocol::Tcp,
        port_ranges: ranges(list),
        client_affinity: ClientAffinity::None,
        groups,
    }
}

fn listener(arn: &str, list: &[(i32, i32)]) -> Listener {
    Listener {
        arn: arn.to_owned(),
        protocol: AcceleratorProtocol::Tcp,
        port_ranges: ranges(list),
        client_affinity: ClientAffinity::None,
    }
}

fn group(arn: &str, region: &str, list: &[(i32, i32)], endpoints: &[Endpoint]) -> EndpointGroup {
    EndpointGroup {
        arn: arn.to_owned(),
        region: region.to_owned(),
        traffic_dial: Some(100_000),
        port_overrides: overrides(list),
        endpoints: endpoints.to_vec(),
    }
}

/// What is asked for, in short.
fn lines(steps: &[AcceleratorStep]) -> Vec<String> {
    let line = |step: &AcceleratorStep| match &step.request {
        Request::CreateAcceleratorListener(one) => format!("create listener {:?}", one.port_ranges[0].from),
        Request::UpdateAcceleratorListener(one) => format!("update {}", one.arn),
        Request::DeleteAcceleratorListener(one) => format!("delete {}", one.arn),
        Request::DeleteEndpointGroup(one) => format!("delete {}", one.arn),
        Request::CreateEndpointGroup(one) => format!("create group {} of {}", one.region, one.listener_arn),
        Request::UpdateEndpointGroup(one) => format!(
            "update {} overrides {:?} endpoints {:?}",
            one.arn,
            one.port_overrides.as_ref().map(Vec::len),
            one.endpoints.as_ref().map(Vec::len)
        ),
        Request::AddEndpoints(one) => format!("add {} to {}", one.endpoints.len(), one.group_arn),
        Request::RemoveEndpoints(one) => format!("remove {:?}", one.ids),
        other => format!("{:?}", other.action()),
    };
    steps.iter().map(line).collect()
}

fn plan(wanted: &[wanted::Listener], listeners: Vec<(Listener, Vec<EndpointGroup>)>) -> Vec<String> {
    lines(&plan_listeners("acc", wanted, &ObservedListeners { listeners }, &AskedFlags::new()))
}

#[test]
fn everything_is_made_in_order() {
    let groups =
        vec![wanted_group("us-west-2", &[], &[endpoint("a", 128)]), wanted_group("eu-west-1", &[], &[])];
    assert_eq!(
        plan(&[wanted_listener(&[(80, 80)], groups)], vec![]),
        [
            "create listener 80",
            "create group eu-west-1 of <Listener-0>",
            "create group us-west-2 of <Listener-0>",
            "add 1 to <EndpointGroup-0-us-west-2>",
        ]
    );
}

#[test]
fn nothing_is_asked_for_where_all_is_as_wanted() {
    let groups = vec![wanted_group("us-west-2", &[(80, 8080)], &[endpoint("a", 128)])];
    let wanted = [wanted_listener(&[(443, 443), (80, 80)], groups)];
    let found = vec![(
        listener("l", &[(80, 80), (443, 443)]),
        vec![group("g", "us-west-2", &[(80, 8080)], &[endpoint("a", 128)])],
    )];
    assert_eq!(plan(&wanted, found), Vec::<String>::new());
}

#[test]
fn what_is_in_the_way_goes_first_and_the_rest_before_anything_new() {
    let wanted = [wanted_listener(&[(80, 82)], vec![])];
    let found = vec![
        (listener("a", &[(80, 81)]), vec![]),
        (listener("b", &[(82, 82)]), vec![group("g", "us-west-2", &[], &[])]),
        (listener("c", &[(7000, 7000)]), vec![]),
    ];
    let steps = plan(&wanted, found);
    assert_eq!(steps, ["delete g", "delete b", "update a", "delete c"]);
    assert_eq!(
        plan(&[], vec![(listener("b", &[(82, 82)]), vec![group("g", "us-west-2", &[], &[])])]),
        ["delete g", "delete b"]
    );
}

#[test]
fn port_overrides_give_way_to_listeners_and_to_other_listeners() {
    let wanted = [
        wanted_listener(&[(80, 80)], vec![wanted_group("us-west-2", &[], &[])]),
        wanted_listener(&[(8080, 8080)], vec![]),
    ];
    let found = vec![(listener("a", &[(80, 80)]), vec![group("g", "us-west-2", &[(80, 8080)], &[])])];
    assert_eq!(plan(&wanted, found), ["update g overrides Some(0) endpoints None", "create listener 8080"]);
    let moved = [
        wanted_listener(&[(80, 80)], vec![wanted_group("us-west-2", &[(80, 9000)], &[])]),
        wanted_listener(&[(81, 81)], vec![wanted_group("us-west-2", &[(81, 8080)], &[])]),
    ];
    let found = vec![
        (listener("a", &[(80, 80)]), vec![group("g", "us-west-2", &[(80, 8080)], &[])]),
        (listener("b", &[(81, 81)]), vec![group("h", "us-west-2", &[(81, 9000)], &[])]),
    ];
    assert_eq!(
        plan(&moved, found),
        [
            "update g overrides Some(0) endpoints None",
            "update h overrides Some(0) endpoints None",
            "update g overrides Some(1) endpoints None",
            "update h overrides Some(1) endpoints None",
        ]
    );
}

#[test]
fn endpoints_come_before_others_go_and_change_in_one_request() {
    let group_with = |endpoints: &[Endpoint]| {
        [wanted_listener(&[(80, 80)], vec![wanted_group("us-west-2", &[], endpoints)])]
    };
    let found = || {
        let endpoints = [endpoint("a", 128), endpoint("b", 128)];
        vec![(listener("l", &[(80, 80)]), vec![group("g", "us-west-2", &[], &endpoints)])]
    };
    let exchanged = [endpoint("a", 128), endpoint("c", 128)];
    assert_eq!(plan(&group_with(&exchanged), found()), ["add 1 to g", "remove [\"b\"]"]);
    let changed = [endpoint("a", 1), endpoint("c", 128)];
    assert_eq!(plan(&group_with(&changed), found()), ["update g overrides None endpoints Some(2)"]);
}

#[test]
fn what_aws_does_not_do_is_asked_for_once() {
    let wanted = [wanted_listener(
        &[(80, 80)],
        vec![wanted_group("us-west-2", &[], &[endpoint("arn", 128), endpoint("eipalloc-1", 128)])],
    )];
    let shown = |id: &str| Endpoint { client_ip_preservation: Some(false), ..endpoint(id, 128) };
    let found = || ObservedListeners {
        listeners: vec![(
            listener("l", &[(80, 80)]),
            vec![group("g", "us-west-2", &[], &[shown("arn"), shown("eipalloc-1")])],
        )],
    };
    let first = plan_listeners("acc", &wanted, &found(), &AskedFlags::new());
    assert_eq!(lines(&first), ["update g overrides None endpoints Some(2)"]);
    let asked = AskedFlags::from([(("g".to_owned(), "arn".to_owned()), true)]);
    assert_eq!(plan_listeners("acc", &wanted, &found(), &asked), []);
}

#[test]
fn regions_come_and_go() {
    let mut dialled = wanted_group("eu-west-1", &[], &[]);
    dialled.traffic_dial = 10;
    let wanted = [wanted_listener(&[(80, 80)], vec![dialled, wanted_group("us-east-1", &[], &[])])];
    let found = vec![(
        listener("l", &[(80, 80)]),
        vec![group("e", "eu-west-1", &[], &[]), group("w", "us-west-2", &[], &[])],
    )];
    let steps = plan_listeners("acc", &wanted, &ObservedListeners { listeners: found }, &AskedFlags::new());
    assert_eq!(
        lines(&steps),
        ["update e overrides Some(0) endpoints None", "delete w", "create group us-east-1 of l"]
    );
    assert_eq!(steps[2].place, "spec.listeners[0], region us-east-1");
}

fn accelerator() -> wanted::Accelerator {
    wanted::Accelerator {
        name: "edge".to_owned(),
        ip_address_type: AcceleratorAddressType::Ipv4,
        ip_addresses: vec![],
        tags: Tags::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]),
        listeners: None,
    }
}

#[test]
fn settings_and_tags_are_brought_back() {
    let found = Accelerator {
        arn: "acc".to_owned(),
        name: "edge".to_owned(),
        ip_address_type: AcceleratorAddressType::Ipv4,
        enabled: true,
        status: AcceleratorStatus::Deployed,
        dns_name: String::new(),
        dual_stack_dns_name: None,
        ip_sets: vec![],
    };
    let tags = |list: &[(&str, &str)]| -> Tags {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let steps = |found: &Accelerator, tags: &Tags| {
        let ignored = BTreeSet::from(["theirs".to_owned()]);
        lines(&plan_accelerator(&accelerator(), found, tags, &ignored))
    };
    let same = tags(&[("a", "1"), ("b", "2"), ("aws:x", "y"), ("theirs", "z")]);
    assert_eq!(steps(&found, &same), Vec::<String>::new());
    let other = tags(&[("a", "1"), ("b", "3"), ("c", "4")]);
    assert_eq!(steps(&found, &other), ["TagAccelerator", "UntagAccelerator"]);
    let disabled = Accelerator { enabled: false, ..found };
    assert_eq!(steps(&disabled, &same), ["UpdateAccelerator"]);
}

#[test]
fn whose_an_accelerator_is_stands_in_its_tags() {
    let tracking = accelerator().tags;
    let with = |value: &str| Tags::from([("a".to_owned(), value.to_owned())]);
    assert!(belongs_to_another(&with("2"), &tracking));
    assert!(!belongs_to_another(&with("1"), &tracking) && !is_own(&with("1"), &tracking));
    assert!(!belongs_to_another(&Tags::new(), &tracking));
    assert!(is_own(&tracking, &tracking));
}
