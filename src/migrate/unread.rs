//! What of an Ingress has no place among the generated objects, and why.

use super::Notes;
use super::group::{GroupMember, LISTENER_ATTRIBUTES};
use super::objects::Listener;
use crate::annotations::{ALB_PREFIX, table};
use crate::finding::Finding;
use crate::settings::ingress::certificates::SOURCE;

/// Annotations without an equivalent, by the text that they are or begin with, and why.
const WITHOUT_EQUIVALENT: [(&str, &str); 8] = [
    (
        "waf-acl-id",
        "WAF Classic has no equivalent, and the new load balancer comes up without it: use a WAFv2 web ACL",
    ),
    (
        "web-acl-id",
        "WAF Classic has no equivalent, and the new load balancer comes up without it: use a WAFv2 web ACL",
    ),
    (
        "enable-frontend-nlb",
        "a Gateway has no NLB in front of its ALB: write a Gateway of class aws-nlb with a TCPRoute to the Gateway of the ALB",
    ),
    ("frontend-nlb-", "a Gateway has no NLB in front of its ALB"),
    (
        "create-acm-cert",
        "the controller makes no certificates for Gateways: name one in the LoadBalancerConfiguration",
    ),
    (
        "acm-pca-arn",
        "the controller makes no certificates for Gateways: name one in the LoadBalancerConfiguration",
    ),
    (
        SOURCE,
        "Secrets are read with the feature gate SecretCertificates, and unless the class takes certificates from ACM",
    ),
    ("dry-run-plan", ""),
];
/// Annotations that other tools or kubectl leave behind, which nobody misses.
const LEFT_BEHIND: [&str; 3] = ["kubectl.kubernetes.io/", "kubernetes.io/ingress.class", "meta.helm.sh/"];

/// Tells what of a member is not translated.
pub fn tell(member: &GroupMember, listeners: &[Listener], notes: &mut Notes) {
    let object = &member.values.object;
    for (key, value) in member.values.map() {
        let Some(suffix) = key.strip_prefix(ALB_PREFIX).and_then(|rest| rest.strip_prefix('/')) else {
            if !LEFT_BEHIND.iter().any(|known| key.starts_with(known)) {
                let problem =
                    "is not carried over: what other tools read, they would read of both load balancers";
                notes.add(Finding::warning(object, problem).at(key).hint("move it when traffic moves"));
            }
            continue;
        };
        let none = WITHOUT_EQUIVALENT
            .iter()
            .find(|(known, _)| suffix == *known || (known.ends_with('-') && suffix.starts_with(known)));
        let is_off =
            suffix == "enable-frontend-nlb" && crate::annotations::parse::boolean(value) == Some(false);
        let is_off = is_off || suffix == SOURCE && (value == "acm" || !member.secrets.is_empty());
        if let Some((_, why)) = none.filter(|(_, why)| !why.is_empty() && !is_off) {
            notes.add(Finding::warning(object, format!("is not translated: {why}")).at(key));
        } else if none.is_none() && table::find(key).is_none() {
            let known =
                table::rows().filter(|row| row.prefix == ALB_PREFIX).map(table::Row::key).collect::<Vec<_>>();
            let finding = Finding::warning(object, "is not translated: there is no such annotation").at(key);
            notes.add(finding.suggest(key, known.iter().map(String::as_str)));
        }
        if let Some(named) = suffix.strip_prefix(LISTENER_ATTRIBUTES) {
            let is_there =
                listeners.iter().any(|listener| named == format!("{}-{}", listener.protocol, listener.port));
            if !is_there {
                notes.add(Finding::warning(object, "is not translated: there is no such listener").at(key));
            }
        }
    }
    let labels = member.ingress.metadata.labels.iter().flatten().count();
    if labels > 0 {
        let problem = format!(
            "has {labels} labels, which are not carried over: whoever owns objects by label would own the generated ones, too"
        );
        notes.add(Finding::warning(object, problem).at("metadata.labels"));
    }
}
