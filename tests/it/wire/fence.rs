//! The fence's last look: what a replica may not send any more does not leave, however far it has come.

use super::{connect_observed, script::Script};
use aws_load_balancer_controller::aws::interceptors::{CallOutcome, Observer};
use aws_load_balancer_controller::aws::{AwsCloud, Cloud as _};
use aws_load_balancer_controller::aws_api::ec2::{CreateTags, DescribeSubnets};
use aws_load_balancer_controller::aws_api::elbv2::AddTags;
use aws_load_balancer_controller::aws_api::protection::AssociateWafv2WebAcl;
use aws_load_balancer_controller::aws_api::{Action, CloudError, Ref, Request, Tags};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SLOW_DOWN: &str = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors>\
                         <RequestID>r</RequestID></Response>";
const NO_SUBNETS: &str = "<DescribeSubnetsResponse><subnetSet/></DescribeSubnetsResponse>";

/// A leader that is deposed when its first attempt has been answered.
struct Leader(AtomicBool);

impl Observer for Leader {
    fn attempt(&self, _: &CallOutcome) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn call(&self, _: &CallOutcome) {}

    fn duration(&self, _: Action, _: Duration) {}
}

async fn connect(script: &Script) -> (AwsCloud, Arc<Leader>) {
    let leader = Arc::new(Leader(AtomicBool::new(true)));
    let asked = leader.clone();
    let cloud = connect_observed(script, leader.clone()).await;
    (cloud.fenced_by(Arc::new(move || asked.0.load(Ordering::SeqCst))), leader)
}

/// A write of each kind of client: our own, one of the Query protocol, one of JSON.
fn writes() -> Vec<Request> {
    let tags = Tags::from([("key".to_owned(), "value".to_owned())]);
    vec![
        CreateTags { resource_id: Ref::from("sg-1"), tags: tags.clone() }.into(),
        AddTags { arn: Ref::from("arn:aws:elasticloadbalancing:x"), tags }.into(),
        AssociateWafv2WebAcl { web_acl_arn: "arn:acl".to_owned(), resource_arn: Ref::from("arn:lb") }.into(),
    ]
}

#[tokio::test]
async fn a_write_that_is_refused_is_not_sent_again_by_who_leads_no_more() {
    for write in writes() {
        let script = Script::start([(503, SLOW_DOWN), (200, "")]).await;
        let (cloud, _leader) = connect(&script).await;
        let operation = write.action().name();
        let answer = cloud.call(write).await;
        assert_eq!(answer, Err(CloudError::Fenced { operation }));
        assert_eq!(script.heard().len(), 1, "{operation}: the second attempt has not left");
    }
}

#[tokio::test]
async fn who_does_not_lead_sends_no_write_and_every_read() {
    for write in writes() {
        let script = Script::start([(200, NO_SUBNETS)]).await;
        let (cloud, leader) = connect(&script).await;
        leader.0.store(false, Ordering::SeqCst);
        let operation = write.action().name();
        assert_eq!(cloud.call(write).await, Err(CloudError::Fenced { operation }));
        assert!(script.heard().is_empty());
        assert!(cloud.call(DescribeSubnets::default().into()).await.is_ok());
    }
}

#[tokio::test]
async fn a_write_of_the_leader_arrives_whole() {
    let script =
        Script::start([(200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>")]).await;
    let (cloud, _leader) = connect(&script).await;
    let write = writes().remove(0);
    assert!(cloud.call(write).await.is_ok());
    let heard = script.heard();
    assert!(heard[0].form().contains(&"Tag.1.Value=value".to_owned()), "{heard:?}");
    assert_eq!(heard[0].header("content-length"), heard[0].body.len().to_string());
}
