//! Global Accelerator through its SDK.

use super::{connect, script::Script};
use aws_load_balancer_controller::aws::send;
use aws_load_balancer_controller::aws_api::global_accelerator::{
    AcceleratorStatus, CreateAccelerator, CreateEndpointGroup, DescribeAccelerator, Endpoint,
    ListEndpointGroups, PortOverride, UpdateEndpointGroup,
};
use serde_json::{Value, json};

fn body(script: &Script, index: usize) -> Value {
    serde_json::from_str(&script.heard()[index].body).unwrap()
}

#[tokio::test]
async fn an_accelerator_is_made_with_token_and_tags_in_the_region_of_the_service() {
    let shown = r#"{"Accelerator": {
        "AcceleratorArn": "arn", "Name": "edge", "IpAddressType": "DUAL_STACK", "Enabled": true, "Status": "IN_PROGRESS",
        "DnsName": "a.example.com", "DualStackDnsName": "b.example.com",
        "IpSets": [{"IpFamily": "IPv4", "IpAddressFamily": "IPv4", "IpAddresses": ["192.0.2.1"]}]
    }}"#;
    let script = Script::start([(200, shown)]).await;
    let request = CreateAccelerator {
        name: "edge".to_owned(),
        ip_address_type: "DUAL_STACK".into(),
        ip_addresses: Vec::new(),
        enabled: true,
        idempotency_token: "uid".to_owned(),
        tags: [("a".to_owned(), "b".to_owned())].into(),
    };
    let made = send(&connect(&script).await, request).await.unwrap();
    assert_eq!((made.arn.as_str(), made.status), ("arn", AcceleratorStatus::InProgress));
    assert_eq!(made.dual_stack_dns_name.as_deref(), Some("b.example.com"));
    assert_eq!(made.ip_sets, [("IPv4".to_owned(), vec!["192.0.2.1".to_owned()])]);
    let sent = json!({
        "Name": "edge", "IpAddressType": "DUAL_STACK", "Enabled": true, "IdempotencyToken": "uid",
        "Tags": [{"Key": "a", "Value": "b"}],
    });
    assert_eq!(body(&script, 0), sent);
    let heard = &script.heard()[0];
    assert_eq!(heard.header("x-amz-target"), "GlobalAccelerator_V20180706.CreateAccelerator");
    assert!(heard.header("authorization").contains("/us-west-2/globalaccelerator/"));
    assert!(heard.header("user-agent").starts_with("elbv2.k8s.aws/"));
}

#[tokio::test]
async fn an_endpoint_group_is_changed_in_what_is_given_and_nothing_else() {
    let made = r#"{"EndpointGroup": {"EndpointGroupArn": "g"}}"#;
    let listed = r#"{"EndpointGroups": [{
        "EndpointGroupArn": "g", "EndpointGroupRegion": "eu-west-1", "TrafficDialPercentage": 33.5,
        "PortOverrides": [{"ListenerPort": 80, "EndpointPort": 8080}],
        "EndpointDescriptions": [{"EndpointId": "e", "Weight": 128, "ClientIPPreservationEnabled": true}]
    }]}"#;
    let script = Script::start([(200, made), (200, "{}"), (200, "{}"), (200, listed)]).await;
    let cloud = connect(&script).await;
    let group = CreateEndpointGroup {
        listener_arn: "l".into(),
        region: "eu-west-1".to_owned(),
        traffic_dial: Some(50),
        port_overrides: Vec::new(),
    };
    assert_eq!(send(&cloud, group).await.unwrap(), "g");
    let update = |port_overrides, endpoints| UpdateEndpointGroup {
        arn: "g".to_owned(),
        traffic_dial: None,
        port_overrides,
        endpoints,
    };
    send(&cloud, update(Some(Vec::new()), None)).await.unwrap();
    let endpoint = Endpoint { id: "e".to_owned(), weight: Some(0), client_ip_preservation: Some(false) };
    send(&cloud, update(None, Some(vec![endpoint]))).await.unwrap();
    let mut created = body(&script, 0);
    assert!(created.as_object_mut().unwrap().remove("IdempotencyToken").is_some());
    let expected =
        json!({"ListenerArn": "l", "EndpointGroupRegion": "eu-west-1", "TrafficDialPercentage": 50.0});
    assert_eq!(created, expected);
    assert_eq!(body(&script, 1), json!({"EndpointGroupArn": "g", "PortOverrides": []}));
    let configured = json!([{"EndpointId": "e", "Weight": 0, "ClientIPPreservationEnabled": false}]);
    assert_eq!(body(&script, 2), json!({"EndpointGroupArn": "g", "EndpointConfigurations": configured}));
    let listing = ListEndpointGroups { listener_arn: "l".to_owned(), next_token: None };
    let found = send(&cloud, listing).await.unwrap().items;
    assert_eq!(found[0].traffic_dial, Some(33_500));
    assert_eq!(found[0].port_overrides, [PortOverride { listener_port: 80, endpoint_port: 8080 }]);
    assert_eq!(found[0].endpoints[0].client_ip_preservation, Some(true));
}

#[tokio::test]
async fn an_accelerator_that_is_not_there_is_told_by_its_code() {
    let missing = r#"{"__type": "AcceleratorNotFoundException", "Message": "no"}"#;
    let script = Script::start([(400, missing), (200, "{}")]).await;
    let cloud = connect(&script).await;
    let ask = || DescribeAccelerator { arn: "arn".to_owned() };
    assert!(send(&cloud, ask()).await.unwrap_err().is(&["AcceleratorNotFoundException"]));
    assert_eq!(send(&cloud, ask()).await.unwrap_err().code(), None, "no accelerator in it is no answer");
}
