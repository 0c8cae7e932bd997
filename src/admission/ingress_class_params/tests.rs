#![allow(clippy::panic)]

use super::*;
use serde_json::json;

#[test]
fn every_mistake_is_named_with_what_is_meant() {
    let cases = [
        (json!({"inboundCIDRs": ["10.0.0.0/8", "2001:db8::/32"]}), None),
        (json!({"inboundCIDRs": ["10.0.0.1"]}), Some("did you mean \"10.0.0.1/32\"")),
        (json!({"inboundCIDRs": ["2001:db8::1"]}), Some("did you mean \"2001:db8::1/64\"")),
        (json!({"inboundCIDRs": ["10.0.0.1/8"]}), Some("did you mean \"10.0.0.0/8\"")),
        (json!({"inboundCIDRs": ["nonsense"]}), Some("could not be parsed as a CIDR")),
        (json!({"subnets": {}}), Some("must have either")),
        (json!({"subnets": {"ids": ["subnet-1"], "tags": {"a": ["b"]}}}), Some("may not have both")),
        (json!({"subnets": {"ids": ["subnet-1", "subnet-1"]}}), Some("ids[1]: Duplicate value")),
        (json!({"subnets": {"tags": {}}}), Some("at least one tag key")),
        (json!({"subnets": {"tags": {"a": ["x", "x"]}}}), Some("tags[a][1]: Duplicate value")),
        (json!({"subnets": {"tags": {"a": ["x", "y"]}}}), None),
    ];
    for (spec, expected) in cases {
        match (check(&Config::default(), &Change::create("", &json!({"spec": spec}))), expected) {
            (Ok(_), None) => {}
            (Err(denial), Some(expected)) => assert!(denial.message.contains(expected), "{}", denial.message),
            (result, expected) => panic!("{spec}: {result:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn a_refusal_is_counted_under_the_name_of_upstreams_check() {
    let cases = [
        (json!({"inboundCIDRs": ["nonsense"]}), "checkInboundCIDRs"),
        (json!({"inboundCIDRs": ["nonsense"], "subnets": {}}), "checkInboundCIDRs"),
        (json!({"inboundCIDRs": ["10.0.0.0/8"], "subnets": {}}), "checkSubnetSelectors"),
    ];
    for (spec, expected) in cases {
        let refused = check(&Config::default(), &Change::create("", &json!({"spec": spec})));
        assert_eq!(refused.map_err(|denial| denial.check), Err(expected), "{spec}");
    }
}

#[test]
fn an_update_that_leaves_the_spec_alone_is_never_refused() {
    let wrong = json!({"metadata": {"name": "alb"}, "spec": {"inboundCIDRs": ["10.0.0.1"]}});
    let mut labelled = wrong.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    assert!(check(&Config::default(), &Change::create("", &wrong)).is_err());
    assert!(check(&Config::default(), &Change::update("", &labelled, &wrong)).is_ok());
}
