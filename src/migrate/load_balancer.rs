//! LoadBalancerConfigurations.

use super::Notes;
use super::group::{Group, GroupMember, LISTENER_ATTRIBUTES};
use super::objects::{Listener, MIGRATED_FROM, attributes, put};
use super::values::{Map, Values};
use crate::annotations::parse;
use crate::api::IngressClassParams;
use crate::finding::Finding;
use serde::Deserialize;
use serde_json::{Map as Fields, Value, json};

/// Annotations that are copied as they are.
const TEXTS: [(&str, &str); 3] = [
    ("load-balancer-name", "loadBalancerName"),
    ("customer-owned-ipv4-pool", "customerOwnedIpv4Pool"),
    ("ipam-ipv4-pool-id", "ipv4IPAMPoolId"),
];
/// Annotations that are one of a few texts.
const CHOICES: [(&str, &str); 2] = [("scheme", "scheme"), ("ip-address-type", "ipAddressType")];
/// Annotations that are lists.
const LISTS: [(&str, &str); 3] = [
    ("security-groups", "securityGroups"),
    ("inbound-cidrs", "sourceRanges"),
    ("security-group-prefix-lists", "securityGroupPrefixes"),
];

/// The spec of the configuration of a group; `None`: nobody says anything.
///
/// Errors: parameters of classes that contradict each other.
pub fn spec(
    group: &Group,
    values: &Values,
    notes: &mut Notes,
) -> Result<Option<Fields<String, Value>>, String> {
    let mut spec = of_annotations(group, values, notes);
    let params = group.params();
    let mut by_classes = Fields::new();
    for params in &params {
        for (key, value) in of_params(params) {
            match by_classes.get(&key) {
                Some(known) if *known != value => {
                    return Err(format!(
                        "group {:?}: conflicting IngressClassParams {key}: {known} vs {value}",
                        group.name
                    ));
                }
                _ => by_classes.insert(key, value),
            };
        }
    }
    spec.extend(by_classes);
    let pairs = merge_pairs(group, &params)?;
    let mut tags = values.pairs("tags", notes);
    tags.extend(pairs.tags);
    let mut balancer_attributes = values.pairs("load-balancer-attributes", notes);
    balancer_attributes.extend(pairs.attributes);
    put(&mut spec, "loadBalancerAttributes", attributes(&balancer_attributes));
    if spec.is_empty() && tags.is_empty() && params.is_empty() {
        return Ok(None);
    }
    tags.insert(MIGRATED_FROM.to_owned(), group.origin());
    put(&mut spec, "tags", json!(tags));
    tell_of_name(&spec, values, notes);
    Ok(Some(spec))
}

/// Tells of a web ACL that is given by its name, which is looked up for Ingresses only.
fn tell_of_name(spec: &Fields<String, Value>, values: &Values, notes: &mut Notes) {
    let acl = spec.get("wafV2").and_then(|waf| waf.get("webACL")).and_then(Value::as_str);
    let key = values.annotations().key("wafv2-acl-name");
    if let Some(name) = acl.filter(|acl| !acl.starts_with("arn:")) {
        let problem = format!("{name:?} is the name of a web ACL, and Gateways need its ARN");
        notes.add(
            Finding::warning(&values.object, problem).at(key).hint("write the ARN into spec.wafV2.webACL"),
        );
    } else if acl.is_some() && values.text("wafv2-acl-name").is_some_and(|name| name != "none") {
        let problem = "counts today, and is not translated because wafv2-acl-arn is set, too";
        notes.add(
            Finding::warning(&values.object, problem)
                .at(key)
                .hint("write the ARN of this web ACL into spec.wafV2.webACL"),
        );
    }
}

