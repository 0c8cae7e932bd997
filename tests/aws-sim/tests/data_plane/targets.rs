//! Which target gets a request or a connection: weights, stickiness, health, zones, drains.

use crate::bed::*;
use aws_load_balancer_controller::aws_api::{Ref, elbv2::*};
use aws_sim::{PlaneSettings, contract::forward_to};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::Instant,
};

#[tokio::test(flavor = "multi_thread")]
async fn target_groups_get_their_weights() {
    let mut checked = Rows::default();
    // Weights, and the value of chi-square that chance exceeds once in a hundred runs.
    for (weights, limit) in [
        (vec![90, 10], 6.63),
        (vec![50, 50], 6.63),
        (vec![1, 2], 6.63),
        (vec![999, 1], 6.63),
        (vec![70, 20, 10], 9.21),
        (vec![1, 1, 1, 1], 11.34),
        (vec![5, 0, 3], 6.63),
        (vec![1, 0], 0.0),
    ] {
        let bed = Bed::new().await;
        let lb = bed.alb().await;
        let (mut groups, mut pods) = (Vec::new(), Vec::new());
        for number in 0..weights.len() {
            let group = bed.group(Protocol::Http).await;
            pods.push(bed.pods(&group, &[&number.to_string()]).await);
            groups.push(group);
        }
        let pairs: Vec<_> = groups.iter().zip(weights.iter().copied()).collect();
        let listener = bed.listen(&lb, 8080, vec![weighted(&pairs, None)]).await;
        for group in &groups {
            bed.healthy(group, 1).await;
        }
        let at = bed.address(&listener).await;
        const REQUESTS: u16 = 1500;
        let mut found: BTreeMap<String, u16> = BTreeMap::new();
        for pod in ask_many(at, REQUESTS.into()).await {
            *found.entry(pod).or_default() += 1;
        }
        let total: i32 = weights.iter().sum();
        let mut chi_square = 0.0;
        for (number, weight) in weights.iter().enumerate() {
            let count = f64::from(found.get(&number.to_string()).copied().unwrap_or_default());
            let expected = f64::from(REQUESTS) * f64::from(*weight) / f64::from(total);
            assert!(*weight > 0 || count == 0.0, "{weights:?}: {found:?}");
            if *weight > 0 {
                chi_square += (count - expected).powi(2) / expected;
            }
        }
        let row = format!("{weights:?}: {found:?}, chi-square {chi_square}");
        checked.check(&row, chi_square <= limit, true);
    }
    checked.hold();
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_keep_clients_with_their_targets() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed.group(Protocol::Http).await;
    let pods = bed.pods(&group, &["a", "b", "c"]).await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 3).await;
    let at = bed.address(&listener).await;
    for (attributes, target, ours) in [
        (vec![("stickiness.enabled", "true"), ("stickiness.type", "lb_cookie")], "/", "AWSALB="),
        (
            vec![("stickiness.type", "app_cookie"), ("stickiness.app_cookie.cookie_name", "APP")],
            "/?cookie=APP",
            "AWSALBAPP-0=",
        ),
    ] {
        bed.set_group(&group, &attributes).await;
        until("the cookie", || async { ask(at, target, &[("host", "h")]).await.cookies().contains(ours) })
            .await;
        let first = ask(at, target, &[("host", "h")]).await;
        let cookies = first.cookies();
        for _ in 0..9 {
            let again = ask(at, target, &[("host", "h"), ("cookie", &cookies)]).await;
            assert_eq!(again.pod(), first.pod(), "{ours}");
        }
        // Without the cookie, turns go round.
        let mut others = Vec::new();
        for _ in 0..3 {
            others.push(get(at).await.pod().to_owned());
        }
        others.sort();
        assert_eq!(others, ["a", "b", "c"], "{ours}");
    }
    assert_eq!(get(at).await.cookies(), "", "the application set none");

    // A target that is no longer registered loses its clients.
    bed.set_group(&group, &[("stickiness.type", "lb_cookie")]).await;
    until("the cookie", || async { get(at).await.cookies().contains("AWSALB=") }).await;
    let first = get(at).await;
    let gone = pods.iter().zip(["a", "b", "c"]).find(|(_, name)| *name == first.pod()).unwrap().0.ip;
    bed.deregister(&group, gone).await;
    let cookies = first.cookies();
    until("another target", || async {
        ask(at, "/", &[("host", "h"), ("cookie", &cookies)]).await.pod() != first.pod()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_good_for_its_duration_alone() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed.group(Protocol::Http).await;
    let _pods = bed.pods(&group, &["a", "b"]).await;
    bed.set_group(&group, &[("stickiness.enabled", "true"), ("stickiness.lb_cookie.duration_seconds", "1")])
        .await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 2).await;
    let at = bed.address(&listener).await;
    let cookies = get(at).await.cookies();
    assert!(cookies.contains("AWSALB="), "{cookies}");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let mut pods = Vec::new();
    for _ in 0..2 {
        pods.push(ask(at, "/", &[("host", "h"), ("cookie", &cookies)]).await.pod().to_owned());
    }
    pods.sort();
    assert_eq!(pods, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_keeps_a_client_with_its_target_group() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let (one, other) = (bed.group(Protocol::Http).await, bed.group(Protocol::Http).await);
    let _pods = (bed.pods(&one, &["a"]).await, bed.pods(&other, &["b"]).await);
    let listener = bed.listen(&lb, 8080, vec![weighted(&[(&one, 1), (&other, 1)], Some(60))]).await;
    bed.healthy(&one, 1).await;
    bed.healthy(&other, 1).await;
    let at = bed.address(&listener).await;
    let mut seen = BTreeMap::new();
    while seen.len() < 2 {
        let answer = get(at).await;
        seen.insert(answer.pod().to_owned(), answer.cookies());
    }
    for (pod, cookies) in seen {
        assert!(cookies.contains("AWSALBTG=") && cookies.contains("AWSALBTGCORS="), "{cookies}");
        for _ in 0..10 {
            assert_eq!(ask(at, "/", &[("host", "h"), ("cookie", &cookies)]).await.pod(), pod);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_healthy_targets_get_requests_unless_there_are_none() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed
        .group_with(Protocol::Http, |wanted| {
            wanted.health_check.as_mut().unwrap().path = Some("/healthz".to_owned());
        })
        .await;
    let pods = bed.pods(&group, &["a", "b"]).await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 2).await;
    let at = bed.address(&listener).await;
    let names = async || {
        let mut names: Vec<_> = ask_many(at, 20).await;
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names().await, ["a", "b"]);
    pods[0].echo.set_healthy(false);
    bed.wait_for(&group, &TargetHealthState::Unhealthy, 1).await;
    assert_eq!(names().await, ["b"]);
    let asked = DescribeTargetHealth { arn: Ref::from(group.arn.as_str()), targets: Vec::new() };
    let healths = bed.account.send(asked).await.unwrap();
    let reasons: Vec<_> = healths.into_iter().filter_map(|health| health.reason).collect();
    assert_eq!(reasons, ["Target.ResponseCodeMismatch"]);
    pods[1].echo.set_healthy(false);
    bed.wait_for(&group, &TargetHealthState::Unhealthy, 2).await;
    assert_eq!(names().await, ["a", "b"], "it fails open");
    pods[0].echo.set_healthy(true);
    bed.healthy(&group, 1).await;
    assert_eq!(names().await, ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_target_waits_for_its_first_check() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    let group = bed
        .group_with(Protocol::Http, |wanted| {
            wanted.health_check.as_mut().unwrap().path = Some("/healthz".to_owned());
        })
        .await;
    let _old = bed.pods(&group, &["old"]).await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    bed.healthy(&group, 1).await;
    let new = bed.pod("new", 'a', Speaks::Http).await;
    new.echo.set_healthy(false);
    bed.register(&group, &[new.ip]).await;
    bed.wait_for(&group, &TargetHealthState::Unhealthy, 1).await;
    let at = bed.address(&listener).await;
    assert!(ask_many(at, 20).await.iter().all(|name| name == "old"));
    new.echo.set_healthy(true);
    bed.healthy(&group, 2).await;
    assert!(ask_many(at, 20).await.iter().any(|name| name == "new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_gets_the_code_of_aws() {
    let bed = Bed::new().await;
    let lb = bed.alb().await;
    bed.set_balancer(&lb, &[("idle_timeout.timeout_seconds", "1")]).await;
    let (empty, refused, lost, pods) = (
        bed.group(Protocol::Http).await,
        bed.group(Protocol::Http).await,
        bed.group(Protocol::Http).await,
        bed.group(Protocol::Http).await,
    );
    let _kept = bed.pods(&pods, &["a"]).await;
    let closed = bed.pod("closed", 'a', Speaks::Http).await;
    closed.echo.stop().await;
    bed.register(&refused, &[closed.ip]).await;
    bed.register(&lost, &["10.0.68.250".parse().unwrap()]).await;
    let to = |group: &TargetGroup| vec![forward_to([group.arn.as_str()])];
    // Target group, target, headers, status.
    type Headers = &'static [(&'static str, &'static str)];
    let rows: &[(Vec<ListenerAction>, &str, Headers, u16)] = &[
        (to(&pods), "/", &[], 200),
        (to(&empty), "/", &[], 503),
        (vec![weighted(&[(&pods, 0), (&empty, 0)], None)], "/", &[], 503),
        (to(&refused), "/", &[], 502),
        (to(&lost), "/", &[], 504),
        (to(&pods), "/?break=1", &[], 502),
        (to(&pods), "/?delay=3000", &[], 504),
        (to(&pods), "/?status=500", &[], 500),
        (to(&pods), "/?status=404", &[], 404),
        (to(&pods), "/", MANY, 463),
    ];
    let mut checked = Rows::default();
    for (port, (actions, target, headers, status)) in (8080..).zip(rows) {
        let listener = bed.listen(&lb, port, actions.clone()).await;
        if actions == &to(&pods) {
            bed.healthy(&pods, 1).await;
        }
        let at = bed.address(&listener).await;
        let mut all = vec![("host", "h")];
        all.extend(headers.iter());
        checked.check(&format!("{port} {target} {headers:?}"), ask(at, target, &all).await.status, *status);
    }
    checked.hold();
}

const MANY: &[(&str, &str)] = &[(
    "x-forwarded-for",
    "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
)];

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_its_time_to_reach_the_data_plane() {
    let settings = PlaneSettings { propagation: Duration::from_secs(2), ..PlaneSettings::default() };
    let bed = Bed::with(settings).await;
    let lb = bed.alb().await;
    let group = bed.group(Protocol::Http).await;
    let pods = bed.pods(&group, &["a", "b"]).await;
    let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
    let at = bed.address(&listener).await;
    bed.healthy(&group, 2).await;
    let changed = Instant::now();
    bed.deregister(&group, pods[0].ip).await;
    until("no request to the old target", || async { !ask_many(at, 2).await.contains(&"a".to_owned()) })
        .await;
    assert!(changed.elapsed() >= Duration::from_secs(2), "{:?}", changed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_outlives_the_deregistration_of_its_target() {
    // Deregistration delay, how long the pod takes, and the status.
    for (delay, takes, status) in [("30", 1500, Some(200)), ("1", 6000, Some(502))] {
        let bed = Bed::new().await;
        let lb = bed.alb().await;
        let group = bed.group(Protocol::Http).await;
        bed.set_group(&group, &[("deregistration_delay.timeout_seconds", delay)]).await;
        let pods = bed.pods(&group, &["a"]).await;
        let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
        bed.healthy(&group, 1).await;
        let at = bed.address(&listener).await;
        let target = format!("/?delay={takes}");
        let under_way = tokio::spawn(async move { ask(at, &target, &[("host", "h")]).await.status });
        tokio::time::sleep(Duration::from_millis(500)).await;
        bed.deregister(&group, pods[0].ip).await;
        until("no new request", || async { get(at).await.status == 503 }).await;
        let states = bed.states(&group).await;
        assert!(states.is_empty() || states == [TargetHealthState::Draining], "{states:?}");
        assert_eq!(Some(under_way.await.unwrap()), status, "delay {delay}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_through_an_nlb_outlives_the_drain_unless_it_is_to_be_cut() {
    for (cut, ends) in [("false", false), ("true", true)] {
        let bed = Bed::new().await;
        let lb = bed.nlb_in_a().await;
        let group = bed.group(Protocol::Tcp).await;
        let attributes = [
            ("deregistration_delay.timeout_seconds", "1"),
            ("deregistration_delay.connection_termination.enabled", cut),
        ];
        bed.set_group(&group, &attributes).await;
        let pod = bed.pod("a", 'a', Speaks::Tcp).await;
        bed.register(&group, &[pod.ip]).await;
        let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
        bed.healthy(&group, 1).await;
        let at = bed.address(&listener).await;
        let mut stream = BufReader::new(TcpStream::connect(at).await.unwrap());
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("a "), "{line}");
        bed.deregister(&group, pod.ip).await;
        until("the drain is over", || async { bed.states(&group).await.is_empty() }).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut answer = [0; 4];
        let echoed = stream.write_all(b"ping").await.is_ok() && stream.read_exact(&mut answer).await.is_ok();
        assert_eq!(!echoed, ends, "cut {cut}");
        // Nobody is there for a new one.
        if let Ok(mut new) = TcpStream::connect(at).await {
            let read = new.read(&mut answer).await;
            assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_are_crossed_only_where_that_is_on() {
    for (balancer, group_says, crosses) in [
        ("false", "use_load_balancer_configuration", false),
        ("true", "use_load_balancer_configuration", true),
        ("false", "true", true),
        ("true", "false", false),
    ] {
        let bed = Bed::new().await;
        let lb = bed.nlb().await;
        bed.set_balancer(&lb, &[("load_balancing.cross_zone.enabled", balancer)]).await;
        let group = bed.group(Protocol::Tcp).await;
        bed.set_group(&group, &[("load_balancing.cross_zone.enabled", group_says)]).await;
        let pods = [bed.pod("a", 'a', Speaks::Tcp).await, bed.pod("b", 'b', Speaks::Tcp).await];
        bed.register(&group, &pods.each_ref().map(|pod| pod.ip)).await;
        let listener = bed.listen(&lb, 8080, vec![forward_to([group.arn.as_str()])]).await;
        bed.healthy(&group, 2).await;
        let addresses = bed.addresses(&listener).await;
        assert_eq!(addresses.len(), 2);
        for (address, name) in addresses.into_iter().zip(["a", "b"]) {
            let mut names = Vec::new();
            for _ in 0..20 {
                let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                names.push(line.split(' ').next().unwrap().to_owned());
            }
            names.sort();
            names.dedup();
            let expected = if crosses { vec!["a", "b"] } else { vec![name] };
            assert_eq!(names, expected, "load balancer {balancer}, group {group_says}");
        }
        // A zone without healthy targets is left out of the name.
        if !crosses {
            bed.deregister(&group, pods[1].ip).await;
            until("one zone", || async { bed.addresses(&listener).await.len() == 1 }).await;
        }
    }
}
