//! Ingress groups as they are migrated: members, what they say together, and their listeners.

use super::objects::Listener;
use super::values::{Map, Values};
use super::{MigrationInput, Notes};
use crate::annotations::ingress::mutual_tls::parse_mutual_tls;
use crate::annotations::{ALB_PREFIX, parse};
use crate::api::ingress_class_params::CertificateSource;
use crate::api::{Ingress, IngressClassParams, ObjectKey};
use crate::config::Config;
use crate::facts::object_refs::ingress_ref;
use crate::finding::Finding;
use crate::settings::ingress::certificates::{self, NO_SECRET, SOURCE, SOURCES};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Settings of which all members of a group that have them must say the same.
const SAME: [&str; 16] = [
    "scheme",
    "load-balancer-name",
    "ip-address-type",
    "subnets",
    "customer-owned-ipv4-pool",
    "ipam-ipv4-pool-id",
    "security-groups",
    "manage-backend-security-group-rules",
    "inbound-cidrs",
    "security-group-prefix-lists",
    "ssl-policy",
    "wafv2-acl-arn",
    "wafv2-acl-name",
    "shield-advanced-protection",
    "minimum-load-balancer-capacity",
    "mutual-authentication",
];
/// What stands before the protocol and port of a listener's attributes.
pub const LISTENER_ATTRIBUTES: &str = "listener-attributes.";

/// A member of a group.
#[derive(Clone, Debug)]
pub struct GroupMember {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The Ingress.
    pub ingress: Arc<Ingress>,
    /// Parameters of its class.
    pub params: Option<Arc<IngressClassParams>>,
    /// Its annotations.
    pub values: Values,
    /// Its listeners, as it lists them.
    pub listeners: Vec<Listener>,
    /// The Secrets that the certificates of its HTTPS listeners are in; empty: they are not in Secrets.
    pub secrets: Vec<ObjectKey>,
}

impl GroupMember {
    /// Value of the tag that tells where objects are from.
    pub fn origin(&self) -> String {
        format!("ingress/{}", self.key)
    }

    /// Its place in a group: `group.order`, then namespace and name. An order that is no number is told and counts as 0.
    fn place(&self, notes: &mut Notes) -> (i32, String) {
        (self.values.int32("group.order", notes).unwrap_or_default(), self.key.to_string())
    }

    /// Tags of the user: those of the parameters win.
    pub fn tags(&self, notes: &mut Notes) -> Map {
        let mut tags = self.values.pairs("tags", notes);
        let of_params = self.params.iter().flat_map(|params| params.spec.tags.iter().flatten());
        tags.extend(of_params.map(|tag| (tag.key.clone(), tag.value.clone())));
        tags
    }
}

/// An Ingress group, or an Ingress on its own.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name of the group, or of the Ingress.
    pub name: String,
    /// Namespace of the first member, which holds the Gateway.
    pub namespace: String,
    /// Whether it is a group by name.
    pub is_named: bool,
    /// Members in group order.
    pub members: Vec<GroupMember>,
    /// Members that are not translated. Today they are served by the same load balancer all the same.
    pub lost: Vec<GroupMember>,
}

impl Group {
    /// Whether its members are of several namespaces.
    pub fn spans_namespaces(&self) -> bool {
        self.members.iter().any(|member| member.key.namespace() != self.namespace)
    }

    /// Members and lost members in group order, as today's load balancer has them.
    pub fn members_of_today(&self) -> Vec<&GroupMember> {
        let mut all: Vec<&GroupMember> = self.members.iter().chain(&self.lost).collect();
        all.sort_by_cached_key(|member| member.place(&mut Notes::default()));
        all
    }

    /// Value of the tag that tells where objects are from.
    pub fn origin(&self) -> String {
        if self.is_named {
            format!("ingress-group/{}", self.name)
        } else {
            format!("ingress/{}/{}", self.namespace, self.name)
        }
    }

    /// Parameters of the classes of the members, each once.
    pub fn params(&self) -> Vec<&Arc<IngressClassParams>> {
        let mut seen = BTreeSet::new();
        let all = self.members.iter().filter_map(|member| member.params.as_ref());
        all.filter(|params| seen.insert(params.metadata.name.clone())).collect()
    }

    /// All listeners, by port.
    pub fn listeners(&self) -> Vec<Listener> {
        let all: BTreeSet<Listener> =
            self.members.iter().flat_map(|member| member.listeners.iter().cloned()).collect();
        all.into_iter().collect()
    }

    /// The Secrets with the certificates of a listener, once each, in group order.
    pub fn secrets(&self, listener: &Listener) -> Vec<ObjectKey> {
        let with = self.members.iter().filter(|member| member.listeners.contains(listener));
        let mut named: Vec<ObjectKey> = Vec::new();
        for secret in with.flat_map(|member| &member.secrets).filter(|_| listener.protocol == "HTTPS") {
            if !named.contains(secret) {
                named.push(secret.clone());
            }
        }
        named
    }