fn of_annotations(group: &Group, values: &Values, notes: &mut Notes) -> Fields<String, Value> {
    let mut spec = Fields::new();
    for (suffix, field) in TEXTS {
        put(&mut spec, field, values.text(suffix));
    }
    for (suffix, field) in CHOICES {
        put(&mut spec, field, values.choice(suffix, notes));
    }
    for (suffix, field) in LISTS {
        put(&mut spec, field, values.list(suffix));
    }
    let subnets = values.list("subnets").into_iter().map(|subnet| json!({"identifier": subnet}));
    put(&mut spec, "loadBalancerSubnets", subnets.collect::<Vec<_>>());
    put(
        &mut spec,
        "manageBackendSecurityGroupRules",
        values.boolean("manage-backend-security-group-rules", notes),
    );
    put(&mut spec, "minimumLoadBalancerCapacity", capacity(values, notes));
    let is_set = |text: &&str| *text != "none";
    let acl =
        values.text("wafv2-acl-arn").filter(is_set).or_else(|| values.text("wafv2-acl-name").filter(is_set));
    put(&mut spec, "wafV2", acl.map_or(Value::Null, |acl| json!({"webACL": acl})));
    match values.boolean("shield-advanced-protection", notes) {
        None => {}
        Some(true) => put(&mut spec, "shieldConfiguration", json!({"enabled": true})),
        // why not left out: it takes the protection away, where saying nothing leaves it
        Some(false) => {
            spec.insert("shieldConfiguration".to_owned(), json!({}));
        }
    }
    put(&mut spec, "listenerConfigurations", listeners(group, values, notes));
    spec
}

