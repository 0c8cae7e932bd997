//! HTTPRoutes of an Ingress: which rules stand together for which hosts and listeners.

use super::condition::RouteMatch;
use super::group::{Group, GroupMember};
use super::load_balancer::certificates;
use super::names::Names;
use super::objects::{ListenerParent, MIGRATED_FROM, configured, put, route, section};
use super::path::PathMatch;
use super::rule::{Extension, IngressRuleReader, InputServices, RouteRule};
use super::values::Map;
use super::{Migration, Notes};
use crate::api::ObjectKey;
use crate::finding::Finding;
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressRule};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const ROUTE: &str = "HTTPRoute";
const RULE_CONFIGURATION: &str = "ListenerRuleConfiguration";
/// The most rules of an HTTPRoute, hosts of it, matches of one rule, and matches of all.
/// Source: validation of `HTTPRoute` in Gateway API.
const MOST_RULES: usize = 16;
const MOST_HOSTS: usize = 16;
const MOST_MATCHES_OF_RULE: usize = 64;
const MOST_MATCHES: usize = 128;

/// The rules of an Ingress, read for some listeners.
struct ReadRules {
    /// Those of `spec.rules` with their hosts in lower case; an empty one is every host.
    rules: Vec<(String, RouteRule)>,
    default: Option<RouteRule>,
    /// Whether redirects were left out that would lead to where the request was made.
    has_loops: bool,
    /// What its rules answer.
    answered: Vec<AnsweredRequests>,
}

/// Some rules for some hosts; no hosts: every one.
struct Draft {
    /// What the name is made of: name of an Ingress or Service, and suffix.
    named: (String, String),
    /// Whether it is the one that every Ingress has.
    is_main: bool,
    hosts: Vec<String>,
    rules: Vec<RouteRule>,
}

/// Requests that are answered by a rule before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredRequests {
    /// Names of the listeners.
    sections: Vec<String>,
    /// The host; empty: every one.
    host: String,
    /// The path; `None`: every one.
    path: Option<PathMatch>,
    /// Whether it is the default backend, which is asked last.
    is_default: bool,
}

impl AnsweredRequests {
    fn of(sections: &[String], host: &str, path: Option<PathMatch>, is_default: bool) -> Self {
        Self { sections: sections.to_vec(), host: host.to_owned(), path, is_default }
    }

    fn covers(&self, sections: &[String], host: &str, path: Option<&PathMatch>) -> bool {
        !self.is_default
            && sections.iter().all(|section| self.sections.contains(section))
            && (self.host.is_empty() || self.host == host)
            && (self.path.is_none() || self.path.as_ref() == path)
    }
}

/// What the name of the route is for that every Ingress has.
pub fn main_purpose(ingress: &ObjectKey) -> String {
    format!("main route of {ingress}")
}

/// The group that routes are made for.
#[derive(Clone, Copy, Debug)]
pub struct RouteContext<'a> {
    /// The group.
    pub group: &'a Group,
    /// Its Gateway.
    pub gateway: &'a ObjectKey,
    /// The port that HTTP requests are redirected to.
    pub ssl_redirect: Option<i32>,
    /// The Services that are known.
    pub services: &'a InputServices,
}

