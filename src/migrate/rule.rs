//! Rules of HTTPRoutes, from backends of Ingresses.

use super::action::{self, TranslatedAction};
use super::condition::{self, RouteMatch};
use super::group::GroupMember;
use super::objects::{extension_ref, put};
use super::path::{self, PathMatch};
use super::values::Values;
use super::{Notes, authentication, transform, written};
use crate::api::{ObjectKey, Service};
use crate::facts::group::USE_ANNOTATION;
use crate::finding::Finding;
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressBackend, IngressServiceBackend};
use serde_json::{Map as Fields, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A rule of an HTTPRoute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteRule {
    /// The requests it is for; `None`: every one.
    pub matches: Option<Vec<RouteMatch>>,
    /// Hosts that it is for besides that of its rule.
    pub hosts: Vec<String>,
    /// What is done with requests on the way.
    pub filters: Vec<Value>,
    /// Where they are sent.
    pub backends: Vec<Value>,
    /// What Gateway API has no field for.
    pub extension: Extension,
    /// Services among the backends, with their ports.
    pub services: Vec<(String, i32)>,
}

/// What of a rule stands in a ListenerRuleConfiguration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extension {
    /// The Service or action that it is named after.
    pub name: String,
    /// Who is admitted.
    pub authentication: Option<Value>,
    /// What answers.
    pub action: Option<Value>,
    /// Further conditions.
    pub conditions: Vec<Value>,
    /// Whether its rules have tags.
    pub is_tagged: bool,
}

impl Extension {
    /// Whether there has to be a configuration.
    pub fn is_needed(&self) -> bool {
        self.is_tagged
            || self.authentication.is_some()
            || self.action.is_some()
            || !self.conditions.is_empty()
    }

    /// What the configuration says, without tags.
    pub fn spec(&self) -> Fields<String, Value> {
        let mut spec = Fields::new();
        let actions = self.authentication.iter().chain(&self.action).cloned();
        put(&mut spec, "actions", actions.collect::<Vec<_>>());
        put(&mut spec, "conditions", self.conditions.clone());
        spec
    }
}

impl RouteRule {
    /// Whether it is true of every request for its host.
    pub fn is_for_all_requests(&self) -> bool {
        let is_all = |found: &RouteMatch| {
            let is_any =
                found.path.as_ref().is_none_or(|path| *path == path::last() || *path == path::pattern("/*"));
            is_any && found.headers.is_empty() && found.query.is_empty() && found.method.is_none()
        };
        let matches = self.matches.as_deref().unwrap_or_default();
        self.hosts.is_empty() && self.extension.conditions.is_empty() && matches.iter().any(is_all)
    }

    /// The path, if that is all that is asked of requests for its host.
    pub fn only_path(&self) -> Option<&PathMatch> {
        let is_plain = self.hosts.is_empty() && self.extension.conditions.is_empty();
        match self.matches.as_deref() {
            Some([only])
                if is_plain && only.headers.is_empty() && only.query.is_empty() && only.method.is_none() =>
            {
                only.path.as_ref()
            }
            _ => None,
        }
    }

    /// Whether it redirects to the same place on one of these HTTPS ports, and changes nothing else.
    pub fn redirects_to_itself(&self, ports: &[i32]) -> bool {
        let redirect = self.filters.iter().find_map(|filter| filter.get("requestRedirect"));
        let Some(redirect) = redirect.filter(|_| self.extension.action.is_none()) else { return false };
        let is_elsewhere = redirect.get("hostname").is_some() || redirect.get("path").is_some();
        let port = redirect.get("port").and_then(Value::as_i64).and_then(|port| i32::try_from(port).ok());
        let scheme = redirect.get("scheme").and_then(Value::as_str);
        !is_elsewhere && scheme == Some("https") && ports.contains(&port.unwrap_or(443))
    }

    /// As it is written. `configuration`: name of its ListenerRuleConfiguration.
    pub fn to_value(&self, configuration: Option<&str>) -> Value {
        let mut rule = Fields::new();
        if let Some(matches) = &self.matches {
            put(&mut rule, "matches", matches.iter().map(RouteMatch::to_value).collect::<Vec<_>>());
        }
        let filters = configuration.map(extension_ref).into_iter().chain(self.filters.iter().cloned());
        put(&mut rule, "filters", filters.collect::<Vec<_>>());
        put(&mut rule, "backendRefs", self.backends.clone());
        Value::Object(rule)
    }
}

/// Services of the input with their annotations.
pub type InputServices = BTreeMap<ObjectKey, (Arc<Service>, Values)>;

/// Reads the rules of a member.
pub struct IngressRuleReader<'a> {
    /// The member.
    pub member: &'a GroupMember,
    /// The Services that are known.
    pub services: &'a InputServices,
    /// Whether rules have tags of the user.
    pub is_tagged: bool,
    /// Whether the rules are for HTTPS listeners.
    pub is_secure: bool,
    /// What is told.
    pub notes: &'a mut Notes,
}

