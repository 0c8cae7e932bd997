//! `conditions.<name>`: further conditions of a rule, written as JSON (upstream's `pkg/ingress/config_types.go`).

use super::{GoObject, InvalidAnnotation, json};
use crate::annotations::Annotations;
use crate::annotations::value::MAX_VALUES;
use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use serde::Deserialize;

/// More values than this are not built from; AWS takes far fewer.
const MOST_VALUES: usize = 50;

/// The conditions of `conditions.<name>`, in order; none if there is no such annotation. Conditions on unknown fields have no
/// effect and are left out.
pub fn parse_conditions(
    annotations: &Annotations<'_>,
    name: &str,
) -> Result<Vec<RuleCondition>, InvalidAnnotation> {
    let suffix = format!("conditions.{name}");
    let raw: Vec<GoObject<RawCondition>> =
        json(annotations, &suffix, "a list of conditions", &[])?.unwrap_or_default();
    let mut conditions = Vec::with_capacity(raw.len());
    for (index, GoObject(condition)) in raw.into_iter().enumerate() {
        let invalid =
            |problem| InvalidAnnotation::new(annotations.key(&suffix), format!("[{index}] {problem}"));
        conditions.extend(condition.check().map_err(invalid)?);
    }
    // why: every path of the backend gets them all
    let count: usize = conditions.iter().map(RuleCondition::count).sum();
    if count > MOST_VALUES {
        let problem = format!("has {count} values in all, expected at most {MAX_VALUES}");
        return Err(InvalidAnnotation::new(annotations.key(&suffix), problem));
    }
    Ok(conditions)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawCondition {
    field: String,
    hostheaderconfig: Option<GoObject<RawValues>>,
    pathpatternconfig: Option<GoObject<RawValues>>,
    httpheaderconfig: Option<GoObject<RawValues>>,
    httprequestmethodconfig: Option<GoObject<RawValues>>,
    querystringconfig: Option<GoObject<RawQueryString>>,
    sourceipconfig: Option<GoObject<RawValues>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawValues {
    httpheadername: String,
    values: Vec<String>,
    regexvalues: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawQueryString {
    values: Vec<GoObject<RawPair>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPair {
    key: Option<String>,
    value: String,
}

impl RawCondition {
    fn check(self) -> Result<Option<RuleCondition>, String> {
        let condition = match self.field.as_str() {
            "host-header" => {
                RuleCondition::HostHeader(present(self.hostheaderconfig, "hostHeaderConfig")?.either()?)
            }
            "path-pattern" => {
                RuleCondition::PathPattern(present(self.pathpatternconfig, "pathPatternConfig")?.either()?)
            }
            "http-header" => {
                let mut config = present(self.httpheaderconfig, "httpHeaderConfig")?;
                let name = std::mem::take(&mut config.httpheadername);
                RuleCondition::HttpHeader { name, values: config.either()? }
            }
            "http-request-method" => {
                let config = present(self.httprequestmethodconfig, "httpRequestMethodConfig")?;
                RuleCondition::HttpRequestMethod(config.only_values()?)
            }
            "query-string" => present(self.querystringconfig, "queryStringConfig")?.check()?,
            "source-ip" => {
                RuleCondition::SourceIp(present(self.sourceipconfig, "sourceIPConfig")?.only_values()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(condition))
    }
}

fn present<T>(config: Option<GoObject<T>>, name: &str) -> Result<T, String> {
    config.map(|GoObject(config)| config).ok_or_else(|| format!("needs {name}, which its field asks for"))
}

impl RawValues {
    fn either(self) -> Result<ValuesOrRegexes, String> {
        match (self.values.is_empty(), self.regexvalues.is_empty()) {
            (true, true) => Err("has neither values nor regexValues, expected one of them".to_owned()),
            (false, false) => Err("has both values and regexValues, expected one of them".to_owned()),
            _ => Ok(ValuesOrRegexes { values: self.values, regexes: self.regexvalues }),
        }
    }

    fn only_values(self) -> Result<Vec<String>, String> {
        if self.values.is_empty() { Err("has no values".to_owned()) } else { Ok(self.values) }
    }
}

impl RawQueryString {
    fn check(self) -> Result<RuleCondition, String> {
        if self.values.is_empty() {
            return Err("has no values".to_owned());
        }
        if self.values.iter().any(|GoObject(pair)| pair.value.is_empty()) {
            return Err("has a query string without a value".to_owned());
        }
        Ok(RuleCondition::QueryString(
            self.values.into_iter().map(|GoObject(pair)| (pair.key, pair.value)).collect(),
        ))
    }
}
