//! EC2: our own client on the SDK's runtime.

use super::{CallLog, connect, connect_observed, script::Script};
use aws_load_balancer_controller::aws::{AwsCloud, AwsSettings, send};
use aws_load_balancer_controller::aws_api::CloudError;
use aws_load_balancer_controller::aws_api::ec2::{CreateTags, DescribeSubnets, DescribeVpcs, Filter};
use aws_load_balancer_controller::aws_api::{Ref, Tags};
use std::collections::BTreeMap;
use std::sync::Arc;

const NO_SUBNETS: &str = "<DescribeSubnetsResponse><subnetSet/></DescribeSubnetsResponse>";
const SLOW_DOWN: &str = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors>\
                         <RequestID>r</RequestID></Response>";

#[tokio::test]
async fn a_request_is_signed_for_ec2_and_carries_our_user_agent() {
    let script = Script::start([(200, NO_SUBNETS)]).await;
    let cloud = connect(&script).await;
    let request =
        DescribeSubnets { filters: vec![Filter::new("vpc-id", ["vpc-1"])], ..DescribeSubnets::default() };
    assert!(send(&cloud, request).await.unwrap().items.is_empty());
    let heard = &script.heard()[0];
    let expected =
        ["Action=DescribeSubnets", "Version=2016-11-15", "Filter.1.Name=vpc-id", "Filter.1.Value.1=vpc-1"];
    assert_eq!(heard.form(), expected);
    assert!(heard.header("authorization").contains("/us-west-2/ec2/aws4_request"), "{heard:?}");
    assert!(heard.header("user-agent").starts_with("elbv2.k8s.aws/"), "{heard:?}");
    assert_eq!(heard.header("x-amz-user-agent"), "");
    assert_eq!(heard.header("content-type"), "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn throttling_and_server_errors_are_retried_and_every_attempt_is_reported() {
    let script = Script::start([(503, SLOW_DOWN), (500, "<html/>"), (200, NO_SUBNETS)]).await;
    let call_log = Arc::new(CallLog::default());
    let cloud = connect_observed(&script, call_log.clone()).await;
    send(&cloud, DescribeSubnets::default()).await.unwrap();
    let expected = [
        r#"attempt DescribeSubnets 503 "RequestLimitExceeded" 0"#,
        r#"attempt DescribeSubnets 500 "internal" 1"#,
        r#"attempt DescribeSubnets 200 "" 2"#,
        r#"call DescribeSubnets 200 "" 2"#,
    ];
    assert_eq!(call_log.lines(), expected);
}

#[tokio::test]
async fn attempts_end_at_the_configured_number() {
    let script =
        Script::start([(503, SLOW_DOWN), (503, SLOW_DOWN), (503, SLOW_DOWN), (200, NO_SUBNETS)]).await;
    let error = send(&connect(&script).await, DescribeSubnets::default()).await.unwrap_err();
    assert!(error.is_throttled(), "{error}");
    assert_eq!(script.heard().len(), 3);
}

#[tokio::test]
async fn an_error_answer_keeps_code_message_and_request_id() {
    let body = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>\
                <Message>The vpc ID 'vpc-1' does not exist</Message></Error></Errors><RequestID>b</RequestID></Response>";
    let script = Script::start([(400, body)]).await;
    let error = send(&connect(&script).await, DescribeVpcs::default()).await.unwrap_err();
    let expected = CloudError::Service {
        operation: "DescribeVpcs",
        code: "InvalidVpcID.NotFound".to_owned(),
        message: "The vpc ID 'vpc-1' does not exist".to_owned(),
        request_id: Some("request-1".to_owned()),
    };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn tags_are_written_in_order_of_their_keys() {
    let script =
        Script::start([(200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>")]).await;
    let tags = Tags::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
    send(&connect(&script).await, CreateTags { resource_id: Ref::from("sg-1"), tags }).await.unwrap();
    let form = script.heard()[0].form();
    assert_eq!(
        form[2..],
        ["ResourceId.1=sg-1", "Tag.1.Key=a", "Tag.1.Value=1", "Tag.2.Key=b", "Tag.2.Value=2"]
    );
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let endpoints = BTreeMap::from([("EC2".to_owned(), "http://127.0.0.1:1".to_owned())]);
    let settings =
        AwsSettings { region: "us-west-2".to_owned(), max_attempts: 1, endpoints, ..AwsSettings::default() };
    let cloud = AwsCloud::connect_with_keys(&settings, Arc::new(()), "id", "secret").await.unwrap();
    let error = send(&cloud, DescribeSubnets::default()).await.unwrap_err();
    assert!(matches!(error, CloudError::Unreachable { operation: "DescribeSubnets", .. }), "{error:?}");
}
