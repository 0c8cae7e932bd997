//! `actions.<name>`: what a rule does, written as JSON (upstream's `pkg/ingress/config_types.go`).

use super::{GoObject, InvalidAnnotation, json};
use crate::annotations::Annotations;
use crate::annotations::parse;
use crate::aws_api::elbv2::{FixedResponseAction, RedirectAction, TargetGroupStickiness};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;

/// What a backend does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngressAction {
    /// An answer without a target.
    FixedResponse(FixedResponseAction),
    /// A redirect to somewhere else.
    Redirect(RedirectAction),
    /// Forward to target groups.
    Forward(Forward),
}

/// Forward to one or more targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// Where to, with weights.
    pub targets: Vec<WeightedTarget>,
    /// Stickiness between them.
    pub stickiness: Option<TargetGroupStickiness>,
}

/// A target of a forward action and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedTarget {
    /// What is forwarded to.
    pub target: ForwardTarget,
    /// Share of the requests, 0–999.
    pub weight: Option<i32>,
}

/// Where a forward action goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardTarget {
    /// A target group that exists, by ARN.
    Arn(String),
    /// A target group that exists, by name.
    Name(String),
    /// A port of a Service in the namespace of the Ingress.
    Service {
        /// Name of the Service, in the namespace of the Ingress.
        name: String,
        /// Port as written.
        port: IntOrString,
    },
}

impl Forward {
    /// Everything to one port of a Service.
    pub fn to_service(name: &str, port: IntOrString) -> Self {
        let target = ForwardTarget::Service { name: name.to_owned(), port };
        Self { targets: vec![WeightedTarget { target, weight: None }], stickiness: None }
    }

    /// Names of the Services it goes to.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| match &target.target {
            ForwardTarget::Service { name, .. } => Some(name.as_str()),
            ForwardTarget::Arn(_) | ForwardTarget::Name(_) => None,
        })
    }
}

/// A fixed 503 with this body, for what is missing but tolerated.
pub fn unavailable(body: &str) -> IngressAction {
    IngressAction::FixedResponse(FixedResponseAction {
        content_type: Some("text/plain".to_owned()),
        message_body: Some(body.to_owned()),
        status_code: "503".to_owned(),
    })
}

