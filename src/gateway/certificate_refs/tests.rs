use super::super::fixture::{LENIENT, World};
use super::super::listeners::judge;
use super::super::{Controller, GatewayOptions};
use super::*;

const GRANTS: &str = r"
kind: ReferenceGrant
name: secrets/gateways
spec:
  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}]
  to: [{group: '', kind: Secret, name: granted}]
";

/// What became of the references of the listeners, and of the listeners.
fn resolved(listeners: &str, options: GatewayOptions) -> Vec<String> {
    let world = World::read(&format!(
        "kind: Gateway\nname: infra/edge\nspec: {{listeners: {listeners}}}\n---{GRANTS}"
    ));
    let mut parents = judge(&world.gateways[0], &[], Controller::Alb, options);
    let refs = resolve(&mut parents, &world, options);
    let shown = |one: &CertificateRef| match one {
        Ok(secret) => secret.to_string(),
        Err(problem) => format!("{}: {}", problem.reason, problem.message),
    };
    let of_listener = |(listener, judged): (usize, &super::super::listeners::Judged<'_>)| {
        if let Some(problem) = &judged.problem {
            return format!("not valid: {}: {}", problem.reason, problem.message);
        }
        let refs = refs.get(&ListenerIndex { parent: 0, listener }).into_iter().flatten();
        refs.map(shown).collect::<Vec<_>>().join("; ")
    };
    parents[0].listeners.iter().enumerate().map(of_listener).collect()
}

#[test]
fn references_are_resolved_and_those_to_other_namespaces_need_a_grant() {
    let options = GatewayOptions { secret_certificates: true, ..LENIENT };
    let cases = [
        ("{certificateRefs: [{name: web}, {name: api, kind: Secret, group: ''}]}", "infra/web; infra/api"),
        ("{certificateRefs: [{name: granted, namespace: secrets}]}", "secrets/granted"),
        (
            "{certificateRefs: [{name: web}, {name: other, namespace: secrets}]}",
            "not valid: RefNotPermitted: certificateRef to Secret secrets/other of listener a is not permitted by any ReferenceGrant in namespace secrets",
        ),
        (
            "{certificateRefs: [{name: web, kind: ConfigMap}]}",
            "InvalidCertificateRef: certificateRef ConfigMap \"web\" of listener a is not a Secret",
        ),
        (
            "{certificateRefs: [{name: web, group: example.com}]}",
            "InvalidCertificateRef: certificateRef Secret.example.com \"web\" of listener a is not a Secret",
        ),
        ("{}", ""),
    ];
    for (tls, expected) in cases {
        let listeners = format!("[{{name: a, port: 443, protocol: HTTPS, tls: {tls}}}]");
        assert_eq!(resolved(&listeners, options), [expected], "{tls}");
    }
}

#[test]
fn nothing_is_resolved_where_secrets_are_not_read_or_tls_does_not_end() {
    let listeners =
        "[{name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: x, namespace: secrets}]}}]";
    assert_eq!(resolved(listeners, LENIENT), [""]);
    let plain =
        "[{name: a, port: 80, protocol: HTTP, tls: {certificateRefs: [{name: x, namespace: secrets}]}}]";
    assert_eq!(resolved(plain, GatewayOptions { secret_certificates: true, ..LENIENT }), [""]);
}
