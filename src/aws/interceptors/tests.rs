#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use aws_smithy_types::body::SdkBody;

fn response(status: u16, header: Option<(&str, &str)>, body: &str) -> HttpResponse {
    let mut builder = http::Response::builder().status(status);
    if let Some((name, value)) = header {
        builder = builder.header(name, value);
    }
    builder.body(SdkBody::from(body)).unwrap().try_into().unwrap()
}

#[test]
fn the_error_code_is_found_in_every_protocol() {
    let cases = [
        (response(200, None, "<Code>Nonsense</Code>"), ""),
        (
            response(
                400,
                None,
                "<ErrorResponse><Error><Code>TargetGroupNotFound</Code></Error></ErrorResponse>",
            ),
            "TargetGroupNotFound",
        ),
        (
            response(
                503,
                None,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
            ),
            "RequestLimitExceeded",
        ),
        (
            response(400, Some(("x-amzn-errortype", "AccessDeniedException:http://x/")), "{}"),
            "AccessDeniedException",
        ),
        (
            response(400, None, r#"{"__type": "com.amazonaws.waf#WAFLimitsExceededException"}"#),
            "WAFLimitsExceededException",
        ),
        (response(502, None, "<html>bad gateway</html>"), "internal"),
    ];
    for (response, expected) in cases {
        assert_eq!(error_code(&response), expected);
    }
}

#[test]
fn the_request_id_is_found_in_header_and_body() {
    assert_eq!(request_id(&response(200, Some(("x-amzn-requestid", "h")), "")).as_deref(), Some("h"));
    let body = "<CreateTagsResponse><requestId>b</requestId></CreateTagsResponse>";
    assert_eq!(request_id(&response(200, None, body)).as_deref(), Some("b"));
    assert_eq!(request_id(&response(200, None, "")), None);
}

#[test]
fn writes_are_told_from_reads_by_the_table() {
    assert!(is_write("Elastic Load Balancing v2", "RegisterTargets"));
    assert!(is_write("EC2", "AuthorizeSecurityGroupIngress"));
    assert!(!is_write("EC2", "DescribeSubnets"));
    assert!(!is_write("EC2", "RegisterTargets"));
}
