//! Plans of GlobalAccelerators: what the controller would ask of AWS, without asking it.

use super::{accelerator, cluster, spec_for};
use crate::services::run;
use aws_load_balancer_controller::api::GlobalAccelerator;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::controller::global_accelerator::load_balancers::LoadBalancers;
use aws_load_balancer_controller::controller::global_accelerator::planning::{
    AcceleratorPlan, plan_accelerator,
};
use rig::Rig;
use rig::fixtures::NAMESPACE;
use serde_json::Value;

/// The plan of an object as it would be stored.
async fn plan(rig: &Rig, object: &Value) -> Result<AcceleratorPlan, String> {
    let work = rig.engine().unwrap().work();
    let context = &work.context;
    let object: GlobalAccelerator = serde_json::from_value(object.clone()).unwrap();
    let load_balancers = LoadBalancers::default();
    plan_accelerator(&object, &*context.stores, &load_balancers, &*context.facts.cloud, &context.config).await
}

async fn actions(rig: &Rig, object: &Value) -> Vec<Action> {
    let plan = plan(rig, object).await.unwrap();
    plan.steps.iter().map(|step| step.request.action()).collect()
}

#[test]
fn a_plan_has_the_requests_of_the_controller_and_sends_none() {
    run(async {
        let mut rig = cluster();
        rig.start().await;
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        let wanted = accelerator("edge", &spec_for(&["web", "api"]));
        let planned = actions(&rig, &wanted).await;
        assert_eq!(rig.writes(), []);
        rig.api.put(wanted);
        rig.run_until_idle().await;
        let created = planned;
        assert_eq!(created, rig.writes());
        assert_eq!(created.first(), Some(&Action::CreateAccelerator));

        let mut object = (*rig.api.get("globalaccelerators", NAMESPACE, "edge").unwrap()).clone();
        rig.aws.clear_calls();
        assert_eq!(actions(&rig, &object).await, []);
        object["spec"]["listeners"][0]["portRanges"][0]["toPort"] = 81.into();
        assert_eq!(actions(&rig, &object).await, [Action::UpdateAcceleratorListener]);
        object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let deleted = [
            Action::UpdateAccelerator,
            Action::DeleteEndpointGroup,
            Action::DeleteAcceleratorListener,
            Action::DeleteAccelerator,
        ];
        assert_eq!(actions(&rig, &object).await, deleted);
        assert_eq!(rig.writes(), []);
    });
}

#[test]
fn a_plan_says_what_is_waited_for_and_what_can_never_be() {
    run(async {
        let mut rig = cluster();
        rig.start().await;
        rig.run_until_idle().await;
        let late = plan(&rig, &accelerator("edge", &spec_for(&["late"]))).await.unwrap();
        assert!(late.waiting[0].contains("Service shop/late: it does not exist"), "{:?}", late.waiting);
        let mut never = accelerator("edge", &spec_for(&["web"]));
        let endpoint =
            serde_json::json!({"type": "EndpointID", "endpointID": "arn:aws:s3:::no-load-balancer"});
        never["spec"]["listeners"][0]["endpointGroups"][0]["endpoints"][0] = endpoint;
        never["spec"]["listeners"][0].as_object_mut().unwrap().remove("portRanges");
        let problem = plan(&rig, &never).await.unwrap_err();
        assert!(problem.contains("auto-discovery"), "{problem}");
    });
}