impl IngressRuleReader<'_> {
    /// The rule of a path; `None`: there is none, which is told.
    pub fn of_path(&mut self, host: &str, path: &HTTPIngressPath) -> Result<Option<RouteRule>, String> {
        let text = path.path.as_deref().unwrap_or_default();
        let matched = match path::of_ingress(text, &path.path_type, self.is_regex(), self.has_regexes()) {
            Ok(matched) => matched,
            Err(problem) if problem.contains(path::WILDCARD_IN_PREFIX) => {
                self.leave_out(&problem, None);
                return Ok(None);
            }
            Err(problem) => return Err(self.of_ingress(&problem)),
        };
        let matches = vec![RouteMatch { path: matched, ..RouteMatch::default() }];
        let Some(service) = &path.backend.service else {
            return Ok(Some(RouteRule { matches: Some(matches), ..RouteRule::default() }));
        };
        let Some(mut rule) = self.of_backend(service, "")? else { return Ok(None) };
        rule.matches = Some(matches);
        if !self.add_conditions(&mut rule, host, &service.name)? {
            return Ok(None);
        }
        self.add_transforms(&mut rule, &service.name)?;
        Ok(Some(rule))
    }

    /// Whether free-form paths are regular expressions.
    fn is_regex(&self) -> bool {
        self.member.values.text("use-regex-path-match").is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Whether a path of the Ingress becomes a regular expression.
    fn has_regexes(&self) -> bool {
        let is_regex = self.is_regex();
        let rules = self.member.ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
        let mut paths = rules.flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths));
        paths.any(|path| {
            path::becomes_regex(path.path.as_deref().unwrap_or_default(), &path.path_type, is_regex)
        })
    }

    /// The rule of the default backend; `None`: there is none.
    pub fn of_default(&mut self, backend: &IngressBackend) -> Result<Option<RouteRule>, String> {
        let Some(service) = &backend.service else { return Ok(None) };
        let prefix = format!("ingress {} defaultBackend: ", self.member.key);
        let mut rule = self.of_backend(service, &prefix)?;
        if let Some(rule) = rule.as_mut().filter(|_| self.has_regexes()) {
            rule.matches = Some(vec![RouteMatch { path: Some(path::last()), ..RouteMatch::default() }]);
        }
        Ok(rule)
    }

    /// Who is admitted, and what answers.
    fn of_backend(
        &mut self,
        service: &IngressServiceBackend,
        prefix: &str,
    ) -> Result<Option<RouteRule>, String> {
        let port = service.port.as_ref();
        let name = port.and_then(|port| port.name.as_deref()).unwrap_or_default();
        let answered = if name == USE_ANNOTATION {
            self.of_annotation(&service.name)?
        } else {
            let number = port.and_then(|port| port.number).filter(|number| *number != 0);
            let port = match number {
                Some(number) => number,
                None => {
                    self.named_port(&service.name, name).map_err(|problem| format!("{prefix}{problem}"))?
                }
            };
            Some(TranslatedAction::service(&service.name, port))
        };
        let Some(TranslatedAction { filters, backends, action, services, lone_service }) = answered else {
            return Ok(None);
        };
        let authentication = self.authentication(lone_service.as_deref())?;
        let authentication = authentication.filter(|_| self.is_secure);
        let extension = Extension {
            name: service.name.clone(),
            authentication,
            action,
            conditions: Vec::new(),
            is_tagged: self.is_tagged,
        };
        Ok(Some(RouteRule { filters, backends, extension, services, ..RouteRule::default() }))
    }

    fn of_annotation(&mut self, name: &str) -> Result<Option<TranslatedAction>, String> {
        let suffix = format!("actions.{name}");
        let failed =
            |problem: String| self.of_ingress(&format!("failed in parse action annotation: {problem}"));
        let action = written::read(&self.member.values, &suffix, "an action").map_err(failed)?;
        let missing = || {
            self.of_ingress(&format!(
                "failed in parse action annotation: missing action annotation {suffix:?} for service {name:?}"
            ))
        };
        let action = action.ok_or_else(missing)?;
        let named_port = |service: &str, port: &str| self.named_port(service, port);
        let answered = action::translate(action, name, &named_port);
        match answered
            .map_err(|problem| self.of_ingress(&format!("failed in translate action {name:?}: {problem}")))?
        {
            Ok(answered) => Ok(Some(answered)),
            Err(without_equivalent) => {
                self.leave_out(&without_equivalent, Some(&suffix));
                Ok(None)
            }
        }
    }

    /// Who is admitted: by annotations of the Ingress, and of the one Service behind it.
    fn authentication(&mut self, service: Option<&str>) -> Result<Option<Value>, String> {
        let of_service = service.and_then(|name| self.services.get(&self.member.key.sibling(name)));
        let values = match of_service {
            Some((_, upper)) => self.member.values.overlaid_by(upper),
            None => self.member.values.clone(),
        };
        // why not looked at on HTTP listeners: there, an ALB cannot tell who somebody is, and the Ingress is served without
        if !self.is_secure {
            return Ok(None);
        }
        let login = authentication::login(&values, self.notes);
        let failed = |problem: String| self.of_ingress(&format!("failed to build auth config: {problem}"));
        let login = login.map_err(failed)?;
        let failed =
            |problem: String| self.of_ingress(&format!("failed to build jwt-validation config: {problem}"));
        let token = authentication::token(&self.member.values).map_err(failed)?;
        if login.is_some() && token.is_some() {
            return Err(self.of_ingress(
                "has both auth-type and jwt-validation annotations; only one pre-routing action is allowed",
            ));
        }
        Ok(login.or(token))
    }

    /// `false`: the rule can never match, or not be expressed.
    fn add_conditions(&mut self, rule: &mut RouteRule, host: &str, name: &str) -> Result<bool, String> {
        let suffix = format!("conditions.{name}");
        let failed = |problem: String| {
            self.of_ingress(&format!("failed to parse condition annotation for {name:?}: {problem}"))
        };
        let written: Option<Vec<written::WrittenCondition>> =
            written::read(&self.member.values, &suffix, "a list of conditions").map_err(failed)?;
        let Some(written) = written.filter(|written| !written.is_empty()) else { return Ok(true) };
        if let Some(lack) = written.iter().find_map(written::WrittenCondition::lack) {
            // why no rule at all: without the condition it would serve whom it is meant to keep out
            let key = self.member.values.annotations().key(&suffix);
            self.notes.add_error(self.of_ingress(&format!("{key}: {lack}: the rule is left out")));
            return Ok(false);
        }
        let translated = condition::translate(&written, rule.matches.take().unwrap_or_default());
        for problem in &translated.problems {
            self.tell(problem, &suffix);
        }
        let has_host_values = translated.has_hosts;
        let hosts = translated.hosts;
        if translated.matches.is_empty() || (has_host_values && hosts.is_empty() && host.is_empty()) {
            self.leave_out("nothing that Gateway API can express is left of its conditions", Some(&suffix));
            return Ok(false);
        }
        rule.matches = Some(translated.matches);
        rule.extension.conditions = translated.extension;
        if has_host_values {
            let mut all: Vec<String> = Vec::new();
            for one in std::iter::once(host.to_lowercase()).chain(hosts).filter(|host| !host.is_empty()) {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
            rule.hosts = all;
        }
        Ok(true)
    }

    fn add_transforms(&mut self, rule: &mut RouteRule, name: &str) -> Result<(), String> {
        let suffix = format!("transforms.{name}");
        let failed = |problem: String| {
            self.of_ingress(&format!("failed to parse transform annotation for {name:?}: {problem}"))
        };
        let written: Option<Vec<written::WrittenTransform>> =
            written::read(&self.member.values, &suffix, "a list of transforms").map_err(failed)?;
        let is_redirect = rule.filters.iter().any(|filter| filter.get("requestRedirect").is_some());
        let written = written.unwrap_or_default();
        if is_redirect && !written.is_empty() {
            self.tell(
                "a redirect of an HTTPRoute can have no rewrite beside it: the rewrite is left out",
                &suffix,
            );
            return Ok(());
        }
        let translated = transform::translate(&written, rule.matches.as_deref().unwrap_or_default());
        for problem in translated.problems {
            self.tell(&problem, &suffix);
        }
        self.notes.lines.extend(translated.lines);
        rule.filters.extend(translated.filter);
        Ok(())
    }

    /// The number of a port.
    fn named_port(&self, service: &str, port: &str) -> Result<i32, String> {
        let key = self.member.key.sibling(service);
        if port.is_empty() {
            return Err(format!("service {key} has no port number or name"));
        }
        let Some((found, _)) = self.services.get(&key) else {
            return Err(format!("service {key} not found, cannot resolve named port {port:?}"));
        };
        let mut ports = found.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        let found = ports.find(|found| found.name.as_deref() == Some(port));
        found.map(|found| found.port).ok_or_else(|| format!("service {key} has no port named {port:?}"))
    }

    fn of_ingress(&self, problem: &str) -> String {
        format!("ingress {} {problem}", self.member.key)
    }

    /// Tells of something that rules before it leave no request to, on some listeners.
    pub fn tell_unasked(&mut self, what: &str, sections: &[String]) {
        let place = sections.join(", ");
        let problem = format!(
            "{what} gets no request on {place} today, because another rule comes before: it is left out there"
        );
        self.notes.add(Finding::warning(&self.member.values.object, problem));
    }

    fn tell(&mut self, problem: &str, suffix: &str) {
        let key = self.member.values.annotations().key(suffix);
        self.notes.add(Finding::warning(&self.member.values.object, problem).at(key));
    }

    fn leave_out(&mut self, problem: &str, suffix: Option<&str>) {
        let finding =
            Finding::warning(&self.member.values.object, format!("{problem}: the rule is left out"));
        let key = suffix.map(|suffix| self.member.values.annotations().key(suffix));
        self.notes.add(Finding { field: key, ..finding });
    }
}
