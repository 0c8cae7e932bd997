use super::*;
use crate::cloud::Ref;
use crate::cloud::elbv2::DeleteLoadBalancer;
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
    let report = Report { stacks, exit_code: true, ..Report::default() };
    let text = report.to_string();
    assert!(!text.contains("same"), "{text}");
    assert!(
        text.starts_with("Ingress group g\n  - DeleteLoadBalancer LoadBalancer  # not wanted\n"),
        "{text}"
    );
    assert!(text.ends_with("1 changes, in 1 of 2 stacks; 0 with mistakes\n"), "{text}");
    assert_eq!(report.exit_status(), 2);
    assert_eq!(Report { exit_code: false, ..report }.exit_status(), 0);
}

#[test]
fn mistakes_are_named_and_end_with_status_1() {
    let object = ObjectRef { kind: "Service", namespace: "a".to_owned(), name: "b".to_owned() };
    let finding = Finding::error(&object, "is wrong");
    let report =
        Report { stacks: vec![stack(Owner::Service, "a", "b").finding([&finding])], ..Report::default() };
    assert!(report.to_string().starts_with("Service a/b\n  ! service/a/b: is wrong\n"));
    assert_eq!(report.exit_status(), 1);
}
