//! Crashes, lost answers and throttling at every call: no certificate is left over or made twice.

use super::*;
use aws_load_balancer_controller::aws_api::acm::CertificateKind;
use rig::rig::seldom;

/// The calls of ACM that the story makes, in the order of their kinds.
const CALLS: [Action; 5] = [
    Action::ListCertificates,
    Action::ListCertificateTags,
    Action::GetCertificate,
    Action::ImportCertificate,
    Action::DeleteCertificate,
];

/// A Secret is used by two, changes, is bad for a while, changes again, loses its users; with a mishap at the n-th call of a kind.
async fn story(effect: Effect, action: Action, at: usize) {
    let mut rig = Rig::new(Options { audit: seldom(), ..options() });
    rig.seed();
    for (number, name) in ["one", "two"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number]);
    }
    put_secret(&rig, "web", &pair("*.example.com"));
    put_secret(&rig, "api", &pair("api.example.com"));
    let context = format!("{effect:?} at call {at} of {action:?}");
    rig.aws.arm(Fault::on(Calls::Of(action), effect).at(at));
    rig.start().await;
    let settle = async |rig: &mut Rig| {
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(20)).await;
        rig.run_until_idle().await;
    };
    rig.api.put(ingress("one", &["web"], &[]));
    rig.api.put(ingress("two", &["web", "api"], &[]));
    settle(&mut rig).await;
    let first = imported(&rig);
    assert_eq!(secrets(&rig), [shop("api"), shop("web")], "{context}: {:?}", warnings(&rig));
    put_secret(&rig, "web", &pair("*.example.com"));
    settle(&mut rig).await;
    put_secret(&rig, "web", &(String::new(), String::new()));
    settle(&mut rig).await;
    let last = pair("*.example.com");
    put_secret(&rig, "web", &last);
    settle(&mut rig).await;
    assert_eq!(imported(&rig), first, "{context}: the ARNs stay");
    assert_eq!(attached(&rig), BTreeSet::from([shop("api"), shop("web")]), "{context}");
    let arn = first[1].1.clone();
    let body = rig.ask(aws_load_balancer_controller::aws_api::acm::GetCertificate { arn });
    assert_eq!(body.certificate.replace(['\r', '\n'], ""), last.0.replace(['\r', '\n'], ""), "{context}");
    rig.api.put(ingress("two", &["web"], &[]));
    settle(&mut rig).await;
    assert_eq!(secrets(&rig), [shop("web")], "{context}");
    rig.api.delete("ingresses", fixtures::NAMESPACE, "one");
    rig.api.delete("ingresses", fixtures::NAMESPACE, "two");
    settle(&mut rig).await;
    assert_eq!(secrets(&rig), Vec::<String>::new(), "{context}");
    let left = rig.ask(aws_load_balancer_controller::aws_api::acm::ListCertificates {
        any_status: true,
        next_token: None,
    });
    assert!(left.certificates.iter().all(|one| one.kind != CertificateKind::Imported), "{context}");
    assert_eq!(imports(&rig), 4, "{context}: each content is imported once");
}

fn stories(effect: &Effect) {
    for action in CALLS {
        for at in 1..=3 {
            run(story(effect.clone(), action, at));
        }
    }
}

#[test]
fn an_answer_that_gets_lost_leaves_no_certificate_over_and_makes_none_twice() {
    stories(&Effect::LoseAnswer);
    stories(&Effect::Garble);
}

#[test]
fn throttling_leaves_no_certificate_over_and_makes_none_twice() {
    stories(&Effect::Throttle);
}

#[test]
fn a_crash_leaves_no_certificate_over_and_makes_none_twice() {
    stories(&Effect::CrashBefore);
    stories(&Effect::CrashAfter);
}
