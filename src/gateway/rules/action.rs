//! Actions of rules: who is admitted, and what becomes of requests.

use super::super::backends::LoadedRule;
use super::super::route::{RouteProblem, RouteReason};
use crate::api::gateway::{FilterType, GrpcRouteFilter, HttpPathModifier, HttpRedirect, HttpRouteFilter};
use crate::api::gateway_config::{
    self, ActionType, AuthenticateCognitoConfig, AuthenticateOidcConfig, FixedResponseConfig,
    FixedResponseContentType, JwtValidationConfig,
};

/// What becomes of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// They are sent to the backends of the rule, by weight.
    Forward {
        /// Whether clients stay with a target group. Absent: nothing is said about it.
        stickiness: Option<GroupStickiness>,
    },
    /// They are sent to those backends of the rule that AWS sends them to now, by the weights that it has; without any, they are
    /// answered with 500.
    ForwardAsBefore {
        /// As for the other variants.
        stickiness: Option<GroupStickiness>,
    },
    /// They are answered with a redirect.
    Redirect(Redirect),
    /// They are answered.
    FixedResponse(FixedResponse),
}

/// Whether clients stay with the target group that they were sent to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStickiness {
    /// Whether they do.
    pub is_enabled: bool,
    /// For how many seconds.
    pub seconds: i32,
}

/// A redirect; what is absent stays as in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Whether it is for good (301) or for now (302).
    pub is_permanent: bool,
    /// `HTTP` or `HTTPS`.
    pub protocol: Option<&'static str>,
    /// Port to go to; none: as asked.
    pub port: Option<i32>,
    /// Host to go to; none: as asked.
    pub host: Option<String>,
    /// Path to go to; none: as asked.
    pub path: Option<String>,
    /// Query to go with; none: as asked.
    pub query: Option<String>,
}

/// An answer without a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// Its status code.
    pub status_code: i32,
    /// The type of its body.
    pub content_type: FixedResponseContentType,
    /// Body, at most 1,024 bytes.
    pub body: Option<String>,
}

impl FixedResponse {
    /// An answer without a body.
    pub fn status(status_code: i32) -> Self {
        Self { status_code, content_type: FixedResponseContentType::TextPlain, body: None }
    }
}

/// Who is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Who is logged in with OpenID Connect. The Secret is in the namespace of the route.
    Oidc(Box<AuthenticateOidcConfig>),
    /// Who is logged in with Cognito.
    Cognito(Box<AuthenticateCognitoConfig>),
    /// Who has a valid token.
    Jwt(Box<JwtValidationConfig>),
}

/// The listener that a rule is for.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Port of the listener.
    pub port: i32,
    /// Whether it speaks HTTPS.
    pub is_https: bool,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Who is admitted.
    pub authentication: Option<Authentication>,
    /// What becomes of requests.
    pub action: RuleAction,
    /// Why it is not what the route asks.
    pub refusal: Option<RouteProblem>,
}

const HEADERS_HINT: &str =
    "To specify header modification, please configure it through LoadBalancerConfiguration.";

/// What a rule of an HTTPRoute does. An error says that it serves nobody.
pub fn decide_http(
    filters: &[HttpRouteFilter],
    loaded: &LoadedRule,
    place: Place,
) -> Result<Decided, RouteProblem> {
    decide(loaded, place, |routing| redirect_of(filters, routing, place))
}

/// What a rule of a GRPCRoute does. An error says that it serves nobody.
pub fn decide_grpc(
    filters: &[GrpcRouteFilter],
    loaded: &LoadedRule,
    place: Place,
) -> Result<Decided, RouteProblem> {
    decide(loaded, place, |_| match filters.iter().find(|filter| filter.type_ != FilterType::ExtensionRef) {
        Some(filter) => Err(RouteProblem::unsupported(format!(
            "Unsupported filter type: {}. {HEADERS_HINT}",
            filter.type_
        ))),
        None => Ok(None),
    })
}

