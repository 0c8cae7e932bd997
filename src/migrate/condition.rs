//! Conditions: which requests a rule is for.

use super::objects::put;
use super::path::{self, PathMatch};
use super::written::{WrittenCondition, WrittenPair};
use crate::api::gateway::PathMatchType;
use serde_json::{Map as Fields, Value, json};

/// Methods that HTTPRoutes know.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMatch {
    /// Their path; `None`: every one.
    pub path: Option<PathMatch>,
    /// Their headers: name, whether the value is a regular expression, value.
    pub headers: Vec<(String, bool, String)>,
    /// Parameters of their query.
    pub query: Vec<(String, String)>,
    /// Their method.
    pub method: Option<String>,
}

impl RouteMatch {
    /// As it is written.
    pub fn to_value(&self) -> Value {
        let mut fields = Fields::new();
        let path = self.path.as_ref().map(|path| json!({"type": path.type_, "value": path.value}));
        put(&mut fields, "path", path.unwrap_or_default());
        let headers = self.headers.iter().map(|(name, is_regex, value)| {
            let type_ = if *is_regex { "RegularExpression" } else { "Exact" };
            json!({"type": type_, "name": name, "value": value})
        });
        put(&mut fields, "headers", headers.collect::<Vec<_>>());
        let query =
            self.query.iter().map(|(name, value)| json!({"type": "Exact", "name": name, "value": value}));
        put(&mut fields, "queryParams", query.collect::<Vec<_>>());
        put(&mut fields, "method", self.method.clone());
        Value::Object(fields)
    }
}

/// What conditions come to.
#[derive(Clone, Debug, Default)]
pub struct TranslatedConditions {
    /// The requests; none: nothing of the conditions can be expressed.
    pub matches: Vec<RouteMatch>,
    /// Whether there is a condition on the host.
    pub has_hosts: bool,
    /// The hosts of it that HTTPRoutes take.
    pub hosts: Vec<String>,
    /// Conditions for the ListenerRuleConfiguration.
    pub extension: Vec<Value>,
    /// What cannot be expressed.
    pub problems: Vec<String>,
}

/// The conditions of a rule whose path is in `matches`.
pub fn translate(conditions: &[WrittenCondition], matches: Vec<RouteMatch>) -> TranslatedConditions {
    let mut all = TranslatedConditions { matches, ..TranslatedConditions::default() };
    for condition in conditions {
        all.add(condition);
    }
    all
}

impl TranslatedConditions {
    fn add(&mut self, condition: &WrittenCondition) {
        match condition.field.as_str() {
            "host-header" => {
                if let Some(hosts) = &condition.hostheaderconfig {
                    self.has_hosts = true;
                    hosts.values.iter().for_each(|host| self.add_host(host));
                    hosts.regexvalues.iter().for_each(|regex| self.refuse_host(regex));
                }
            }
            "path-pattern" => {
                if let Some(paths) = &condition.pathpatternconfig {
                    let of_values = paths.values.iter().map(|value| path::pattern(value));
                    self.add_paths(&of_values.collect::<Vec<_>>());
                    let regex = |value: &String| PathMatch {
                        type_: PathMatchType::RegularExpression,
                        value: value.clone(),
                    };
                    self.add_paths(&paths.regexvalues.iter().map(regex).collect::<Vec<_>>());
                }
            }
            "http-header" => {
                if let Some(header) = &condition.httpheaderconfig {
                    let escaped = |value: &String| value.replace('\\', "\\\\").replace(',', "\\,");
                    let values: Vec<String> = header.values.iter().map(escaped).collect();
                    self.add_header(&header.httpheadername, false, &values.join(","));
                    self.add_header(&header.httpheadername, true, &one_regex(&header.regexvalues));
                }
            }
            "http-request-method" => {
                if let Some(methods) = &condition.httprequestmethodconfig {
                    self.add_methods(&methods.values);
                }
            }
            "query-string" => {
                if let Some(query) = &condition.querystringconfig {
                    self.add_query(&query.values);
                }
            }
            "source-ip" => {
                if let Some(sources) = &condition.sourceipconfig {
                    let condition =
                        json!({"field": "source-ip", "sourceIPConfig": {"values": sources.values}});
                    self.extension.push(condition);
                }
            }
            _ => {}
        }
    }

