//! IAM, and EC2's dry runs: our own client on the SDK's runtime.

use super::{connect, script::Script};
use aws_load_balancer_controller::aws::{AwsCloud, Cloud as _, send};
use aws_load_balancer_controller::aws_api::ec2::{
    AuthorizeIngress, CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags, DryRun, RevokeIngress,
};
use aws_load_balancer_controller::aws_api::iam::{GetRole, SimulatePrincipalPolicy};
use aws_load_balancer_controller::aws_api::{CloudError, Ref, Request};
use std::sync::Arc;

const ALLOWED: &str = "<Response><Errors><Error><Code>DryRunOperation</Code><Message>Request would have succeeded, but DryRun flag is set.</Message>\
                       </Error></Errors><RequestID>r</RequestID></Response>";
const REFUSED: &str = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error></Errors>\
                       <RequestID>r</RequestID></Response>";

/// The clients of one who may not write.
async fn visit(script: &Script) -> AwsCloud {
    connect(script).await.fenced_by(Arc::new(|| false))
}

fn dry_runs() -> Vec<DryRun> {
    let group = || Ref::from("sg-1");
    vec![
        CreateSecurityGroup::default().into(),
        DeleteSecurityGroup { group_id: group() }.into(),
        AuthorizeIngress { group_id: group(), ..AuthorizeIngress::default() }.into(),
        RevokeIngress { group_id: group(), ..RevokeIngress::default() }.into(),
        CreateTags { resource_id: group(), ..CreateTags::default() }.into(),
        DeleteTags { resource_id: group(), ..DeleteTags::default() }.into(),
    ]
}

fn change(dry_run: DryRun) -> Request {
    match dry_run {
        DryRun::CreateSecurityGroup(change) => change.into(),
        DryRun::DeleteSecurityGroup(change) => change.into(),
        DryRun::AuthorizeIngress(change) => change.into(),
        DryRun::RevokeIngress(change) => change.into(),
        DryRun::CreateTags(change) => change.into(),
        DryRun::DeleteTags(change) => change.into(),
    }
}

#[tokio::test]
async fn every_change_that_a_visitor_sends_to_ec2_is_a_dry_run() {
    for dry_run in dry_runs() {
        let script = Script::start([(412, ALLOWED)]).await;
        let cloud = visit(&script).await;
        let operation = dry_run.action().name();
        assert_eq!(send(&cloud, dry_run.clone()).await, Ok(()), "{operation}");
        let answer = cloud.call(change(dry_run)).await;
        assert_eq!(answer, Err(CloudError::Fenced { operation }));
        let heard = script.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        let form = heard[0].form();
        assert!(form.contains(&format!("Action={operation}")), "{form:?}");
        assert_eq!(form.last().map(String::as_str), Some("DryRun=true"));
    }
}

#[tokio::test]
async fn a_dry_run_tells_allowed_from_refused_from_unknown() {
    let dry_run = || DryRun::from(DeleteSecurityGroup { group_id: Ref::from("sg-1") });
    let script =
        Script::start([(412, ALLOWED), (403, REFUSED), (200, "<DeleteSecurityGroupResponse/>")]).await;
    let cloud = visit(&script).await;
    assert_eq!(send(&cloud, dry_run()).await, Ok(()));
    let refused = send(&cloud, dry_run()).await.unwrap_err();
    assert!(
        refused.is(&["UnauthorizedOperation"]) && refused.operation() == "DeleteSecurityGroup",
        "{refused}"
    );
    let done = send(&cloud, dry_run()).await.unwrap_err();
    assert!(matches!(done, CloudError::Malformed { operation: "DeleteSecurityGroup", .. }), "{done:?}");
}

#[tokio::test]
async fn iam_is_asked_by_a_form_signed_for_the_region_of_its_endpoint() {
    let body =
        "<GetRoleResponse><GetRoleResult><Role><Arn>arn:r</Arn></Role></GetRoleResult></GetRoleResponse>";
    let script = Script::start([(200, body)]).await;
    let role = send(&visit(&script).await, GetRole { name: "r".to_owned() }).await.unwrap();
    assert_eq!(role.arn, "arn:r");
    let heard = &script.heard()[0];
    assert_eq!(heard.form(), ["Action=GetRole", "Version=2010-05-08", "RoleName=r"]);
    assert!(heard.header("authorization").contains("/us-east-1/iam/aws4_request"), "{heard:?}");
}

#[tokio::test]
async fn an_error_of_iam_keeps_code_and_message_and_throttling_is_retried() {
    let error = |code: &str, message: &str| {
        format!(
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>b</RequestId></ErrorResponse>"
        )
    };
    let (throttled, denied) =
        (error("Throttling", "Rate exceeded"), error("AccessDenied", "User: u may not"));
    let script = Script::start([(400, throttled.as_str()), (403, denied.as_str())]).await;
    let answer = send(&visit(&script).await, SimulatePrincipalPolicy::default()).await;
    let expected = CloudError::Service {
        operation: "SimulatePrincipalPolicy",
        code: "AccessDenied".to_owned(),
        message: "User: u may not".to_owned(),
        request_id: Some("request-1".to_owned()),
    };
    assert_eq!(answer, Err(expected));
    assert_eq!(script.heard().len(), 2);
}