/// What a rule does whose filters come to a redirect, or to none.
fn decide(
    loaded: &LoadedRule,
    place: Place,
    redirect: impl FnOnce(Option<&gateway_config::ListenerRuleAction>) -> Result<Option<Redirect>, RouteProblem>,
) -> Result<Decided, RouteProblem> {
    let routing = routing_action(loaded);
    if let Some(answer) = routing.and_then(|action| action.fixed_response_config.as_ref()) {
        return admit(fixed_response(answer), loaded, place);
    }
    match redirect(routing)? {
        Some(redirect) => admit(RuleAction::Redirect(redirect), loaded, place),
        None => forward(routing, loaded, place),
    }
}

fn actions(loaded: &LoadedRule) -> impl Iterator<Item = &gateway_config::ListenerRuleAction> {
    loaded.configuration.iter().flat_map(|found| found.spec.actions.iter().flatten())
}

fn routing_action(loaded: &LoadedRule) -> Option<&gateway_config::ListenerRuleAction> {
    let is_routing =
        |type_| matches!(type_, ActionType::Forward | ActionType::Redirect | ActionType::FixedResponse);
    actions(loaded).find(|action| is_routing(action.type_))
}

fn fixed_response(answer: &FixedResponseConfig) -> RuleAction {
    RuleAction::FixedResponse(FixedResponse {
        status_code: answer.status_code,
        content_type: answer.content_type.unwrap_or(FixedResponseContentType::TextPlain),
        body: answer.message_body.clone(),
    })
}

fn forward(
    routing: Option<&gateway_config::ListenerRuleAction>,
    loaded: &LoadedRule,
    place: Place,
) -> Result<Decided, RouteProblem> {
    if let Some(problem) = &loaded.refusal {
        return Err(problem.clone());
    }
    if loaded.kept_shares.is_none() && loaded.backends.iter().all(|backend| backend.weight == 0) {
        return admit(RuleAction::FixedResponse(FixedResponse::status(500)), loaded, place);
    }
    let forward = routing.and_then(|action| action.forward_config.as_ref());
    let stickiness = forward.map(|forward| {
        let config = forward.target_group_stickiness_config.clone().unwrap_or_default();
        GroupStickiness {
            is_enabled: config.enabled.unwrap_or_default(),
            seconds: config.duration_seconds.unwrap_or(3600),
        }
    });
    match &loaded.kept_shares {
        None => admit(RuleAction::Forward { stickiness }, loaded, place),
        Some(problem) => {
            let decided = admit(RuleAction::ForwardAsBefore { stickiness }, loaded, place)?;
            Ok(Decided { refusal: Some(problem.clone()), ..decided })
        }
    }
}

/// The action, for those whom the rule admits.
///
/// why an error on HTTP: an ALB can only tell who somebody is on HTTPS listeners, and without that the rule would admit everybody.
/// A redirect leads to where it can tell.
fn admit(action: RuleAction, loaded: &LoadedRule, place: Place) -> Result<Decided, RouteProblem> {
    let authentication = actions(loaded).find_map(authentication);
    if place.is_https || authentication.is_none() {
        return Ok(Decided { authentication, action, refusal: None });
    }
    if matches!(action, RuleAction::Redirect(_)) {
        return Ok(Decided { authentication: None, action, refusal: None });
    }
    Err(RouteProblem::unsupported(format!(
        "the rule asks for authentication, which the HTTP listener on port {} can't do, expected an HTTPS listener",
        place.port
    )))
}

fn authentication(action: &gateway_config::ListenerRuleAction) -> Option<Authentication> {
    match action.type_ {
        ActionType::AuthenticateOidc => {
            action.authenticate_oidc_config.clone().map(|config| Authentication::Oidc(Box::new(config)))
        }
        ActionType::AuthenticateCognito => {
            action.authenticate_cognito_config.clone().map(|config| Authentication::Cognito(Box::new(config)))
        }
        ActionType::JwtValidation => {
            action.jwt_validation_config.clone().map(|config| Authentication::Jwt(Box::new(config)))
        }
        ActionType::Forward | ActionType::Redirect | ActionType::FixedResponse => None,
    }
}

