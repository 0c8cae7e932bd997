#![allow(clippy::indexing_slicing)]

use super::*;

#[test]
fn only_resources_that_must_be_near_are_complained_of() {
    let config = Config { region: "eu-west-1".to_owned(), ..Config::default() };
    let far = "arn:aws:acm:us-east-1:123456789012:certificate/x";
    for (text, count) in [
        (far.to_owned(), 1),
        (format!("arn:aws:acm:eu-west-1:123456789012:certificate/y,{far}"), 1),
        (
            format!(
                r#"{{"type": "forward", "targetGroupARN": "{}"}}"#,
                far.replace("acm", "elasticloadbalancing")
            ),
            1,
        ),
        (far.replace("us-east-1", "eu-west-1"), 0),
        ("arn:aws:iam::123456789012:server-certificate/x".to_owned(), 0),
        ("arn:aws:cognito-idp:us-east-1:123456789012:userpool/x".to_owned(), 0),
        ("arn:aws".to_owned(), 0),
    ] {
        assert_eq!(check(&text, &config).len(), count, "{text}");
        assert_eq!(check(&text, &Config::default()), [], "{text}");
    }
    assert_eq!(
        check(far, &config)[0].problem,
        format!("{far:?} is in us-east-1, but the load balancer is in eu-west-1")
    );
}