/// Adds the routes of a member, and what they refer to. `answered`: what the members before answer.
pub fn add(
    context: RouteContext<'_>,
    member: &GroupMember,
    names: &mut Names,
    answered: &mut Vec<AnsweredRequests>,
    migration: &mut Migration,
) -> Result<(), String> {
    let RouteContext { group, gateway, ssl_redirect, services } = context;
    let tags = member.tags(&mut migration.notes);
    let parents = parents(group, member, gateway, ssl_redirect, &mut migration.notes);
    let (secure, plain): (Vec<ListenerParent>, Vec<ListenerParent>) =
        parents.iter().cloned().partition(|parent| parent.section.starts_with("https-"));
    let earlier = answered.clone();
    let read = |is_secure: bool, parents: &[ListenerParent], notes: &mut Notes| {
        let mut reader =
            IngressRuleReader { member, services, is_tagged: !tags.is_empty(), is_secure, notes };
        let sections: Vec<String> = parents.iter().map(|parent| parent.section.clone()).collect();
        read_rules(&mut reader, &sections, &earlier)
    };
    let mut notes = Notes::default();
    let first = read(!secure.is_empty(), &parents, &mut notes)?;
    let logs_in = |rule: &RouteRule| rule.extension.authentication.is_some();
    let is_protected =
        first.rules.iter().any(|(_, rule)| logs_in(rule)) || first.default.as_ref().is_some_and(logs_in);
    let mut variants = Vec::new();
    if (is_protected || first.has_loops) && !plain.is_empty() {
        if is_protected {
            tell_unprotected(member, &mut migration.notes);
        }
        let first = read(true, &secure, &mut migration.notes)?;
        let other = read(false, &plain, &mut migration.notes)?;
        variants.push((first, secure, ""));
        variants.push((other, plain, "http-"));
    } else {
        migration.notes.append(notes);
        if secure.is_empty() && asks_for_login(member, services) {
            tell_unprotected(member, &mut migration.notes);
        }
        variants.push((first, parents, ""));
    }
    for (rules, parents, prefix) in variants {
        answered.extend(rules.answered.iter().cloned());
        for draft in drafts(group, member, &rules, prefix, &mut migration.notes) {
            write(member, draft, &parents, &tags, names, migration);
        }
    }
    Ok(())
}

fn asks_for_login(member: &GroupMember, services: &InputServices) -> bool {
    let asks = |values: &super::values::Values| values.text("auth-type").is_some_and(|kind| kind != "none");
    let of_services = services.iter().filter(|(key, _)| key.namespace() == member.key.namespace());
    let names = crate::facts::group::backends(&member.ingress);
    let names: Vec<&str> = names
        .iter()
        .filter_map(|backend| backend.service.as_ref())
        .map(|service| service.name.as_str())
        .collect();
    asks(&member.values)
        || member.values.text("jwt-validation").is_some()
        || of_services.filter(|(key, _)| names.contains(&key.name())).any(|(_, (_, values))| asks(values))
}

fn tell_unprotected(member: &GroupMember, notes: &mut Notes) {
    let problem = "asks for authentication and has HTTP listeners, on which an ALB cannot do it: requests to them are served without, as today";
    notes.add(
        Finding::warning(&member.values.object, problem)
            .hint("set ssl-redirect, so that HTTP requests are redirected"),
    );
}

/// The listeners that the routes of a member attach to.
fn parents(
    group: &Group,
    member: &GroupMember,
    gateway: &ObjectKey,
    ssl_redirect: Option<i32>,
    notes: &mut Notes,
) -> Vec<ListenerParent> {
    let parent = |section: String| ListenerParent { gateway: gateway.clone(), section };
    let all = member.listeners.iter().map(|listener| parent(listener.section()));
    let Some(port) = ssl_redirect else { return all.collect() };
    let own: Vec<ListenerParent> = all.filter(|found| found.section.starts_with("https-")).collect();
    if !own.is_empty() {
        return own;
    }
    let target = section("HTTPS", port);
    if group.listeners().iter().any(|listener| listener.section() == target) {
        let problem = format!(
            "has no HTTPS listener and is in a group that redirects to port {port}: its rules are put there"
        );
        notes.add(Finding::warning(&member.values.object, problem));
        return vec![parent(target)];
    }
    member.listeners.iter().map(|listener| parent(listener.section())).collect()
}

/// `earlier`: what the members before answer.
fn read_rules(
    reader: &mut IngressRuleReader<'_>,
    sections: &[String],
    earlier: &[AnsweredRequests],
) -> Result<ReadRules, String> {
    let spec = reader.member.ingress.spec.clone().unwrap_or_default();
    let mut read = ReadRules { rules: Vec::new(), default: None, has_loops: false, answered: Vec::new() };
    for entry in spec.rules.iter().flatten() {
        read.add_entry(entry, reader, sections, earlier)?;
    }
    let default = match &spec.default_backend {
        Some(backend) => reader.of_default(backend)?,
        None => None,
    };
    if let Some(default) = default {
        read.add_default(default, reader, sections, earlier);
    }
    Ok(read)
}

