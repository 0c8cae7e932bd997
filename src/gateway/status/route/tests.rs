use super::super::super::fixture::{LENIENT, World};
use super::super::super::listeners::ParentId;
use super::super::super::route::RouteReason;
use super::super::tests::{describe, moment};
use super::*;

const WORLD: &str = r"
kind: Gateway
name: a/edge
spec: {listeners: [{name: http, port: 80, protocol: HTTP, hostname: a.com}, {name: bad, port: 0, protocol: HTTP}]}
---
kind: HTTPRoute
name: a/r
metadata: {generation: 6}
spec:
  hostnames: HOSTNAMES
  parentRefs: [{name: other}, {name: edge, sectionName: http}, {name: edge, sectionName: bad}]
status: STATUS
";

fn world(hostnames: &str, status: &str) -> World {
    World::read(&WORLD.replace("HOSTNAMES", hostnames).replace("STATUS", status))
}

fn reports(world: &World, problems: &[RouteProblem]) -> Vec<Report> {
    let offer = world.offer(Controller::Alb, LENIENT);
    assert!(matches!(offer.parents[0].id, ParentId::Gateway(_)));
    report(&offer, &world.outcomes(&offer, LENIENT)[0], problems)
}

fn status(world: &World, problems: &[RouteProblem]) -> Option<RouteStatus> {
    status_knowing(Knowledge::Deployment, world, problems)
}

fn status_knowing(knowledge: Knowledge, world: &World, problems: &[RouteProblem]) -> Option<RouteStatus> {
    route_status(&world.routes()[0], Controller::Alb, &reports(world, problems), knowledge, moment(6, 10))
}

fn entries(status: &RouteStatus) -> Vec<String> {
    let one = |entry: &RouteParentStatus| {
        let section = entry.parent_ref.section_name.as_deref().unwrap_or("-");
        format!(
            "{} {section} {}: {}",
            entry.controller_name,
            entry.parent_ref.name,
            describe(&entry.conditions).join(", ")
        )
    };
    status.parents.iter().map(one).collect()
}

const PENDING: &str = "gateway.k8s.aws/alb bad edge: ResolvedRefs=True ResolvedRefs \"\", Accepted=False Pending \"No listener of the parent is valid: bad: Port 0 is not available (listener name bad)\"";

#[test]
fn a_route_has_an_entry_for_each_parent_of_ours() {
    let problem = |reason, message: &str| RouteProblem::new(reason, message);
    let not_found = problem(RouteReason::BackendNotFound, "gone");
    let unsupported = problem(RouteReason::UnsupportedValue, "cannot");
    let entry = |conditions: &str| format!("gateway.k8s.aws/alb http edge: {conditions}");
    let cases = [
        ("[]", vec![], "ResolvedRefs=True ResolvedRefs \"\", Accepted=True Accepted \"\""),
        (
            "[]",
            vec![not_found.clone()],
            "ResolvedRefs=False BackendNotFound \"gone\", Accepted=True Accepted \"\"",
        ),
        (
            "[]",
            vec![unsupported.clone()],
            "ResolvedRefs=True ResolvedRefs \"\", Accepted=False UnsupportedValue \"cannot\"",
        ),
        (
            "[]",
            vec![problem(RouteReason::Pending, "first"), not_found, unsupported],
            "ResolvedRefs=False BackendNotFound \"gone\", Accepted=False Pending \"first\"",
        ),
        (
            "[b.com]",
            vec![],
            "ResolvedRefs=True ResolvedRefs \"\", Accepted=False NoMatchingListenerHostname \"Listener does not allow route attachment, no matching hostname\"",
        ),
    ];
    for (hostnames, problems, expected) in cases {
        let found = status(&world(hostnames, "null"), &problems).unwrap();
        assert_eq!(entries(&found)[0], entry(expected), "{hostnames} {problems:?}");
        assert_eq!(found.parents.len(), 2);
    }
    let found = status(&world("[]", "null"), &[]).unwrap();
    assert_eq!(entries(&found)[1], PENDING);
    assert!(
        found
            .parents
            .iter()
            .flat_map(|entry| &entry.conditions)
            .all(|one| one.observed_generation == Some(6))
    );
}