/// The first redirect among the filters. What comes after it is not looked at, as upstream does.
fn redirect_of(
    filters: &[HttpRouteFilter],
    routing: Option<&gateway_config::ListenerRuleAction>,
    place: Place,
) -> Result<Option<Redirect>, RouteProblem> {
    let added = routing.and_then(|action| action.redirect_config.as_ref());
    if let ([only], Some(_)) = (filters, added)
        && only.type_ == FilterType::ExtensionRef
    {
        let message = "HTTPRouteFilterRequestRedirect must be provided if RedirectActionConfig in ListenerRuleConfiguration is provided";
        return Err(RouteProblem::new(RouteReason::IncompatibleFilters, message));
    }
    for filter in filters {
        match &filter.type_ {
            FilterType::RequestRedirect => {
                let none = HttpRedirect::default();
                let query = added.map(|added| added.query.clone().unwrap_or_else(|| "#{query}".to_owned()));
                return redirect(filter.request_redirect.as_ref().unwrap_or(&none), query, place).map(Some);
            }
            FilterType::ExtensionRef | FilterType::UrlRewrite => {}
            other => {
                return Err(RouteProblem::unsupported(format!(
                    "Unsupported filter type: {other}. Only request redirect is supported. {HEADERS_HINT}"
                )));
            }
        }
    }
    Ok(None)
}

fn redirect(filter: &HttpRedirect, query: Option<String>, place: Place) -> Result<Redirect, RouteProblem> {
    let protocol = filter.scheme.as_deref().map(protocol).transpose()?;
    let mut redirect = Redirect {
        is_permanent: is_permanent(filter.status_code)?,
        protocol: protocol.map(|(name, _)| name),
        port: filter.port.or(protocol.map(|(_, port)| port)),
        host: filter.hostname.clone(),
        path: full_path(filter.path.as_ref())?,
        query,
    };
    let says_nothing = redirect.protocol.is_none() && redirect.host.is_none() && redirect.path.is_none();
    // why: ELB refuses a redirect to where the request was made as a loop, and does not see that the path is rewritten before.
    if says_nothing && redirect.port.is_none() && filter.path.is_some() {
        redirect.port = Some(place.port);
    }
    Ok(redirect)
}

/// why no others: ELB has 301 and 302 only.
fn is_permanent(status_code: Option<i64>) -> Result<bool, RouteProblem> {
    match status_code {
        Some(301) => Ok(true),
        None | Some(302) => Ok(false),
        Some(other) => Err(RouteProblem::unsupported(format!(
            "unsupported redirect status code: {other}, expected 301 or 302"
        ))),
    }
}

fn protocol(scheme: &str) -> Result<(&'static str, i32), RouteProblem> {
    match scheme.to_ascii_uppercase().as_str() {
        "HTTP" => Ok(("HTTP", 80)),
        "HTTPS" => Ok(("HTTPS", 443)),
        other => Err(RouteProblem::unsupported(format!("unsupported redirect scheme: {other}"))),
    }
}

/// The path of a redirect. A new prefix is none: the path is rewritten before.
fn full_path(path: Option<&HttpPathModifier>) -> Result<Option<String>, RouteProblem> {
    let Some(path) = path else { return Ok(None) };
    let (name, value) = match (&path.replace_full_path, &path.replace_prefix_match) {
        (Some(value), _) => ("ReplaceFullPath", value),
        (None, Some(value)) => ("ReplacePrefixMatch", value),
        (None, None) => return Ok(None),
    };
    if value.contains(['*', '?']) {
        return Err(RouteProblem::unsupported(format!("{name} shouldn't contain wildcards: {value}")));
    }
    Ok(path.replace_full_path.clone())
}

#[cfg(test)]
mod tests;