impl ReadRules {
    /// Adds the rules of a host, without those that get no request.
    fn add_entry(
        &mut self,
        entry: &IngressRule,
        reader: &mut IngressRuleReader<'_>,
        sections: &[String],
        earlier: &[AnsweredRequests],
    ) -> Result<(), String> {
        let secure = reader.member.listeners.iter().filter(|found| found.protocol == "HTTPS");
        let ports: Vec<i32> = secure.map(|found| found.port).collect();
        let host = entry.host.as_deref().unwrap_or_default().to_lowercase();
        let mut paths: Vec<(usize, &HTTPIngressPath)> =
            entry.http.iter().flat_map(|http| &http.paths).enumerate().collect();
        // why sorted: the order in which an ALB asks them
        paths.sort_by_key(|(_, path)| precedence(path));
        let mut of_entry = Vec::new();
        for (at, path) in paths {
            let Some(rule) = reader.of_path(&host, path)? else { continue };
            if reader.is_secure && rule.redirects_to_itself(&ports) {
                self.has_loops = true;
                continue;
            }
            let only = rule.only_path();
            let is_answered_here =
                self.answered.iter().any(|known| known.path.is_none() && known.covers(sections, &host, None));
            let is_answered_before = earlier.iter().any(|known| known.covers(sections, &host, only));
            if rule.hosts.is_empty() && (is_answered_here || is_answered_before) {
                let place = if host.is_empty() { "every host" } else { host.as_str() };
                let text = path.path.as_deref().unwrap_or("/");
                reader.tell_unasked(&format!("the rule for {place} and path {text:?}"), sections);
                continue;
            }
            let is_for_all = rule.is_for_all_requests();
            if is_for_all || only.is_some() {
                let path = only.filter(|_| !is_for_all).cloned();
                self.answered.push(AnsweredRequests::of(sections, &host, path, false));
            }
            of_entry.push((at, rule));
        }
        // why back: routes of Gateway API are sorted by themselves, and people read what they wrote
        of_entry.sort_by_key(|(at, _)| *at);
        self.rules.extend(of_entry.into_iter().map(|(_, rule)| (host.clone(), rule)));
        Ok(())
    }

    /// Sets the default backend, unless something before it answers everything.
    fn add_default(
        &mut self,
        default: RouteRule,
        reader: &mut IngressRuleReader<'_>,
        sections: &[String],
        earlier: &[AnsweredRequests],
    ) {
        let mut known = self.answered.iter().chain(earlier);
        let is_answered = known.any(|known| known.path.is_none() && known.covers(sections, "", None));
        let is_everywhere =
            |known: &AnsweredRequests| sections.iter().all(|section| known.sections.contains(section));
        let has_default = earlier.iter().any(|known| known.is_default && is_everywhere(known));
        if is_answered || has_default {
            reader.tell_unasked("the default backend", sections);
            return;
        }
        self.answered.push(AnsweredRequests::of(sections, "", None, true));
        self.default = Some(default);
    }
}

/// The order of paths of one host: exact ones, prefixes from long to short, others.
fn precedence(path: &HTTPIngressPath) -> (u8, std::cmp::Reverse<usize>) {
    let length = path.path.as_ref().map_or(0, String::len);
    match path.path_type.as_str() {
        "Exact" => (0, std::cmp::Reverse(0)),
        "Prefix" => (1, std::cmp::Reverse(length)),
        _ => (2, std::cmp::Reverse(0)),
    }
}

/// Which rules stand in which route.
fn drafts(
    group: &Group,
    member: &GroupMember,
    read: &ReadRules,
    prefix: &str,
    notes: &mut Notes,
) -> Vec<Draft> {
    let name = member.key.name();
    let named = |suffix: &str| (name.to_owned(), format!("{prefix}{suffix}"));
    let mut drafts = by_hosts(name, prefix, read);
    let names_hosts = drafts.iter().any(|draft| !draft.hosts.is_empty());
    let extra = tls_hosts(member, &drafts);
    let needs_hosts = !extra.is_empty() && lacks_certificate(group, member);
    if !extra.is_empty() && !needs_hosts && (names_hosts || !lacks_certificate(group, member)) {
        let problem = format!(
            "wants TLS for {}, for which it has no rules of their own: nothing is generated for them",
            extra.join(", ")
        );
        notes.add(Finding::warning(&member.values.object, problem).at("spec.tls"));
    }
    let for_every_host = drafts.iter().position(|draft| draft.hosts.is_empty());
    let mut of_default = Vec::new();
    match (&read.default, for_every_host) {
        (None, _) => {}
        (Some(default), Some(at)) => {
            drafts.get_mut(at).into_iter().for_each(|draft| draft.rules.push(default.clone()));
        }
        (Some(default), None) => {
            let suffix = if names_hosts || has_hosts(member) { "default-route" } else { "route" };
            let is_main = suffix == "route" && prefix.is_empty();
            of_default.push(Draft {
                named: named(suffix),
                is_main,
                hosts: Vec::new(),
                rules: vec![default.clone()],
            });
        }
    }
    drafts.extend(of_default);
    if needs_hosts && let Some(draft) = drafts.iter().find(|draft| draft.hosts.is_empty()) {
        // why: a listener finds its certificate by the hosts of its routes
        let with_hosts =
            Draft { named: named("tls-route"), is_main: false, hosts: extra, rules: draft.rules.clone() };
        drafts.push(with_hosts);
    }
    drafts.extend(of_conditions(prefix, read));
    drafts
}