#[test]
fn entries_of_others_stay_and_left_over_ones_of_ours_go() {
    let entry = |controller: &str, parent: &str| {
        format!("{{controllerName: {controller}, parentRef: {parent}, conditions: []}}")
    };
    let status_before = format!(
        "{{parents: [{}, {}, {}, {}]}}",
        entry("example.com/x", "{name: edge, sectionName: http}"),
        entry("gateway.k8s.aws/alb", "{name: removed}"),
        entry(
            "gateway.k8s.aws/alb",
            "{name: other, kind: Gateway, group: gateway.networking.k8s.io, namespace: a}"
        ),
        entry("example.com/x", "{name: gone}"),
    );
    let found = status(&world("[]", &status_before), &[]).unwrap();
    let short: Vec<String> =
        entries(&found).iter().map(|entry| entry.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(
        short,
        [
            "example.com/x http edge",
            "gateway.k8s.aws/alb - other",
            "example.com/x - gone",
            "gateway.k8s.aws/alb http edge",
            "gateway.k8s.aws/alb bad edge",
        ]
    );
}

#[test]
fn the_same_is_not_written_twice() {
    let first = status(&world("[]", "null"), &[]).unwrap();
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(status(&world("[]", &text), &[]), None);
    let text = text.replace("\"Pending\"", "\"Other\"");
    assert!(status(&world("[]", &text), &[]).is_some());
}

#[test]
fn what_was_refused_is_not_taken_back_before_more_is_known() {
    let problem = |reason| RouteProblem::new(reason, "no");
    let (of_aws, of_build, of_reference) = (
        problem(RouteReason::UnsupportedValue),
        problem(RouteReason::IncompatibleFilters),
        problem(RouteReason::BackendNotFound),
    );
    // what was told of this generation, what is known, and whether that is kept
    let cases = [
        (&of_aws, Knowledge::Attachment, true),
        (&of_aws, Knowledge::Build, true),
        (&of_aws, Knowledge::Deployment, false),
        (&of_build, Knowledge::Attachment, true),
        (&of_build, Knowledge::Build, false),
        (&of_reference, Knowledge::Attachment, true),
        (&of_reference, Knowledge::Build, false),
    ];
    for (told, knowledge, is_kept) in cases {
        let before = status(&world("[]", "null"), std::slice::from_ref(told)).unwrap();
        let text = serde_json::to_string(&before).unwrap();
        let found = status_knowing(knowledge, &world("[]", &text), &[]);
        assert_eq!(found.is_none(), is_kept, "{told:?} {knowledge:?}");
        // an older generation says nothing of this one
        let older = text.replace("\"observedGeneration\":6", "\"observedGeneration\":5");
        let found = status_knowing(knowledge, &world("[]", &older), &[]).unwrap();
        let conditions = &found.parents[0].conditions;
        assert!(conditions.iter().all(|condition| condition.status == "True"), "{told:?} {knowledge:?}");
        // what is known replaces it
        let other = RouteProblem::new(RouteReason::Pending, "another");
        let found = status_knowing(knowledge, &world("[]", &text), &[other]).unwrap();
        assert!(entries(&found)[0].contains("Accepted=False Pending"), "{told:?} {knowledge:?}");
    }
}

#[test]
fn references_are_compared_with_their_defaults() {
    let cases = [
        ("{name: a}", "{name: a, kind: Gateway, group: gateway.networking.k8s.io, namespace: home}", true),
        ("{name: a}", "{name: b}", false),
        ("{name: a}", "{name: a, kind: ListenerSet}", false),
        ("{name: a}", "{name: a, namespace: away}", false),
        ("{name: a}", "{name: a, group: ''}", false),
        ("{name: a, port: 1}", "{name: a}", false),
        ("{name: a, sectionName: s}", "{name: a, sectionName: s}", true),
        ("{name: a, sectionName: s}", "{name: a, sectionName: t}", false),
    ];
    for (one, other, expected) in cases {
        let [one, other] = [one, other].map(|text| serde_saphyr::from_str::<ParentReference>(text).unwrap());
        assert_eq!(same_parent(&one, &other, "home"), expected, "{one:?} {other:?}");
    }
}

#[test]
fn of_what_nobody_can_tell_nothing_is_reported() {
    let world = world("[]", "null");
    let offer = world.offer(Controller::Alb, LENIENT);
    let undecided =
        ParentOutcome { index: 1, outcome: Outcome::Undecided("x".to_owned()), undecided: vec![] };
    assert_eq!(report(&offer, &[undecided], &[]), []);
}
