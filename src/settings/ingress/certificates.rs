//! Certificates of HTTPS listeners: discovery by host, requests for the hosts of an Ingress, and merging what members bring.

use super::context::{GroupContext, MemberView};
use super::tags;
use crate::annotations::Annotations;
use crate::api::ObjectKey;
use crate::api::ingress_class_params::{CertificateSource, IngressClassParamsSpec};
use crate::aws_api::Ref;
use crate::aws_api::acm::CertificateKind;
use crate::facts::BuildError;
use crate::finding::Part;
use crate::model::{RequestedCertificate, ResourceId};
use crate::settings::tls_secrets::{self, TlsSecrets};
use crate::settings::{Origin, certificates};
use k8s_openapi::api::networking::v1::IngressSpec;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

const CREATE: &str = "create-acm-cert";
const AUTHORITY: &str = "acm-pca-arn";
/// Where the certificates of an Ingress come from.
pub(crate) const SOURCE: &str = "certificate-source";
/// From ACM, or from the Secrets that `spec.tls` names.
pub(crate) const SOURCES: [&str; 2] = ["acm", "secret"];

/// What is said of an Ingress whose certificates are to come from Secrets, if it names none.
pub(crate) const NO_SECRET: &str = "certificates are to come from secrets, and spec.tls names none";
/// What to do then.
pub(crate) const NO_SECRET_HINT: &str = "set spec.tls[].secretName";

/// ARNs of the certificates that cover the hosts of an Ingress, sorted; none without hosts. Those that were made for Ingresses are
/// their own.
pub(super) fn discover(group: &GroupContext<'_>, member: &MemberView<'_>) -> Result<Vec<Ref>, BuildError> {
    let known = group.facts.certificates()??;
    let origin = Origin::field(&member.object, "spec.tls");
    let hosts = hosts(member);
    let features = &group.config.features;
    let knows_managed = features.enable_certificate_management || features.secret_certificates;
    if !knows_managed || hosts.is_empty() {
        let arns = certificates::discover(hosts, known.iter(), &origin, group.config)?;
        return Ok(arns.into_iter().map(Ref::from).collect());
    }
    let managed = group.facts.managed_certificates()??;
    let others = known.iter().filter(|certificate| !managed.contains(&certificate.arn));
    let arns = certificates::discover(hosts, others, &origin, group.config)?;
    Ok(arns.into_iter().map(Ref::from).collect())
}

/// The certificates of the Secrets that `spec.tls` names, if the Ingress or its class says that they come from there.
///
/// Errors: the annotation says something else; there is no Secret; none of them can be used.
pub(super) fn from_secrets(
    group: &GroupContext<'_>,
    member: &MemberView<'_>,
) -> Result<Option<TlsSecrets>, BuildError> {
    if !group.config.features.secret_certificates {
        return Ok(None);
    }
    let source = source(member.params, &member.annotations);
    let source = source.map_err(|given| member.origin(SOURCE).not_one_of(given, &SOURCES))?;
    if source == CertificateSource::Acm {
        return Ok(None);
    }
    let at_place =
        |(place, secret)| (secret, Origin::field(&member.object, format!("spec.tls[{place}].secretName")));
    let named: Vec<_> = secrets_of(member.spec, member.namespace()).into_iter().map(at_place).collect();
    if named.is_empty() {
        let origin = member.origin(SOURCE);
        return Err(origin.error(NO_SECRET).hint(NO_SECRET_HINT).within(Part::Certificates).into());
    }
    tls_secrets::read(named, group.facts).map(Some)
}

/// Where the certificates of an Ingress come from; what the parameters of its class say wins.
///
/// Errors: what the annotation says, if there is no such source.
pub(crate) fn source<'a>(
    params: Option<&IngressClassParamsSpec>,
    annotations: &Annotations<'a>,
) -> Result<CertificateSource, &'a str> {
    if let Some(source) = params.and_then(|params| params.certificate_source) {
        return Ok(source);
    }
    let given = annotations.string(SOURCE);
    given.map_or(Ok(CertificateSource::Acm), |given| given.parse().map_err(|_| given))
}