fn has_hosts(member: &GroupMember) -> bool {
    let spec = member.ingress.spec.as_ref();
    let rules = spec.into_iter().flat_map(|spec| spec.rules.iter().flatten());
    let tls = spec.into_iter().flat_map(|spec| spec.tls.iter().flatten());
    rules.into_iter().any(|rule| rule.host.as_ref().is_some_and(|host| !host.is_empty()))
        || tls.into_iter().any(|tls| tls.hosts.as_ref().is_some_and(|hosts| !hosts.is_empty()))
}

/// One route for each host, and one for hosts with the same rules.
fn by_hosts(name: &str, prefix: &str, read: &ReadRules) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (host, rule) in read.rules.iter().filter(|(_, rule)| rule.hosts.is_empty()) {
        let hosts: Vec<String> = Some(host).filter(|host| !host.is_empty()).cloned().into_iter().collect();
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.hosts == hosts) {
            draft.rules.push(rule.clone());
            continue;
        }
        let suffix = match hosts.first() {
            _ if drafts.is_empty() => format!("{prefix}route"),
            Some(host) => format!("{prefix}host-route-{host}"),
            None => format!("{prefix}any-host-route"),
        };
        let is_main = drafts.is_empty() && prefix.is_empty();
        drafts.push(Draft { named: (name.to_owned(), suffix), is_main, hosts, rules: vec![rule.clone()] });
    }
    let mut merged: Vec<Draft> = Vec::new();
    for draft in drafts {
        let twin = merged
            .iter_mut()
            .find(|known| !known.hosts.is_empty() && !draft.hosts.is_empty() && known.rules == draft.rules);
        match twin {
            Some(known) => known.hosts.extend(draft.hosts),
            None => merged.push(draft),
        }
    }
    merged
}

/// Rules with conditions on hosts: one route for the rules of a Service or action for the same hosts.
fn of_conditions(prefix: &str, read: &ReadRules) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (_, rule) in read.rules.iter().filter(|(_, rule)| !rule.hosts.is_empty()) {
        let named = (rule.extension.name.clone(), format!("{prefix}route"));
        match drafts.iter_mut().find(|draft| draft.named == named && draft.hosts == rule.hosts) {
            Some(draft) => draft.rules.push(rule.clone()),
            None => drafts.push(Draft {
                named,
                is_main: false,
                hosts: rule.hosts.clone(),
                rules: vec![rule.clone()],
            }),
        }
    }
    drafts
}

/// Hosts that the Ingress wants TLS for and that no route is for.
fn tls_hosts(member: &GroupMember, drafts: &[Draft]) -> Vec<String> {
    let tls = member.ingress.spec.iter().flat_map(|spec| spec.tls.iter().flatten());
    let mut extra: Vec<String> = Vec::new();
    for host in tls.flat_map(|tls| tls.hosts.iter().flatten()).map(|host| host.to_lowercase()) {
        let is_known = drafts.iter().any(|draft| draft.hosts.contains(&host));
        if !is_known && !host.is_empty() && !extra.contains(&host) {
            extra.push(host);
        }
    }
    extra
}

