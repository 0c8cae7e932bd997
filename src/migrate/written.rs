//! Actions, conditions and transforms as annotations write them, before anything of them is checked.

use super::values::Values;
use crate::api::IntOrString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An action, as it is written down in annotations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenAction {
    /// `forward`, `redirect` or `fixed-response`.
    #[serde(rename = "type")]
    pub type_: String,
    /// A target group that exists.
    pub targetgrouparn: Option<String>,
    /// A target group that exists.
    pub targetgroupname: Option<String>,
    /// Parameters of a fixed answer.
    pub fixedresponseconfig: Option<WrittenFixedResponse>,
    /// Parameters of a redirect.
    pub redirectconfig: Option<WrittenRedirect>,
    /// Parameters of forwarding.
    pub forwardconfig: Option<WrittenForward>,
}

/// A fixed answer, as it is written down.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenFixedResponse {
    /// Type of the body.
    pub contenttype: Option<String>,
    /// Body of the answer.
    pub messagebody: Option<String>,
    /// Status code, as text.
    pub statuscode: String,
}

/// A redirect, as it is written down.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenRedirect {
    /// Host to go to.
    pub host: Option<String>,
    /// Path to go to.
    pub path: Option<String>,
    /// Port to go to.
    pub port: Option<String>,
    /// Protocol to go with.
    pub protocol: Option<String>,
    /// Query to go with.
    pub query: Option<String>,
    /// `HTTP_301` or `HTTP_302`.
    pub statuscode: String,
}

/// Where requests are forwarded to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenForward {
    /// Target groups with their weights.
    pub targetgroups: Vec<TargetGroup>,
    /// Whether clients stay with one.
    pub targetgroupstickinessconfig: Option<WrittenStickiness>,
}

/// A target group and its weight.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TargetGroup {
    /// One that exists.
    pub targetgrouparn: Option<String>,
    /// One that exists.
    pub targetgroupname: Option<String>,
    /// That of a Service.
    pub servicename: Option<String>,
    /// The port of the Service.
    pub serviceport: Option<IntOrString>,
    /// Share of the requests, 0–999.
    pub weight: Option<i32>,
}

/// Whether clients stay with a target group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenStickiness {
    /// Whether they do.
    pub enabled: Option<bool>,
    /// For how many seconds.
    pub durationseconds: Option<i32>,
}

/// A condition, as it is written down in annotations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenCondition {
    /// What is looked at.
    pub field: String,
    /// Hosts that are accepted.
    pub hostheaderconfig: Option<Patterns>,
    /// Paths that are accepted.
    pub pathpatternconfig: Option<Patterns>,
    /// A header and its values.
    pub httpheaderconfig: Option<Header>,
    /// Methods that are accepted.
    pub httprequestmethodconfig: Option<Patterns>,
    /// Parameters of the query.
    pub querystringconfig: Option<WrittenQuery>,
    /// Addresses of clients.
    pub sourceipconfig: Option<Patterns>,
}

impl WrittenCondition {
    /// What is missing of it, so that nothing could be restricted by it; the controller refuses it then. Fields that are not
    /// known restrict nothing anyway.
    pub fn lack(&self) -> Option<String> {
        let patterns = |found: &Option<Patterns>| {
            found.as_ref().map(|found| found.values.is_empty() && found.regexvalues.is_empty())
        };
        let (name, is_empty) = match self.field.as_str() {
            "host-header" => ("hostHeaderConfig", patterns(&self.hostheaderconfig)),
            "path-pattern" => ("pathPatternConfig", patterns(&self.pathpatternconfig)),
            "http-request-method" => ("httpRequestMethodConfig", patterns(&self.httprequestmethodconfig)),
            "source-ip" => {
                let addresses = self.sourceipconfig.as_ref();
                ("sourceIPConfig", addresses.map(|found| found.values.is_empty()))
            }
            "http-header" => {
                let header = self.httpheaderconfig.as_ref();
                let is_empty = |found: &Header| found.values.is_empty() && found.regexvalues.is_empty();
                ("httpHeaderConfig", header.map(is_empty))
            }
            "query-string" => {
                let query = self.querystringconfig.as_ref();
                ("queryStringConfig", query.map(|found| found.values.is_empty()))
            }
            _ => return None,
        };
        match is_empty {
            None => Some(format!("the condition on {} needs {name}", self.field)),
            Some(true) => Some(format!("the condition on {} has no values in {name}", self.field)),
            Some(false) => None,
        }
    }
}

/// Values, of which one has to fit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Patterns {
    /// Values with `*` and `?`.
    pub values: Vec<String>,
    /// Regular expressions, one of which has to match.
    pub regexvalues: Vec<String>,
}

/// A header and its values.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Header {
    /// Name of the header.
    pub httpheadername: String,
    /// Values with `*` and `?`.
    pub values: Vec<String>,
    /// Regular expressions, one of which has to match.
    pub regexvalues: Vec<String>,
}

/// Parameters of the query, of which one has to be there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenQuery {
    /// Keys and values.
    pub values: Vec<WrittenPair>,
}

/// A parameter of the query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenPair {
    /// Absent: of any key.
    pub key: Option<String>,
    /// What the parameter has to be, with `*` and `?`.
    pub value: String,
}

/// A rewrite of the path or the host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenTransform {
    /// `url-rewrite` or `host-header-rewrite`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Of the path.
    pub urlrewriteconfig: Option<Rewrites>,
    /// Of the host.
    pub hostheaderrewriteconfig: Option<Rewrites>,
}

/// Rewrites, of which AWS takes one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rewrites {
    /// The rewrites, of which AWS takes one.
    pub rewrites: Vec<WrittenRewrite>,
}

/// What matches, and what stands for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WrittenRewrite {
    /// Regular expression for what is replaced.
    pub regex: String,
    /// With `$1` for the first group.
    pub replace: String,
}

/// The JSON of an annotation; `None`: it is not there.
pub fn read<T: DeserializeOwned>(values: &Values, suffix: &str, expected: &str) -> Result<Option<T>, String> {
    let read = values.annotations().json(suffix, expected);
    read.map_err(|error| format!("{}: {error}", error.key))
}