/// The Secrets that `spec.tls` names, once each, in its order, with their places in it.
pub(crate) fn secrets_of(spec: Option<&IngressSpec>, namespace: &str) -> Vec<(usize, ObjectKey)> {
    let mut named: Vec<(usize, ObjectKey)> = Vec::new();
    let tls = spec.and_then(|spec| spec.tls.as_ref()).into_iter().flatten().enumerate();
    for (place, name) in tls.filter_map(|(place, tls)| Some((place, tls.secret_name.as_deref()?))) {
        let secret = ObjectKey::namespaced(namespace, name);
        if !name.is_empty() && !named.iter().any(|(_, other)| *other == secret) {
            named.push((place, secret));
        }
    }
    named
}

/// Whether a certificate is to be made for the hosts of an Ingress.
///
/// What is no boolean counts as `false`, as upstream; admission warns of it.
pub(super) fn is_wanted(group: &GroupContext<'_>, member: &MemberView<'_>) -> bool {
    group.config.features.enable_certificate_management
        && member.annotations.boolean(CREATE).ok().flatten().unwrap_or(false)
}

/// The certificate that is to be made for the hosts of an Ingress, and its id.
///
/// Errors: there is no host.
pub(super) fn requested(
    group: &GroupContext<'_>,
    member: &MemberView<'_>,
) -> Result<(ResourceId, RequestedCertificate), BuildError> {
    let names: Vec<String> =
        hosts(member).into_iter().filter(|host| !host.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        let problem =
            "a certificate is to be made, and there is no host in spec.rules or spec.tls to make it for";
        return Err(member.origin(CREATE).error(problem).hint("name a host").into());
    }
    let by_ingress = member.annotations.string(AUTHORITY).unwrap_or_default();
    let authority = [by_ingress, &group.config.default_pca_arn].into_iter().find(|arn| !arn.is_empty());
    let tags = tags::of_member(member, group.config)?;
    let certificate = RequestedCertificate { authority: authority.map(str::to_owned), names, tags };
    Ok((id_of(&certificate, member.key), certificate))
}

/// As upstream has it: the resource tag's value, in which there can be no asterisk.
fn id_of(certificate: &RequestedCertificate, member: &ObjectKey) -> ResourceId {
    let kind = match certificate.kind() {
        CertificateKind::Private => "private",
        _ => "amazon_issued",
    };
    let subject = certificate.subject().replace('*', "wildcard");
    format!("{kind}/{subject}-{}", member_suffix(member)).into()
}

/// What the ids of a member's certificates end in.
pub(crate) fn member_suffix(member: &ObjectKey) -> String {
    let name = format!("{}/{}", member.namespace(), member.name());
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let [a, b, c, d, ..] = digest;
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// The hosts of an Ingress: those of its rules, and those it wants TLS for.
pub(super) fn hosts<'a>(member: &MemberView<'a>) -> BTreeSet<&'a str> {
    let Some(spec) = member.spec else { return BTreeSet::new() };
    let of_rules = spec.rules.iter().flatten().filter_map(|rule| rule.host.as_deref());
    let of_tls = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten().map(String::as_str));
    of_rules.filter(|host| !host.is_empty()).chain(of_tls).collect()
}

/// One list of all members' certificates, the default one first.
///
/// The default certificate is taken out once; when it is mentioned again it is listed again, as upstream does, which makes
/// it both the default and one of the others.
pub(super) fn merge<T: Clone + Ord>(lists: &[&[T]]) -> Vec<T> {
    let mut all = lists.iter().flat_map(|list| list.iter());
    let Some(default) = all.next() else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let others = all.filter(|arn| seen.insert(*arn)).cloned();
    let mut merged = vec![default.clone()];
    merged.extend(others);
    merged
}