/// The action of `actions.<name>`; `None` if there is no such annotation.
pub fn parse_action(
    annotations: &Annotations<'_>,
    name: &str,
) -> Result<Option<IngressAction>, InvalidAnnotation> {
    let suffix = format!("actions.{name}");
    let Some(raw) = json::<GoObject<RawAction>>(annotations, &suffix, "an action", &[])? else {
        return Ok(None);
    };
    raw.0.check().map(Some).map_err(|problem| InvalidAnnotation::new(annotations.key(&suffix), problem))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawAction {
    r#type: String,
    targetgrouparn: Option<String>,
    targetgroupname: Option<String>,
    fixedresponseconfig: Option<GoObject<RawFixedResponse>>,
    redirectconfig: Option<GoObject<RawRedirect>>,
    forwardconfig: Option<GoObject<RawForward>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawFixedResponse {
    contenttype: Option<String>,
    messagebody: Option<String>,
    statuscode: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRedirect {
    host: Option<String>,
    path: Option<String>,
    port: Option<String>,
    protocol: Option<String>,
    query: Option<String>,
    statuscode: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawForward {
    targetgroups: Vec<GoObject<RawTarget>>,
    targetgroupstickinessconfig: Option<GoObject<RawStickiness>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawTarget {
    targetgrouparn: Option<String>,
    targetgroupname: Option<String>,
    servicename: Option<String>,
    serviceport: Option<RawPort>,
    weight: Option<i32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawPort {
    Number(i32),
    Text(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStickiness {
    enabled: Option<bool>,
    durationseconds: Option<i32>,
}

impl RawAction {
    fn check(self) -> Result<IngressAction, String> {
        match self.r#type.as_str() {
            "fixed-response" => self.check_fixed_response(),
            "redirect" => self.check_redirect(),
            "forward" => self.check_forward().map(IngressAction::Forward),
            "" => Err("has no type, expected fixed-response, redirect or forward".to_owned()),
            other => Err(format!("type is {other:?}, expected fixed-response, redirect or forward")),
        }
    }

    fn check_fixed_response(self) -> Result<IngressAction, String> {
        let GoObject(config) = self.fixedresponseconfig.ok_or("fixed-response needs fixedResponseConfig")?;
        if config.statuscode.is_empty() {
            return Err("fixedResponseConfig needs statusCode, for example \"503\"".to_owned());
        }
        Ok(IngressAction::FixedResponse(FixedResponseAction {
            content_type: config.contenttype,
            message_body: config.messagebody,
            status_code: config.statuscode,
        }))
    }

    fn check_redirect(self) -> Result<IngressAction, String> {
        let GoObject(config) = self.redirectconfig.ok_or("redirect needs redirectConfig")?;
        if config.statuscode.is_empty() {
            return Err("redirectConfig needs statusCode, HTTP_301 or HTTP_302".to_owned());
        }
        Ok(IngressAction::Redirect(RedirectAction {
            host: config.host,
            path: config.path,
            port: config.port,
            protocol: config.protocol,
            query: config.query,
            status_code: config.statuscode,
        }))
    }

    fn check_forward(self) -> Result<Forward, String> {
        let simple = match (self.targetgrouparn, self.targetgroupname) {
            (Some(arn), _) => Some(ForwardTarget::Arn(arn)),
            (None, Some(name)) => Some(ForwardTarget::Name(name)),
            (None, None) => None,
        };
        match (simple, self.forwardconfig) {
            (Some(target), None) => {
                Ok(Forward { targets: vec![WeightedTarget { target, weight: None }], stickiness: None })
            }
            (None, Some(config)) => config.0.check(),
            (Some(_), Some(_)) => Err(
                "forward has both forwardConfig and targetGroupARN or targetGroupName, expected one of them"
                    .to_owned(),
            ),
            (None, None) => Err("forward needs targetGroupARN, targetGroupName or forwardConfig".to_owned()),
        }
    }
}

impl RawForward {
    fn check(self) -> Result<Forward, String> {
        let many = self.targetgroups.len() > 1;
        let targets = self.targetgroups.into_iter().enumerate().map(|(index, target)| {
            target.0.check(many).map_err(|problem| format!("forwardConfig.targetGroups[{index}] {problem}"))
        });
        Ok(Forward {
            targets: targets.collect::<Result<_, _>>()?,
            stickiness: self.targetgroupstickinessconfig.map(|GoObject(sticky)| TargetGroupStickiness {
                enabled: sticky.enabled,
                duration_seconds: sticky.durationseconds,
            }),
        })
    }
}

impl RawTarget {
    fn check(self, weighted: bool) -> Result<WeightedTarget, &'static str> {
        let target = match (self.targetgrouparn, self.targetgroupname, self.servicename) {
            (None, None, None) => return Err("needs targetGroupARN, targetGroupName or serviceName"),
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                return Err("has both a target group and a Service, expected one of them");
            }
            (Some(arn), _, None) => ForwardTarget::Arn(arn),
            (None, Some(name), None) => ForwardTarget::Name(name),
            (None, None, Some(name)) => {
                let port = self.serviceport.ok_or("has serviceName, but no servicePort")?;
                ForwardTarget::Service { name, port: port.normalized() }
            }
        };
        if weighted && self.weight.is_none() {
            return Err("has no weight, which every one of several target groups needs");
        }
        Ok(WeightedTarget { target, weight: self.weight })
    }
}

impl RawPort {
    /// A text that is a number is the number.
    fn normalized(self) -> IntOrString {
        match self {
            Self::Number(number) => IntOrString::Int(number),
            Self::Text(text) => match parse::int32(&text) {
                Some(number) => IntOrString::Int(number),
                None => IntOrString::String(text),
            },
        }
    }
}