    /// Everything the members say about the load balancer.
    pub fn settings(&self) -> Result<Values, String> {
        match self.members.as_slice() {
            [only] => Ok(only.values.clone()),
            members => merge(members).map_err(|problem| {
                format!("error in mergeGroupLBAnnotations for group {:?}: {problem}", self.name)
            }),
        }
    }

    /// The port that HTTP requests are redirected to.
    pub fn ssl_redirect(&self, notes: &mut Notes) -> Result<Option<i32>, String> {
        let failed = |problem: String| {
            format!("error in resolveGroupSSLRedirect for group {:?}: {problem}", self.name)
        };
        let mut found = None;
        for member in &self.members {
            let by_class = member.params.as_ref().and_then(|params| params.spec.ssl_redirect_port.as_deref());
            let port = match by_class.filter(|text| !text.is_empty()) {
                Some(text) => Some(parse::int32(text).ok_or_else(|| {
                    failed(format!("invalid ICP ssl-redirect port {text:?}: expected a number"))
                })?),
                None => member.values.int32("ssl-redirect", notes),
            };
            match (found, port) {
                (Some(one), Some(other)) if one != other => {
                    return Err(failed(format!("conflicting ssl-redirect ports in group: {one} vs {other}")));
                }
                (None, Some(port)) => found = Some(port),
                _ => {}
            }
        }
        Ok(found)
    }
}

fn merge(members: &[GroupMember]) -> Result<Values, String> {
    let mut merged = Map::new();
    let key = |suffix: &str| format!("{ALB_PREFIX}/{suffix}");
    for suffix in SAME {
        let said = members.iter().filter_map(|member| member.values.text(suffix));
        for value in said {
            let first = merged.entry(key(suffix)).or_insert_with(|| value.to_owned());
            if first != value {
                return Err(format!(
                    "conflicting annotation {} in group: {first:?} vs {value:?}",
                    key(suffix)
                ));
            }
        }
    }
    let mut certificates: Vec<String> = Vec::new();
    for arn in members.iter().flat_map(|member| member.values.list("certificate-arn")) {
        if !certificates.contains(&arn) {
            certificates.push(arn);
        }
    }
    if !certificates.is_empty() {
        merged.insert(key("certificate-arn"), certificates.join(","));
    }
    let of_listeners = members.iter().flat_map(|member| member.values.map().keys());
    let of_listeners = of_listeners.filter_map(|key| key.strip_prefix(ALB_PREFIX)?.strip_prefix('/'));
    let of_listeners: BTreeSet<&str> =
        of_listeners.filter(|suffix| suffix.starts_with(LISTENER_ATTRIBUTES)).collect();
    for suffix in ["tags", "load-balancer-attributes"].into_iter().chain(of_listeners) {
        let union = merge_pairs(members, suffix)?;
        if !union.is_empty() {
            merged.insert(key(suffix), join(&union));
        }
    }
    let object = members.first().map(|member| member.values.object.clone()).unwrap_or_default();
    Ok(Values::new(object, merged))
}

fn merge_pairs(members: &[GroupMember], suffix: &str) -> Result<Map, String> {
    let mut union = Map::new();
    for member in members {
        let pairs = member.values.annotations().map(suffix);
        let pairs =
            pairs.map_err(|error| format!("failed to parse {} on {}: {error}", error.key, member.key))?;
        for (key, value) in pairs.unwrap_or_default() {
            match union.get(&key) {
                Some(other) if *other != value => {
                    return Err(format!("conflicting {suffix} key {key:?} in group: {other:?} vs {value:?}"));
                }
                _ => union.insert(key, value),
            };
        }
    }
    Ok(union)
}

fn join(pairs: &Map) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(',', "\\,");
    pairs
        .iter()
        .map(|(key, value)| format!("{}={}", escaped(key), escaped(value)))
        .collect::<Vec<_>>()
        .join(",")
}

/// The groups of an input: named ones by name, then single Ingresses as they come. What cannot be placed is an error.
pub fn groups(
    input: &MigrationInput,
    config: &Config,
    errors: &mut Vec<String>,
    notes: &mut Notes,
) -> Vec<Group> {
    let mut named: BTreeMap<String, (Vec<GroupMember>, Vec<GroupMember>)> = BTreeMap::new();
    let mut alone = Vec::new();
    let mut seen = BTreeMap::new();
    for ingress in &input.ingresses {
        let key = ObjectKey::of(&**ingress);
        if let Some(earlier) = seen.insert(key.clone(), ingress) {
            let same = if earlier == ingress { "once more" } else { "again, and different" };
            let problem = format!("is in the input {same}: the first one is translated");
            notes.add(Finding::warning(&ingress_ref(ingress), problem));
            seen.insert(key, earlier);
            continue;
        }
        let Ok(params) = input.params_of(ingress, config, notes) else { continue };
        let values = Values::of(ingress_ref(ingress), &ingress.metadata);
        let by_class =
            params.as_ref().and_then(|params| params.spec.group.as_ref()).map(|group| group.name.clone());
        let name =
            by_class.filter(|name| !name.is_empty()).or_else(|| values.text("group.name").map(str::to_owned));
        let group = name.as_deref().unwrap_or(key.name());
        let secrets = secrets(&key, ingress, &values, params.as_deref(), config);
        let listeners = secrets.and_then(|secrets| {
            let listeners = safe_listeners(group, &key, &values, params.as_deref(), !secrets.is_empty())?;
            Ok((listeners, secrets))
        });
        let ((listeners, secrets), problem) = match listeners {
            Ok(found) => (found, None),
            Err(problem) => (<_>::default(), Some(problem)),
        };
        let is_lost = problem.is_some();
        errors.extend(problem);
        let member = GroupMember { key, ingress: ingress.clone(), params, values, listeners, secrets };
        match name {
            Some(name) => {
                let (members, lost) = named.entry(name).or_default();
                if is_lost { lost.push(member) } else { members.push(member) }
            }
            None if is_lost => {}
            None => alone.push(member),
        }
    }
    let named =
        named.into_iter().filter_map(|(name, (members, lost))| named_group(name, members, lost, notes));
    let mut groups: Vec<Group> = named.collect();
    groups.extend(alone.into_iter().map(|member| Group {
        name: member.key.name().to_owned(),
        namespace: member.key.namespace().to_owned(),
        is_named: false,
        members: vec![member],
        lost: Vec::new(),
    }));
    groups
}

