//! A take-over that stops half way: whatever becomes of the Gateway and of the record on it, what serves goes on serving.

use super::*;
use aws_sim::Effect;

/// Lets every call of one kind fail from now on, save for the first ones.
fn refuse(rig: &Rig, action: Action, first: usize) {
    let fault = Fault::on(Calls::Of(action), Effect::fail("InternalFailure"));
    rig.aws.arm(fault.at(first + 1).times(usize::MAX));
}

/// A take-over of which only the record is there.
async fn recorded_only() -> Rig {
    let rig = served().await;
    refuse(&rig, Action::AddTags, 0);
    rig.api.put(asking());
    while record(&rig).is_none() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(!is_moved(&rig), "only the record is there");
    rig
}

/// A take-over of which the load balancer is done, and nothing else.
async fn half_done() -> Rig {
    let rig = served().await;
    refuse(&rig, Action::AddTags, 1);
    rig.api.put(asking());
    while !is_moved(&rig) {
        sleep(Duration::from_millis(10)).await;
    }
    rig
}

fn edit_gateway(rig: &Rig, edit: impl FnOnce(&mut Value)) {
    rig.api.edit("gateways", NAMESPACE, "edge", edit);
}

fn change_path(rig: &Rig) {
    rig.api.edit("ingresses", NAMESPACE, "one", |one| {
        one["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/changed".into();
    });
}

fn delete_ingresses(rig: &Rig) {
    for name in HOSTS {
        assert!(rig.api.delete("ingresses", NAMESPACE, name));
    }
}

#[test]
fn ingresses_that_go_once_it_has_begun_take_nothing_with_them() {
    run(async {
        let mut rig = recorded_only().await;
        let (before, healthy) = (identities(&rig), rig.owned_resources().healthy());
        delete_ingresses(&rig);
        sleep(LONG).await;
        assert_eq!(identities(&rig), before);
        rig.aws.disarm();
        rig.run_until_idle().await;
        assert_eq!(rig.api.list("ingresses").len(), 0);
        assert_eq!((identities(&rig), rig.owned_resources().healthy()), (before, healthy));
        assert!(is_moved(&rig));
    });
}

#[test]
fn a_group_leaves_alone_what_the_gateway_uses_whatever_becomes_of_the_record() {
    run(async {
        let mut rig = half_done().await;
        let (before, healthy) = (identities(&rig), rig.owned_resources().healthy());
        // The Gateway is written without annotations by somebody else, and cannot help itself with other target groups.
        refuse(&rig, Action::CreateTargetGroup, 0);
        edit_gateway(&rig, |edge| edge["metadata"]["annotations"] = json!({}));
        change_path(&rig);
        sleep(LONG).await;
        let events = told(&rig, "one");
        let is_told =
            events.iter().any(|text| text.contains("is used by the load balancer of Gateway shop/edge"));
        assert!(is_told, "{events:?}");
        delete_ingresses(&rig);
        sleep(LONG).await;
        rig.restart().await;
        sleep(LONG).await;
        assert_eq!((changed(&rig, &before), rig.owned_resources().healthy()), (vec![], healthy.clone()));

        edit_gateway(&rig, |edge| edge["metadata"]["annotations"] = json!({TAKE_OVER: "public"}));
        rig.aws.disarm();
        sleep(LONG).await;
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().healthy().values().sum::<usize>(), 4);
        assert_eq!(rig.api.list("ingresses").len(), 0, "they wait for nothing any more");
    });
}

#[test]
fn a_load_balancer_with_the_tags_of_both_is_the_gateways_after_a_restart() {
    run(async {
        let mut rig = served().await;
        let before = identities(&rig);
        refuse(&rig, Action::RemoveTags, 0);
        rig.api.put(asking());
        while !rig.writes().contains(&Action::RemoveTags) {
            sleep(Duration::from_millis(10)).await;
        }
        edit_gateway(&rig, |edge| {
            edge["metadata"]["annotations"].as_object_mut().unwrap().remove(TAKE_OVER);
        });
        rig.restart().await;
        sleep(LONG).await;
        assert_eq!(record(&rig).as_deref(), Some("public"));
        rig.aws.disarm();
        rig.run_until_idle().await;
        assert!(is_moved(&rig));
        assert_eq!(changed(&rig, &before), Vec::<String>::new());
    });
}