/// Whether an HTTPS listener of a member has no certificate by name.
fn lacks_certificate(group: &Group, member: &GroupMember) -> bool {
    let mut secure = member.listeners.iter().filter(|listener| listener.protocol == "HTTPS");
    secure.any(|listener| certificates(group, listener).is_empty())
}

/// Writes a route in as many parts as the API server asks for.
fn write(
    member: &GroupMember,
    draft: Draft,
    parents: &[ListenerParent],
    tags: &Map,
    names: &mut Names,
    migration: &mut Migration,
) {
    let Draft { named: (stem, suffix), is_main, hosts, rules } = draft;
    let namespace = member.key.namespace();
    let every_host = [Vec::new()];
    let hosts: Vec<&[String]> = if hosts.is_empty() {
        every_host.iter().map(Vec::as_slice).collect()
    } else {
        hosts.chunks(MOST_HOSTS).collect()
    };
    for (number, part) in parts(rules).into_iter().enumerate() {
        for (chunk, hosts) in hosts.iter().enumerate() {
            let is_first = number == 0 && chunk == 0;
            let purpose = if is_main && is_first {
                main_purpose(&member.key)
            } else {
                format!("{stem} {suffix} of {} for {} {number}", member.key, hosts.join(","))
            };
            let key =
                ObjectKey::namespaced(namespace, names.take(ROUTE, namespace, (&stem, &suffix), &purpose));
            for (service, port) in part.iter().flat_map(|rule| &rule.services) {
                let service = (member.key.sibling(service.as_str()), *port);
                let routes =
                    migration.backends.entry((member.key.clone(), service.0, service.1)).or_default();
                if !routes.contains(&key) {
                    routes.push(key.clone());
                }
            }
            let rules = part.iter().map(|rule| {
                let name = rule_configuration(member, &rule.extension, tags, names, &mut migration.rules);
                rule.to_value(name.as_deref())
            });
            let rules: Vec<Value> = rules.collect();
            migration.routes.push(route(ROUTE, &key, parents, hosts, rules));
        }
    }
}

/// Rules in parts that an HTTPRoute takes.
fn parts(rules: Vec<RouteRule>) -> Vec<Vec<RouteRule>> {
    let mut parts: Vec<Vec<RouteRule>> = Vec::new();
    let count = |rules: &[RouteRule]| {
        rules.iter().map(|rule| rule.matches.as_ref().map_or(1, Vec::len)).sum::<usize>()
    };
    for rule in rules.into_iter().flat_map(small) {
        let fits = parts.last().is_some_and(|part| {
            part.len() < MOST_RULES && count(part) + count(std::slice::from_ref(&rule)) <= MOST_MATCHES
        });
        match parts.last_mut().filter(|_| fits) {
            Some(part) => part.push(rule),
            None => parts.push(vec![rule]),
        }
    }
    parts
}

/// A rule in rules with as many matches as one takes.
fn small(rule: RouteRule) -> Vec<RouteRule> {
    let matches: Vec<RouteMatch> = rule.matches.clone().unwrap_or_default();
    if matches.len() <= MOST_MATCHES_OF_RULE {
        return vec![rule];
    }
    let part = |matches: &[RouteMatch]| RouteRule { matches: Some(matches.to_vec()), ..rule.clone() };
    matches.chunks(MOST_MATCHES_OF_RULE).map(part).collect()
}

/// The name of the ListenerRuleConfiguration of a rule, which is added unless it is there.
fn rule_configuration(
    member: &GroupMember,
    extension: &Extension,
    tags: &Map,
    names: &mut Names,
    added: &mut BTreeMap<ObjectKey, Value>,
) -> Option<String> {
    if !extension.is_needed() {
        return None;
    }
    let mut spec = extension.spec();
    let stem = format!("{}-{}", member.key.name(), extension.name);
    let purpose = format!("{} {}: {}", member.key, extension.name, json!(spec));
    let namespace = member.key.namespace();
    let name = names.take(RULE_CONFIGURATION, namespace, (&stem, "lr-config"), &purpose);
    let mut tags = tags.clone();
    tags.insert(MIGRATED_FROM.to_owned(), member.origin());
    put(&mut spec, "tags", json!(tags));
    let key = ObjectKey::namespaced(namespace, name.as_str());
    added.entry(key.clone()).or_insert_with(|| configured(RULE_CONFIGURATION, &key, &spec));
    Some(name)
}
