//! Crashes, lost answers and throttling at every call: no certificate is left over or made twice.

use super::*;
use aws_load_balancer_controller::aws_api::acm::CertificateKind;
use rig::rig::seldom;

/// What happens at a call.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    /// The call is made, and nobody hears the answer.
    LostAnswer,
    /// AWS asks to slow down.
    Throttled,
    /// The controller dies when the call has been made.
    Crash,
}

/// The calls of ACM that the story makes, in the order of their kinds.
const CALLS: [Action; 5] = [
    Action::ListCertificates,
    Action::ListCertificateTags,
    Action::GetCertificate,
    Action::ImportCertificate,
    Action::DeleteCertificate,
];

/// A Secret is used by two, changes, is bad for a while, changes again, loses its users; with a mishap at the n-th call of a kind.
async fn story(mishap: Mishap, action: Action, at: usize) {
    let mut rig = Rig::new(Options { audit: seldom(), ..options() });
    rig.seed();
    for (number, name) in ["one", "two"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number]);
    }
    put_secret(&rig, "web", &pair("*.example.com"));
    put_secret(&rig, "api", &pair("api.example.com"));
    let effect = match mishap {
        Mishap::LostAnswer | Mishap::Crash => Effect::LoseAnswer,
        Mishap::Throttled => Effect::fail("ThrottlingException"),
    };
    rig.aws.arm(Fault::on(Calls::Of(action), effect).at(at));
    rig.start().await;
    let context = format!("{mishap:?} at call {at} of {action:?}");
    let settle = async |rig: &mut Rig| {
        if matches!(mishap, Mishap::Crash) {
            for _ in 0..200 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            rig.restart().await;
        }
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
    let left = rig.ask(aws_load_balancer_controller::aws_api::acm::ListCertificates { any_status: true, next_token: None });
    assert!(left.certificates.iter().all(|one| one.kind != CertificateKind::Imported), "{context}");
    // Every change is one import; what got lost under an ARN may be made again.
    let most = 4 + usize::from(!matches!(mishap, Mishap::Throttled)) * 2;
    assert!((4..=most).contains(&imports(&rig)), "{context}: {} imports", imports(&rig));
}

fn stories(mishap: Mishap) {
    for action in CALLS {
        for at in 0..4 {
            run(story(mishap, action, at));
        }
    }
}

#[test]
fn an_answer_that_gets_lost_leaves_no_certificate_over_and_makes_none_twice() {
    stories(Mishap::LostAnswer);
}

#[test]
fn throttling_leaves_no_certificate_over_and_makes_none_twice() {
    stories(Mishap::Throttled);
}

#[test]
fn a_crash_leaves_no_certificate_over_and_makes_none_twice() {
    stories(Mishap::Crash);
}
