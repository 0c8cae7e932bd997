//! Calls as another account's role.

use super::{connect, script::Script};
use aws_load_balancer_controller::aws::assume_role::{AssumedRole, AssumedRoles, CloudFor};
use aws_load_balancer_controller::aws::decorators::Decorators;
use aws_load_balancer_controller::aws::send;
use aws_load_balancer_controller::aws::throttle::Throttles;
use aws_load_balancer_controller::aws_api::elbv2::DescribeTargetGroups;
use std::sync::Arc;

const ASSUMED: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>\
    <SecretAccessKey>s</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>\
    </Credentials></AssumeRoleResult></AssumeRoleResponse>";
const NOTHING: &str =
    "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult/></DescribeTargetGroupsResponse>";

#[tokio::test]
async fn a_role_is_assumed_once_and_its_credentials_sign_the_calls() {
    let script = Script::start([(200, ASSUMED), (200, NOTHING), (200, NOTHING)]).await;
    let guards =
        Decorators { throttles: Throttles::default(), observer: Arc::new(()), may_write: Arc::new(|| true) };
    let base = Arc::new(connect(&script).await);
    let roles = AssumedRoles::new(&base, base.clone(), "my cluster/1", guards);
    let role = AssumedRole { arn: "arn:aws:iam::1:role/r".to_owned(), external_id: Some("e".to_owned()) };
    for _ in 0..2 {
        send(&*roles.cloud_for(Some(&role)), DescribeTargetGroups::default()).await.unwrap();
    }
    let [assume, first, second] = script.heard().try_into().unwrap();
    for expected in [
        "Action=AssumeRole",
        "RoleArn=arn:aws:iam::1:role/r",
        "RoleSessionName=AWS-LBC-mycluster1",
        "ExternalId=e",
    ] {
        assert!(assume.form().contains(&expected.to_owned()), "{expected} in {:?}", assume.form());
    }
    for call in [first, second] {
        assert!(call.header("authorization").contains("Credential=AKIDROLE/"), "{call:?}");
        assert_eq!(call.header("x-amz-security-token"), "token");
    }
}