    fn add_host(&mut self, host: &str) {
        let lower = host.to_lowercase();
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        if super::action::is_host(name) {
            self.hosts.push(lower);
        } else {
            self.refuse_host(host);
        }
    }

    fn refuse_host(&mut self, host: &str) {
        self.problems.push(format!(
            "{host:?} is no host that HTTPRoutes take, expected a name, or *. and a name: it is left out"
        ));
    }

    /// A request has to have one of the paths, or the path that it had to have anyway, if there is one.
    // why retained: without a path of its own, every path would go on matching
    fn add_paths(&mut self, paths: &[PathMatch]) {
        if paths.is_empty() {
            return;
        }
        let with = |found: &RouteMatch| {
            let found = found.clone();
            paths.iter().map(move |path| RouteMatch { path: Some(path.clone()), ..found.clone() })
        };
        let added: Vec<RouteMatch> = self.matches.iter().flat_map(with).collect();
        // why: a match without a path would go on taking every path
        self.matches.retain(|found| found.path.is_some());
        self.matches.extend(added);
    }

    fn add_header(&mut self, name: &str, is_regex: bool, value: &str) {
        if value.is_empty() {
            return;
        }
        // why: the API server takes each header once
        let is_taken = self
            .matches
            .iter()
            .any(|found| found.headers.iter().any(|(known, ..)| known.eq_ignore_ascii_case(name)));
        if is_taken {
            self.problems
                .push(format!("header {name:?} has two conditions, and a match of an HTTPRoute takes one"));
            self.matches.clear();
        }
        for found in &mut self.matches {
            found.headers.push((name.to_owned(), is_regex, value.to_owned()));
        }
    }

    fn add_methods(&mut self, methods: &[String]) {
        let (known, odd): (Vec<&String>, Vec<&String>) =
            methods.iter().partition(|method| METHODS.contains(&method.as_str()));
        for method in odd {
            self.problems.push(format!(
                "method {method:?} is none that HTTPRoutes know, expected one of {}: it is left out",
                METHODS.join(", ")
            ));
        }
        let with = |found: &RouteMatch| {
            let found = found.clone();
            known
                .clone()
                .into_iter()
                .map(move |method| RouteMatch { method: Some(method.clone()), ..found.clone() })
        };
        self.matches = self.matches.iter().flat_map(with).collect();
    }

    fn add_query(&mut self, pairs: &[WrittenPair]) {
        let mut taken = Vec::new();
        for pair in pairs {
            let key = pair.key.as_deref().unwrap_or_default();
            let is_taken = self.matches.iter().any(|found| found.query.iter().any(|(known, _)| known == key));
            if key.is_empty() {
                self.problems.push(format!(
                    "the query value {:?} has no key, which HTTPRoutes need: it is left out",
                    pair.value
                ));
            } else if is_taken {
                self.problems.push(format!(
                    "the query parameter {key:?} has two conditions, and a match of an HTTPRoute takes one"
                ));
            } else {
                taken.push((key.to_owned(), pair.value.clone()));
            }
        }
        let with = |found: &RouteMatch| {
            let found = found.clone();
            taken.clone().into_iter().map(move |pair| {
                let mut found = found.clone();
                found.query.push(pair);
                found
            })
        };
        self.matches = self.matches.iter().flat_map(with).collect();
    }
}

/// One regular expression that matches what one of several does.
fn one_regex(regexes: &[String]) -> String {
    match regexes {
        [only] => only.clone(),
        several => several.iter().map(|regex| format!("({regex})")).collect::<Vec<_>>().join("|"),
    }
}
