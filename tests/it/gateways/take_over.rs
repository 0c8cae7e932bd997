//! A Gateway takes over the load balancer of an Ingress group: everything in AWS stays, and only its owner changes.

mod interrupted;

use super::{CONFIGURATION, cluster, gateway};
use crate::faults::faults;
use crate::services::{cases, run};
use aws_load_balancer_controller::api::ObjectKey;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::elbv2::DescribeTags;
use aws_load_balancer_controller::builder;
use aws_load_balancer_controller::controller::gateway::options;
use aws_load_balancer_controller::controller::gateway::resolved::{NamingObjects, Resolved, Subject};
use aws_load_balancer_controller::controller::gather;
use aws_load_balancer_controller::facts::Facts;
use aws_load_balancer_controller::gateway::Controller;
use aws_load_balancer_controller::gateway::config::resolve;
use aws_load_balancer_controller::settings::gateway::{AddOns, stack_id};
use aws_load_balancer_controller::settings::ports;
use aws_sim::{Calls, Fault};
use proptest::prelude::*;
use rig::fixtures::{GATEWAY_API, NAMESPACE};
use rig::rig::group;
use rig::{Rig, fixtures};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

const TAKE_OVER: &str = "gateway.k8s.aws/take-over-ingress-group";
const TAKEN_OVER: &str = "gateway.k8s.aws/taken-over-ingress-group";

/// The Ingresses of a group, one a host.
const HOSTS: [&str; 2] = ["one", "two"];

fn ingress(name: &str) -> Value {
    let host = format!("{name}.example.com");
    let annotations = [("target-type", "ip"), ("group.name", "public"), ("scheme", "internet-facing")];
    fixtures::ingress(name, &annotations, &[(&host, "/api", "api"), (&host, "/", "web")])
}

/// The same rules as those of an Ingress.
fn route(name: &str) -> Value {
    let rule = |path: &str, service: &str| {
        json!({
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": service, "port": 80}],
        })
    };
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "parentRefs": [{"name": "edge"}], "hostnames": [format!("{name}.example.com")],
            "rules": [rule("/api", "api"), rule("/", "web")],
        },
    })
}

/// Target groups as those of Ingresses are.
fn target_group(service: &str) -> Value {
    let mut found = fixtures::target_type(service);
    found["spec"]["defaultConfiguration"]["healthCheckConfig"] = json!({
        "healthyThresholdCount": 2, "unhealthyThresholdCount": 2, "matcher": {"httpCode": "200"},
    });
    found
}

fn load_balancer() -> Value {
    json!({
        "apiVersion": CONFIGURATION, "kind": "LoadBalancerConfiguration",
        "metadata": {"name": "edge", "namespace": NAMESPACE}, "spec": {"scheme": "internet-facing"},
    })
}

/// A Gateway that asks for the load balancer of the group.
fn asking() -> Value {
    let mut edge = gateway("edge", "alb", &super::http(80));
    edge["metadata"]["annotations"] = json!({TAKE_OVER: "public"});
    edge["spec"]["infrastructure"] = json!({
        "parametersRef": {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "edge"},
    });
    edge
}

