use super::*;
use crate::aws_api::Ref;
use crate::aws_api::elbv2::DeleteLoadBalancer;
use crate::finding::ObjectRef;
use crate::plan::{Op, Plan, Stage, Step};

fn stack(owner: Owner, namespace: &str, name: &str) -> StackReport {
    StackReport::of(StackId { owner, namespace: namespace.to_owned(), name: name.to_owned() })
}

fn deletion() -> Plan {
    let delete = DeleteLoadBalancer { arn: Ref::Known("arn".to_owned()) };
    let step =
        Step::new(Stage::LoadBalancers, "LoadBalancer", Op::Aws(Box::new(delete.into())), "not wanted");
    Plan { steps: vec![step], ..Plan::default() }
}

#[test]
fn stacks_that_stay_as_they_are_are_only_counted() {
    let stacks = vec![
        stack(Owner::Service, "a", "same").planned(Plan::default()),
        stack(Owner::Ingress, "", "g").planned(deletion()),
    ];
    let report = PlanReport { stacks, exit_code: true, ..PlanReport::default() };
    let text = report.to_string();
    assert!(!text.contains("same"), "{text}");
    assert!(
        text.starts_with("Ingress group g\n  - DeleteLoadBalancer LoadBalancer  # not wanted\n"),
        "{text}"
    );
    assert!(text.ends_with("1 changes, in 1 of 2 stacks; 0 with mistakes\n"), "{text}");
    assert_eq!(report.exit_status(), 2);
    assert_eq!(PlanReport { exit_code: false, ..report }.exit_status(), 0);
}

#[test]
fn mistakes_are_named_and_end_with_status_1() {
    let object = ObjectRef { kind: "Service", namespace: "a".to_owned(), name: "b".to_owned() };
    let finding = Finding::error(&object, "is wrong");
    let report = PlanReport {
        stacks: vec![stack(Owner::Service, "a", "b").finding([&finding])],
        ..PlanReport::default()
    };
    assert!(report.to_string().starts_with("Service a/b\n  ! service/a/b: is wrong\n"));
    assert_eq!(report.exit_status(), 1);
}

#[test]
fn programs_and_pull_requests_get_the_same_plan() {
    let object = ObjectRef { kind: "Service", namespace: "a".to_owned(), name: "b".to_owned() };
    let finding = Finding::error(&object, "is wrong");
    let stacks = vec![
        stack(Owner::Service, "a", "b").finding([&finding]),
        stack(Owner::Ingress, "", "g").planned(deletion()),
    ];
    let report = PlanReport { stacks, ..PlanReport::default() };
    let json: serde_json::Value = serde_json::from_str(&report.render(ReportFormat::Json)).unwrap();
    assert_eq!(json["stacks"][0]["findings"][0]["message"], "is wrong");
    let step = &json["stacks"][1]["steps"][0];
    assert_eq!((&step["action"], &step["call"]), (&"delete".into(), &"DeleteLoadBalancer".into()));
    assert_eq!(json["changes"], 1);
    let markdown = report.render(ReportFormat::Markdown);
    assert!(markdown.starts_with("### 1 changes, in 1 of 2 stacks; 1 with mistakes\n"), "{markdown}");
    assert!(markdown.contains("#### Ingress group g\n\n````diff\n- DeleteLoadBalancer"), "{markdown}");
}