#[test]
fn a_load_balancer_with_the_tags_of_both_is_not_deleted_as_the_groups() {
    run(async {
        let mut rig = served().await;
        let before = identities(&rig);
        refuse(&rig, Action::RemoveTags, 0);
        rig.api.put(asking());
        while !rig.writes().contains(&Action::RemoveTags) {
            sleep(Duration::from_millis(10)).await;
        }
        // The Gateway is written anew without annotations while nobody looks, and the Ingresses go.
        edit_gateway(&rig, |edge| {
            edge["metadata"]["annotations"] = json!({});
            edge["spec"]["gatewayClassName"] = "none".into();
            edge["metadata"]["finalizers"] = json!([]);
        });
        delete_ingresses(&rig);
        rig.restart().await;
        sleep(LONG).await;
        assert_eq!(changed(&rig, &before), Vec::<String>::new());
        let events = told(&rig, "one");
        assert!(
            events.iter().any(|text| text.contains("has the tags of Gateway shop/edge, too")),
            "{events:?}"
        );
    });
}

#[test]
fn a_binding_of_a_gateway_with_the_labels_of_a_group_holds_up_no_group_and_stays() {
    run(async {
        let mut rig = served().await;
        let mut own = gateway("own", "alb", &super::super::http(80));
        own["spec"]["infrastructure"] = asking()["spec"]["infrastructure"].clone();
        rig.api.put(own);
        let mut of_own = route("own");
        of_own["spec"]["parentRefs"][0]["name"] = "own".into();
        rig.api.put(of_own);
        rig.run_until_idle().await;
        let bindings = rig.api.list("targetgroupbindings");
        let label = |binding: &Value| binding["metadata"]["labels"]["gateway.k8s.aws.alb/stack-name"].clone();
        let found = bindings.iter().find(|binding| label(binding) == "own").unwrap();
        let name = found["metadata"]["name"].as_str().unwrap().to_owned();
        rig.api.edit("targetgroupbindings", NAMESPACE, &name, |binding| {
            binding["metadata"]["labels"] = json!({"ingress.k8s.aws/stack": "public"});
        });
        change_path(&rig);
        sleep(LONG).await;
        assert!(rig.writes().contains(&Action::ModifyRule));
        assert!(rig.api.get("targetgroupbindings", NAMESPACE, &name).is_some());
    });
}

/// What makes a Gateway one that cannot be built, or that nobody here builds.
const BREAKAGES: [(&str, Change); 2] = [
    ("a class that nobody has", |rig| {
        edit_gateway(rig, |edge| edge["spec"]["gatewayClassName"] = "none".into());
    }),
    ("a configuration that is not there", |rig| {
        edit_gateway(rig, |edge| edge["spec"]["infrastructure"]["parametersRef"]["name"] = "none".into());
    }),
];

#[test]
fn a_group_goes_on_while_a_gateway_that_has_begun_nothing_cannot_be_built() {
    run(async {
        for (what, break_gateway) in BREAKAGES {
            let rig = recorded_only().await;
            break_gateway(&rig);
            change_path(&rig);
            sleep(LONG).await;
            assert!(rig.writes().contains(&Action::ModifyRule), "{what}");
            assert_eq!(rig.owned_resources().healthy().values().sum::<usize>(), 4, "{what}");
        }
    });
}

#[test]
fn a_group_is_served_again_once_the_gateway_that_took_its_load_balancer_is_gone() {
    run(async {
        let mut rig = served().await;
        rig.api.put(asking());
        rig.run_until_idle().await;
        assert!(is_moved(&rig));
        rig.api.delete("gateways", NAMESPACE, "edge");
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 1);
        assert!(!is_moved(&rig), "the group has one of its own");
        assert_eq!(rig.owned_resources().healthy().values().sum::<usize>(), 4);
    });
}

#[test]
fn an_ingress_of_another_namespace_that_joins_half_way_makes_it_wait() {
    run(async {
        let mut rig = half_done().await;
        let before = identities(&rig);
        rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
        let mut foreign = ingress("foreign");
        foreign["metadata"]["namespace"] = "other".into();
        rig.api.put(foreign);
        sleep(LONG).await;
        rig.aws.disarm();
        sleep(LONG).await;
        assert_eq!(record(&rig).as_deref(), Some("public"));
        assert_eq!(changed(&rig, &before), Vec::<String>::new());
        let events = rig.api.events();
        let is_told = events.iter().any(|event| {
            event.kind == "Gateway"
                && event.message.contains("waits: Ingress other/foreign is not in the namespace")
        });
        assert!(is_told);
        rig.api.delete("ingresses", "other", "foreign");
        sleep(LONG).await;
        rig.run_until_idle().await;
        assert_eq!(super::super::gateway_conditions(&rig, "edge"), ["True/Accepted", "True/Programmed"]);
        assert_eq!(changed(&rig, &before), Vec::<String>::new());
    });
}