fn named_group(
    name: String,
    mut members: Vec<GroupMember>,
    lost: Vec<GroupMember>,
    notes: &mut Notes,
) -> Option<Group> {
    members.sort_by_cached_key(|member| member.place(notes));
    let namespace = members.first()?.key.namespace().to_owned();
    Some(Group { name, namespace, is_named: true, members, lost })
}

/// The Secrets with the certificates of a member. Errors: why today's controller does not find them, either.
fn secrets(
    key: &ObjectKey,
    ingress: &Ingress,
    values: &Values,
    params: Option<&IngressClassParams>,
    config: &Config,
) -> Result<Vec<ObjectKey>, String> {
    if !config.features.secret_certificates {
        return Ok(Vec::new());
    }
    let failed = |problem: &str| format!("ingress {key} cannot be translated: {problem}");
    let annotations = values.annotations();
    let source = certificates::source(params.map(|params| &params.spec), &annotations);
    let source = source.map_err(|given| {
        let (at, allowed) = (annotations.key(SOURCE), SOURCES.join(" or "));
        failed(&format!("{at} is {given:?}, expected {allowed}"))
    })?;
    if source == CertificateSource::Acm {
        return Ok(Vec::new());
    }
    let named = certificates::secrets_of(ingress.spec.as_ref(), key.namespace());
    if named.is_empty() {
        Err(failed(NO_SECRET))
    } else {
        Ok(named.into_iter().map(|(_, secret)| secret).collect())
    }
}

/// The listeners of a member. Errors: they cannot be read, or not what they ask of client certificates.
fn safe_listeners(
    group: &str,
    key: &ObjectKey,
    values: &Values,
    params: Option<&IngressClassParams>,
    has_secrets: bool,
) -> Result<Vec<Listener>, String> {
    let listeners = listeners(values, params, has_secrets).map_err(|problem| {
        format!(
            "error in mergeGroupListenPorts for group {group:?}: failed to parse listen-ports for {key}: {problem}"
        )
    })?;
    // why: without the setting, the new listener would admit clients that the user wants to be asked for certificates
    if listeners.iter().any(|listener| listener.protocol == "HTTPS") {
        parse_mutual_tls(&values.annotations()).map_err(|invalid| {
            format!("ingress {key} cannot be translated: {} {}", invalid.key, invalid.problem)
        })?;
    }
    Ok(listeners)
}

/// The listeners of a member; protocol HTTP or HTTPS. Those that it lists twice stand once.
fn listeners(
    values: &Values,
    params: Option<&IngressClassParams>,
    has_secrets: bool,
) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    if let Some(text) = values.annotations().string("listen-ports") {
        let failed = |problem: String| format!("failed to parse listen-ports annotation: {problem}");
        let listed: Option<Vec<BTreeMap<String, i32>>> =
            serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
        for (protocol, port) in listed.into_iter().flatten().flatten() {
            let listener = Listener { protocol: protocol.to_uppercase(), port };
            if !matches!(listener.protocol.as_str(), "HTTP" | "HTTPS") {
                return Err(failed(format!("protocol {protocol:?}, expected HTTP or HTTPS")));
            }
            if !(1..=65535).contains(&port) {
                return Err(failed(format!("port {port}, expected 1 to 65535")));
            }
            if !listeners.contains(&listener) {
                listeners.push(listener);
            }
        }
    }
    if listeners.is_empty() {
        let by_class = params.and_then(|params| params.spec.certificate_arn.as_ref());
        let has_certificate = has_secrets
            || values.text("certificate-arn").is_some()
            || by_class.is_some_and(|arns| !arns.is_empty());
        let (protocol, port) = if has_certificate { ("HTTPS", 443) } else { ("HTTP", 80) };
        listeners.push(Listener { protocol: protocol.to_owned(), port });
    }
    Ok(listeners)
}