/// A cluster with a group that is served, and all that the Gateway needs beside itself.
async fn served() -> Rig {
    let mut rig = cluster();
    for name in HOSTS {
        rig.api.put(ingress(name));
        rig.api.put(route(name));
    }
    rig.api.put(target_group("web"));
    rig.api.put(target_group("api"));
    rig.api.put(load_balancer());
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

/// ARNs and ids of everything, and the name by which the load balancer is reached.
fn identities(rig: &Rig) -> Vec<String> {
    let found = rig.owned_resources();
    let load_balancers = found.load_balancers.iter().map(|one| format!("{} {}", one.arn, one.dns_name));
    let groups = found.target_groups.iter().map(|one| one.arn.clone());
    let listeners = found.listeners.iter().map(|one| one.arn.clone());
    let rules = found.rules.values().flatten().map(|one| one.arn.clone());
    let security_groups = found.security_groups.iter().map(|one| one.id.clone());
    let all = load_balancers.chain(groups).chain(listeners).chain(rules).chain(security_groups);
    let mut all: Vec<String> = all.collect();
    all.sort();
    all
}

/// What has come (`+`) and gone (`-`).
fn changed(rig: &Rig, before: &[String]) -> Vec<String> {
    let now = identities(rig);
    let come = now.iter().filter(|id| !before.contains(id)).map(|id| format!("+ {id}"));
    let gone = before.iter().filter(|id| !now.contains(id)).map(|id| format!("- {id}"));
    come.chain(gone).collect()
}

fn record(rig: &Rig) -> Option<String> {
    let edge = rig.api.get("gateways", NAMESPACE, "edge")?;
    edge["metadata"]["annotations"][TAKEN_OVER].as_str().map(str::to_owned)
}

/// What the Gateway's status says of why it is not accepted.
fn refusal(rig: &Rig) -> String {
    let edge = rig.api.get("gateways", NAMESPACE, "edge").unwrap();
    let conditions = edge["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let refused = conditions.iter().find(|one| one["type"] == "Accepted" && one["status"] == "False");
    refused.and_then(|one| one["message"].as_str()).unwrap_or_default().to_owned()
}

/// Calls that a take-over may make.
const HARMLESS: [Action; 7] = [
    Action::AddTags,
    Action::RemoveTags,
    Action::CreateTags,
    Action::DeleteTags,
    Action::ModifyLoadBalancerAttributes,
    Action::ModifyTargetGroupAttributes,
    // Rules of different hosts change places.
    Action::SetRulePriorities,
];

#[test]
fn a_gateway_takes_over_a_load_balancer_and_the_ingresses_go_without_a_trace() {
    run(async {
        let mut rig = served().await;
        let before = identities(&rig);
        let healthy = rig.owned_resources().healthy();
        assert_eq!(healthy.values().sum::<usize>(), 4);
        rig.aws.clear_calls();
        rig.api.put(asking());
        rig.run_until_idle().await;
        assert_eq!(refusal(&rig), "");
        assert_eq!(super::gateway_conditions(&rig, "edge"), ["True/Accepted", "True/Programmed"]);
        assert_eq!(identities(&rig), before);
        let others: Vec<Action> = rig.writes().into_iter().filter(|call| !HARMLESS.contains(call)).collect();
        assert_eq!(others, [], "only tags and attributes change");

        rig.aws.clear_calls();
        for name in HOSTS {
            assert!(rig.api.delete("ingresses", NAMESPACE, name));
        }
        rig.run_until_idle().await;
        rig.restart().await;
        rig.run_until_idle().await;
        assert_eq!(rig.api.list("ingresses").len(), 0);
        assert_eq!(rig.writes(), [], "nothing in AWS goes with the Ingresses");
        assert_eq!(rig.owned_resources().healthy(), healthy);

        rig.api.delete("gateways", NAMESPACE, "edge");
        rig.run_until_idle().await;
        assert_eq!(rig.api.get("gateways", NAMESPACE, "edge"), None);
        let left = rig.owned_resources();
        assert!(left.load_balancers.is_empty() && left.target_groups.is_empty(), "{left:?}");
        assert_eq!(rig.api.list("targetgroupbindings").len(), 0);
    });
}

/// What an Ingress is told, as events.
fn told(rig: &Rig, name: &str) -> Vec<String> {
    let object = format!("{NAMESPACE}/{name}");
    let events = rig.api.events().into_iter();
    events.filter(|told| told.kind == "Ingress" && told.object == object).map(|told| told.message).collect()
}

/// Whether the load balancer is the Gateway's.
fn is_moved(rig: &Rig) -> bool {
    let load_balancers = rig.owned_resources().load_balancers;
    let arns = load_balancers.iter().map(|one| one.arn.as_str().into()).collect();
    let tags = rig.ask(DescribeTags { arns });
    tags.values().all(|tags| !tags.contains_key("ingress.k8s.aws/stack"))
}

/// Longer than a Gateway that is refused waits until it looks again.
const LONG: Duration = Duration::from_mins(5);

/// Something that makes the Gateway another one than its group.
type Change = fn(&Rig);

const REFUSALS: [(&str, Change, &str); 12] = [
    (
        "another port",
        |rig| {
            rig.api
                .edit("gateways", NAMESPACE, "edge", |edge| edge["spec"]["listeners"][0]["port"] = 81.into());
        },
        "listener 81 would need CreateListener",
    ),
    (
        "another listener",
        |rig| {
            rig.api.edit("gateways", NAMESPACE, "edge", |edge| {
                let more = super::http(81)[0].clone();
                edge["spec"]["listeners"].as_array_mut().unwrap().push(more);
                edge["spec"]["listeners"][1]["name"] = "more".into();
            });
        },
        "listener 81 would need CreateListener",
    ),
    (
        "a rule less",
        |rig| assert!(rig.api.delete("httproutes", NAMESPACE, "two")),
        "would need DeleteRule: nobody asked for it (the routes must have just the rules that there are in AWS)",
    ),
    (
        "another path",
        |rig| {
            rig.api.edit("httproutes", NAMESPACE, "two", |route| {
                route["spec"]["rules"][0]["matches"][0]["path"]["value"] = "/apx".into();
            });
        },
        "would need CreateRule",
    ),
    (
        "another weight",
        |rig| {
            rig.api.edit("httproutes", NAMESPACE, "two", |route| {
                let more = json!({"name": "web", "port": 80, "weight": 3});
                route["spec"]["rules"][0]["backendRefs"].as_array_mut().unwrap().push(more);
            });
        },
        "would need CreateRule",
    ),
    (
        "a route for each path, so that each has a target group of its own",
        |rig| {
            let mut more = route("two");
            more["metadata"]["name"] = "more".into();
            more["spec"]["rules"] = json!([more["spec"]["rules"][0]]);
            more["spec"]["rules"][0]["matches"][0]["path"]["value"] = "/more".into();
            rig.api.put(more);
        },
        "would need CreateTargetGroup",
    ),
    (
        "another scheme",
        |rig| {
            rig.api.edit("loadbalancerconfigurations", NAMESPACE, "edge", |found| {
                found["spec"]["scheme"] = "internal".into();
            });
        },
        "load balancer LoadBalancer would need CreateLoadBalancer",
    ),
    (
        "other sources",
        |rig| {
            rig.api.edit("loadbalancerconfigurations", NAMESPACE, "edge", |found| {
                found["spec"]["sourceRanges"] = json!(["10.0.0.0/8"]);
            });
        },
        "security group ManagedLBSecurityGroup would need AuthorizeSecurityGroupIngress",
    ),
    (
        "other health checks",
        |rig| {
            rig.api.edit("targetgroupconfigurations", NAMESPACE, "web", |found| {
                found["spec"]["defaultConfiguration"]["healthCheckConfig"]["healthyThresholdCount"] =
                    5.into();
            });
        },
        "healthy threshold is 2 in AWS, and 5 is wanted (give it the values in AWS, in a TargetGroupConfiguration)",
    ),
    (
        "another protocol",
        |rig| {
            rig.api.edit("targetgroupconfigurations", NAMESPACE, "web", |found| {
                found["spec"]["defaultConfiguration"]["protocol"] = "HTTPS".into();
            });
        },
        "would need CreateTargetGroup",
    ),
    (
        "no group",
        |rig| {
            rig.api.edit("gateways", NAMESPACE, "edge", |edge| {
                edge["metadata"]["annotations"][TAKE_OVER] = "privat".into();
            });
        },
        "there is no Ingress group privat whose load balancer could be taken over",
    ),
    (
        "no name of a group",
        |rig| {
            rig.api.edit("gateways", NAMESPACE, "edge", |edge| {
                edge["metadata"]["annotations"][TAKE_OVER] = "other/web".into();
            });
        },
        "\"other/web\" is not in the namespace shop of the Gateway",
    ),
];

#[test]
fn what_would_be_made_replaced_or_deleted_is_told_and_nothing_is_changed() {
    run(async {
        let mut unexpected = Vec::new();
        for (what, change, expected) in REFUSALS {
            let rig = served().await;
            let mut edge = asking();
            edge["metadata"]["annotations"][TAKE_OVER] = "".into();
            rig.api.put(edge);
            sleep(LONG).await;
            let before = identities(&rig);
            rig.aws.clear_calls();
            rig.api.edit("gateways", NAMESPACE, "edge", |edge| {
                edge["metadata"]["annotations"][TAKE_OVER] = "public".into();
                edge["spec"]["gatewayClassName"] = "none".into();
            });
            change(&rig);
            rig.api
                .edit("gateways", NAMESPACE, "edge", |edge| edge["spec"]["gatewayClassName"] = "alb".into());
            sleep(LONG).await;
            if !refusal(&rig).contains(expected) {
                unexpected.push(format!("{what}: {}", refusal(&rig)));
            }
            assert_eq!(record(&rig), None, "{what}");
            assert_eq!((rig.writes(), identities(&rig)), (vec![], before), "{what}");
            if expected.contains("would need") {
                let events = told(&rig, "one");
                let is_told = events.iter().any(|text| text.contains("the Ingress is served as before"));
                assert!(is_told, "{what}: {events:?}");
            }
            // The group is served as before, with changes of its own.
            rig.api.edit("ingresses", NAMESPACE, "one", |one| {
                one["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/changed".into();
            });
            sleep(LONG).await;
            assert!(rig.writes().contains(&Action::ModifyRule), "{what}");
        }
        assert_eq!(unexpected, Vec::<String>::new());
    });
}

#[test]
fn a_group_whose_load_balancer_is_taken_over_changes_nothing_any_more() {
    run(async {
        let mut rig = served().await;
        rig.api.put(asking());
        rig.run_until_idle().await;
        assert_eq!(record(&rig).as_deref(), Some("public"));
        let before = identities(&rig);
        rig.aws.clear_calls();
        rig.api.edit("ingresses", NAMESPACE, "one", |one| {
            one["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/changed".into();
        });
        rig.api.put(ingress("three"));
        rig.run_until_idle().await;
        assert_eq!((rig.writes(), identities(&rig)), (vec![], before.clone()));
        for name in ["one", "three"] {
            let events = told(&rig, name);
            let is_told =
                events.iter().any(|text| text.contains("Gateway shop/edge has taken over the load balancer"));
            assert!(is_told, "{events:?}");
        }
        // Nobody takes the name of what is another's now: not without the record, and not in another namespace.
        rig.api.edit("gateways", NAMESPACE, "edge", |edge| edge["metadata"]["annotations"] = json!({}));
        rig.api.edit("ingresses", NAMESPACE, "one", |one| {
            one["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/again".into();
        });
        sleep(LONG).await;
        rig.restart().await;
        sleep(LONG).await;
        assert_eq!((rig.writes(), identities(&rig)), (vec![], before));
        let events = told(&rig, "one");
        assert!(events.iter().any(|text| text.contains("belongs to Gateway shop/edge")), "{events:?}");
        // The route of the Gateway is what counts.
        rig.api.edit("httproutes", NAMESPACE, "one", |route| {
            route["spec"]["rules"][0]["matches"][0]["path"]["value"] = "/of-the-route".into();
        });
        sleep(LONG).await;
        assert_eq!(rig.writes(), [Action::ModifyRule]);
    });
}

#[test]
fn a_record_in_another_namespace_stops_no_group() {
    run(async {
        let mut rig = served().await;
        let mut forged = gateway("edge", "alb", &super::http(80));
        forged["metadata"]["namespace"] = "other".into();
        forged["metadata"]["annotations"] = json!({TAKEN_OVER: "public", TAKE_OVER: "public"});
        rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
        rig.api.put(forged);
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        rig.api.edit("ingresses", NAMESPACE, "one", |one| {
            one["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/changed".into();
        });
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), [Action::ModifyRule]);
        assert_eq!(rig.owned_resources().load_balancers.len(), 1);
    });
}

#[test]
fn an_annotation_that_is_taken_away_counts_until_the_load_balancer_is_taken_over() {
    run(async {
        let remove = |edge: &mut Value| {
            edge["metadata"]["annotations"].as_object_mut().unwrap().remove(TAKE_OVER);
        };
        let mut rig = served().await;
        rig.api.delete("httproutes", NAMESPACE, "two");
        rig.api.put(asking());
        sleep(LONG).await;
        assert_eq!((record(&rig), rig.owned_resources().load_balancers.len()), (None, 1));
        rig.api.edit("gateways", NAMESPACE, "edge", remove);
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 2, "a Gateway like any other");

        let mut rig = served().await;
        rig.api.put(asking());
        rig.run_until_idle().await;
        let before = identities(&rig);
        rig.aws.clear_calls();
        rig.api.edit("gateways", NAMESPACE, "edge", remove);
        rig.run_until_idle().await;
        rig.restart().await;
        rig.run_until_idle().await;
        assert_eq!(
            (record(&rig).as_deref(), rig.writes(), identities(&rig)),
            (Some("public"), vec![], before)
        );
    });
}

/// What a plan of the Gateway would print, without details.
async fn plan(rig: &Rig) -> Vec<String> {
    let work = rig.engine().unwrap().work();
    let context = &work.context;
    let (stores, key) = (&*context.stores.gateways, ObjectKey::namespaced(NAMESPACE, "edge"));
    let gateway = stores.gateways.get(&key).unwrap();
    let class = stores.classes.get(&ObjectKey::cluster("alb")).unwrap();
    let (controller, options) = (Controller::Alb, options(&context.config.features));
    let subject = Subject { stores, gateway: &gateway, key: &key, controller, options };
    let config = resolve(&class, &gateway, stores, options).unwrap();
    let named = NamingObjects::of(stores, &key, options);
    let resolved = Resolved::new(subject, &config, &named);
    let id = stack_id(&key, controller);
    let build =
        |facts: &Facts| builder::gateway::build(resolved.view(), AddOns::default(), facts, &context.config);
    let built = gather::build(&context.facts, &id, build).await.unwrap_or_else(|failure| panic!("{failure}"));
    let services = context.stores.services.clone();
    let ports = ports::numbers(move |service| services.get(service));
    let planned = context.deployer.plan_take_over(&built.stack, &group("public"), &ports).await.unwrap();
    assert_eq!(planned.obstacles, []);
    let text = rig.owned_resources().rename(&planned.plan.to_string());
    text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect()
}

#[test]
fn a_plan_tells_whose_tags_change_and_nothing_is_changed() {
    run(async {
        let mut rig = served().await;
        let mut edge = asking();
        edge["metadata"]["annotations"]["gateway.k8s.aws/dry-run"] = "true".into();
        rig.aws.clear_calls();
        rig.api.put(edge);
        rig.run_until_idle().await;
        let passed = |resource: &str| {
            let why = "is taken over from Ingress group public";
            ["AddTags", "RemoveTags"].map(|call| format!("~ {call} {resource}  # {why}"))
        };
        let mut expected: Vec<String> = passed("LoadBalancer").into();
        expected.extend(passed("ManagedLBSecurityGroup").map(|line| {
            line.replace("AddTags", "CreateTags")
                .replace("RemoveTags", "DeleteTags")
                .replace("~ Del", "- Del")
        }));
        let groups = ["api", "web"].map(|service| HOSTS.map(|host| (host, service)));
        let groups = groups.as_flattened().iter();
        let mut groups: Vec<String> = groups
            .map(|(host, service)| format!("shop/edge:shop-{host}:HTTPRoute-shop-{service}:http"))
            .collect();
        groups.sort();
        let planned = plan(&rig).await;
        let mut of_tags: Vec<String> =
            planned.iter().filter(|line| line.contains("taken over")).cloned().collect();
        of_tags.sort();
        expected.extend(groups.iter().flat_map(|group| passed(group)));
        expected.sort();
        let sign = |line: &str| line.trim_start_matches(['~', '-', '+']).to_owned();
        assert_eq!(
            of_tags.iter().map(|line| sign(line)).collect::<BTreeSet<_>>(),
            expected.iter().map(|line| sign(line)).collect::<BTreeSet<_>>()
        );
        let is_of_tags = |line: &&String| {
            ["taken over", "AddTags 80", "RemoveTags 80"].iter().any(|text| line.contains(text))
        };
        let others: Vec<&String> = planned.iter().filter(|line| !is_of_tags(line)).collect();
        let bindings = others.iter().filter(|line| line.contains("PatchTargetGroupBinding"));
        assert_eq!(bindings.count(), 4, "{others:#?}");
        assert!(others.iter().any(|line| line.contains("SetRulePriorities 80")), "{others:#?}");
        assert!(others.len() <= 9, "beside that, targets are waited for: {others:#?}");
        assert_eq!((rig.writes(), record(&rig)), (vec![], None));
    });
}

/// What users do while a load balancer is taken over.
#[derive(Clone, Debug)]
enum Meanwhile {
    Nothing,
    Restart,
    /// An Ingress is deleted.
    DeleteIngress(usize),
    /// An Ingress is applied again.
    Touch(usize),
    Fault(Fault),
    /// Reads of AWS lag by so many seconds from now on.
    Lag(u64),
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        1 => Just(Meanwhile::Nothing),
        1 => Just(Meanwhile::Restart),
        1 => (0..HOSTS.len()).prop_map(Meanwhile::DeleteIngress),
        1 => (0..HOSTS.len()).prop_map(Meanwhile::Touch),
        1 => (1_u64..20).prop_map(Meanwhile::Lag),
        5 => faults(0..45).prop_map(Meanwhile::Fault),
    ]
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn whatever_goes_wrong_a_take_over_ends_with_everything_as_it_was(
        steps in proptest::collection::vec((meanwhile(), 0_u64..4000), 1..5)
    ) {
        run(async {
            let mut rig = served().await;
            let (before, healthy) = (identities(&rig), rig.owned_resources().healthy());
            rig.aws.clear_calls();
            rig.api.put(asking());
            for (step, pause) in &steps {
                match step {
                    Meanwhile::Nothing => {}
                    Meanwhile::Restart => rig.restart().await,
                    Meanwhile::DeleteIngress(number) => {
                        // why only then: a group that loses a member before has other rules
                        if is_moved(&rig) {
                            rig.api.delete("ingresses", NAMESPACE, HOSTS[*number]);
                        }
                    }
                    Meanwhile::Touch(number) => {
                        if rig.api.get("ingresses", NAMESPACE, HOSTS[*number]).is_some() {
                            rig.api.edit("ingresses", NAMESPACE, HOSTS[*number], |one| {
                                one["metadata"]["annotations"]["touched"] = format!("{pause}").into();
                            });
                        }
                    }
                    Meanwhile::Fault(fault) => rig.aws.arm(fault.clone()),
                    Meanwhile::Lag(seconds) => rig.aws.lag(Calls::All, Duration::from_secs(*seconds)),
                }
                sleep(Duration::from_millis(*pause)).await;
                if rig.aws.has_crashed() {
                    rig.restart().await;
                }
            }
            rig.run_until_idle().await;
            rig.aws.disarm();
            rig.aws.catch_up();
            sleep(Duration::from_hours(1)).await;
            rig.run_until_idle().await;
            prop_assert_eq!(refusal(&rig), "");
            prop_assert_eq!(changed(&rig, &before), Vec::<String>::new(), "{:#?}", steps);
            prop_assert_eq!(rig.owned_resources().healthy(), healthy, "{:#?}", steps);
            let forbidden: Vec<Action> = rig.writes().into_iter().filter(|call| !HARMLESS.contains(call)).collect();
            prop_assert_eq!(forbidden, vec![], "{:#?}", steps);
            prop_assert_eq!(rig.api.list("targetgroupbindings").len(), 4);

            for name in HOSTS {
                rig.api.delete("ingresses", NAMESPACE, name);
            }
            rig.run_until_idle().await;
            prop_assert_eq!(rig.api.list("ingresses").len(), 0);
            prop_assert_eq!(changed(&rig, &before), Vec::<String>::new(), "{:#?}", steps);
            rig.api.delete("gateways", NAMESPACE, "edge");
            rig.run_until_idle().await;
            let left = rig.owned_resources();
            prop_assert!(left.load_balancers.is_empty() && left.target_groups.is_empty(), "{:?}", left);
            prop_assert_eq!(rig.api.list("targetgroupbindings").len(), 0);
            Ok(())
        })?;
    }
}