fn capacity(values: &Values, notes: &mut Notes) -> Value {
    const SUFFIX: &str = "minimum-load-balancer-capacity";
    let Some(units) = values.pairs(SUFFIX, notes).get("CapacityUnits").cloned() else { return Value::Null };
    if let Some(units) = parse::int32(&units) {
        return json!({"capacityUnits": units});
    }
    let problem = format!("CapacityUnits is {units:?}, expected a number: is not translated");
    notes.add(Finding::warning(&values.object, problem).at(values.annotations().key(SUFFIX)));
    Value::Null
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WrittenMutualTls {
    port: i32,
    mode: String,
    truststore: String,
    ignoreclientcertificateexpiry: bool,
    advertisetruststorecanames: String,
}

impl WrittenMutualTls {
    fn to_value(&self) -> Value {
        let mut fields = Fields::new();
        put(&mut fields, "mode", self.mode.as_str());
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        put(&mut fields, "trustStore", text(&self.truststore));
        put(&mut fields, "ignoreClientCertificateExpiry", self.ignoreclientcertificateexpiry.then_some(true));
        put(&mut fields, "advertiseTrustStoreCaNames", text(&self.advertisetruststorecanames));
        Value::Object(fields)
    }
}

fn listeners(group: &Group, values: &Values, notes: &mut Notes) -> Vec<Value> {
    let mutual: Vec<WrittenMutualTls> =
        match values.annotations().json("mutual-authentication", "a list of mutual TLS settings") {
            Ok(listed) => listed.unwrap_or_default(),
            Err(error) => {
                let problem = format!("{error}: is not translated");
                notes.add(Finding::warning(&values.object, problem).at(error.key));
                Vec::new()
            }
        };
    let is_known =
        |entry: &&WrittenMutualTls| matches!(entry.mode.as_str(), "off" | "passthrough" | "verify");
    for odd in mutual.iter().filter(|entry| !is_known(entry)) {
        let problem =
            format!("mode is {:?}, expected off, passthrough or verify: is not translated", odd.mode);
        notes.add(
            Finding::warning(&values.object, problem).at(values.annotations().key("mutual-authentication")),
        );
    }
    let configured = group.listeners().into_iter().filter_map(|listener| {
        let mut fields = Fields::new();
        if listener.protocol == "HTTPS" {
            let arns = certificates(group, &listener);
            put(&mut fields, "defaultCertificate", arns.first().cloned());
            put(&mut fields, "certificates", arns.into_iter().skip(1).collect::<Vec<_>>());
            put(&mut fields, "sslPolicy", ssl_policy(group, values));
        }
        put(
            &mut fields,
            "listenerAttributes",
            attributes(&listener_attributes(group, values, &listener, notes)),
        );
        let mutual = mutual.iter().filter(is_known).rfind(|entry| entry.port == listener.port);
        put(&mut fields, "mutualAuthentication", mutual.map_or(Value::Null, WrittenMutualTls::to_value));
        if fields.is_empty() {
            return None;
        }
        put(&mut fields, "protocolPort", format!("{}:{}", listener.protocol, listener.port));
        Some(Value::Object(fields))
    });
    configured.collect()
}

/// Certificates of a listener: those of the members that have it. Those of the parameters of a class win. Members with certificates
/// in Secrets have no others.
pub fn certificates(group: &Group, listener: &Listener) -> Vec<String> {
    let with = group.members.iter().filter(|member| member.listeners.contains(listener));
    let with = with.filter(|member| member.secrets.is_empty());
    let of_member = |member: &GroupMember| {
        let by_class = member.params.as_ref().and_then(|params| params.spec.certificate_arn.clone());
        by_class.filter(|arns| !arns.is_empty()).unwrap_or_else(|| member.values.list("certificate-arn"))
    };
    let all: Vec<String> = with.flat_map(of_member).collect();
    if group.members.len() == 1 {
        return all;
    }
    let mut union = Vec::new();
    for arn in all {
        if !union.contains(&arn) {
            union.push(arn);
        }
    }
    union
}

fn ssl_policy(group: &Group, values: &Values) -> Option<String> {
    let by_class = group.params().into_iter().find_map(|params| params.spec.ssl_policy.clone());
    by_class.filter(|policy| !policy.is_empty()).or_else(|| values.text("ssl-policy").map(str::to_owned))
}

fn listener_attributes(group: &Group, values: &Values, listener: &Listener, notes: &mut Notes) -> Map {
    let suffix = format!("{LISTENER_ATTRIBUTES}{}-{}", listener.protocol, listener.port);
    let mut pairs = values.pairs(&suffix, notes);
    for params in group.params() {
        let of_class = params.spec.listeners.iter().flatten().filter(|found| {
            found.protocol.as_deref() == Some(listener.protocol.as_str()) && found.port == Some(listener.port)
        });
        let listed = of_class.flat_map(|found| found.listener_attributes.iter().flatten());
        pairs.extend(listed.map(|one| (one.key.clone(), one.value.clone())));
    }
    pairs
}

/// What the parameters of a class say, without what is merged key by key.
fn of_params(params: &IngressClassParams) -> Fields<String, Value> {
    let given = &params.spec;
    let mut spec = Fields::new();
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    put(&mut spec, "scheme", given.scheme.map(|scheme| scheme.to_string()));
    put(&mut spec, "ipAddressType", given.ip_address_type.map(|kind| kind.to_string()));
    put(&mut spec, "loadBalancerName", text(&given.load_balancer_name));
    put(&mut spec, "sourceRanges", given.inbound_cidrs.clone());
    if let Some(subnets) = &given.subnets {
        let ids = subnets.ids.iter().flatten().map(|id| json!({"identifier": id})).collect::<Vec<_>>();
        if ids.is_empty() {
            put(&mut spec, "loadBalancerSubnetsSelector", json!(subnets.tags));
        }
        put(&mut spec, "loadBalancerSubnets", ids);
    }
    let lists = given.prefix_lists_ids.clone().filter(|ids| !ids.is_empty());
    put(&mut spec, "securityGroupPrefixes", lists.or_else(|| given.prefix_lists_ids_legacy.clone()));
    let acl = text(&given.wafv2_acl_arn).or_else(|| text(&given.wafv2_acl_name)).filter(|acl| acl != "none");
    put(&mut spec, "wafV2", acl.map_or(Value::Null, |acl| json!({"webACL": acl})));
    let units = given.minimum_load_balancer_capacity.map(|capacity| capacity.capacity_units);
    put(
        &mut spec,
        "minimumLoadBalancerCapacity",
        units.map_or(Value::Null, |units| json!({"capacityUnits": units})),
    );
    let pool = given.ipam_configuration.as_ref().and_then(|ipam| ipam.ipv4_ipam_pool_id.clone());
    put(&mut spec, "ipv4IPAMPoolId", pool);
    spec
}

#[derive(Default)]
struct ParsedPairs {
    tags: Map,
    attributes: Map,
}

/// What the parameters of classes say key by key.
fn merge_pairs(group: &Group, params: &[&std::sync::Arc<IngressClassParams>]) -> Result<ParsedPairs, String> {
    let mut pairs = ParsedPairs::default();
    for params in params {
        let tags = params.spec.tags.iter().flatten().map(|tag| ("tag", &tag.key, &tag.value));
        let listed = params.spec.load_balancer_attributes.iter().flatten();
        let listed = listed.map(|one| ("load-balancer-attribute", &one.key, &one.value));
        for (what, key, value) in tags.chain(listed) {
            let into = if what == "tag" { &mut pairs.tags } else { &mut pairs.attributes };
            match into.get(key) {
                Some(known) if known != value => {
                    let problem =
                        format!("conflicting IngressClassParams {what} {key:?}: {known:?} vs {value:?}");
                    return Err(format!("group {:?}: {problem}", group.name));
                }
                _ => into.insert(key.clone(), value.clone()),
            };
        }
    }
    Ok(pairs)
}
