//! Rules of ALB listeners, from what the routes' rules come to.

use super::live_rules::LiveForwards;
use super::target_group::{RouteTargetGroupReader, add_share};
use super::{GatewayContext, GatewayReport};
use crate::annotations::value::{condition_excess, wrong_lengths};
use crate::api::ObjectKey;
use crate::api::gateway_config::{AuthenticateOidcConfig, JwtValidationConfig, SessionConfig};
use crate::aws_api::elbv2::{
    AuthenticationSession, CognitoAction, FixedResponseAction, ForwardAction, JwtAction, JwtClaim,
    ListenerAction, OidcAction, Protocol, RedirectAction, RuleCondition, RuleTransform,
    TargetGroupStickiness, TargetGroupTuple, ValuesOrRegexes,
};
use crate::aws_api::{Ref, Secret, Tags};
use crate::facts::BuildError;
use crate::gateway::backends::Weighted;
use crate::gateway::route::{Route, RouteProblem, RouteReason};
use crate::gateway::rules::action::{Authentication, FixedResponse, GroupStickiness, Redirect, RuleAction};
use crate::gateway::rules::condition::{Condition, Pattern};
use crate::gateway::rules::transform::{Rewrite, Transform};
use crate::gateway::rules::{self, RuleOrigin};
use crate::model::{ResourceId, Rule};
use crate::settings::{Origin, tags};

/// Why the actions of a rule cannot be had.
enum RuleRefusal {
    /// The rule answers 500 instead.
    Problem(RouteProblem),
    /// The build stops.
    Build(BuildError),
}

impl From<BuildError> for RuleRefusal {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}

/// Makes rules of AWS.
pub(super) struct RuleReader<'r, 'c, 'a> {
    pub context: &'c GatewayContext<'a>,
    pub target_groups: &'r mut RouteTargetGroupReader<'c, 'a>,
    pub report: &'r mut GatewayReport,
    /// Port of the listener.
    pub port: i32,
    /// Protocol of the listener.
    pub listener: &'r Protocol,
    /// Where its rules send requests in AWS; `None`: nobody has looked.
    pub live_forwards: Option<LiveForwards<'a>>,
}

impl<'a> RuleReader<'_, '_, 'a> {
    /// A rule of AWS. What is wrong with it is noted, and makes it answer 500; `None`: AWS has no rules with such conditions.
    pub fn read(&mut self, rule: &rules::Rule) -> Result<Option<Rule>, BuildError> {
        let actions = match self.actions(rule) {
            Ok(actions) => actions,
            Err(RuleRefusal::Build(error)) => return Err(error),
            Err(RuleRefusal::Problem(problem)) => {
                self.note(rule, problem);
                vec![fixed_response(&FixedResponse::status(500))]
            }
        };
        let conditions = conditions(&rule.conditions);
        let problems = condition_problems(&conditions);
        if problems.is_empty() {
            let transforms = rule.transforms.iter().map(transform).collect();
            return Ok(Some(Rule { conditions, actions, transforms, tags: self.tags(rule) }));
        }
        for problem in problems {
            let message = format!("{}{problem}", place(rule));
            self.note(rule, RouteProblem::unsupported(message));
        }
        Ok(None)
    }

    fn note(&mut self, rule: &rules::Rule, problem: RouteProblem) {
        if let RuleOrigin::Route { route, .. } = rule.origin {
            self.report.note(route, problem);
        }
    }

    /// The target groups of all backends are made, also those that the rule does not forward to.
    ///
    /// why: upstream makes them, so that they are there already when a redirect becomes a forward
    fn actions(&mut self, rule: &rules::Rule) -> Result<Vec<ListenerAction>, RuleRefusal> {
        let target_groups = self.target_groups(rule)?;
        let mut actions = Vec::new();
        if let Some(authentication) = &rule.authentication {
            actions.push(self.authentication(rule, authentication)?);
        }
        actions.push(match &rule.action {
            RuleAction::Redirect(redirect) => ListenerAction::Redirect(redirect_action(redirect)),
            RuleAction::FixedResponse(answer) => fixed_response(answer),
            RuleAction::Forward { stickiness } => {
                self.forward(target_groups, stickiness.map(group_stickiness))
            }
            RuleAction::ForwardAsBefore { stickiness } => {
                let target_groups = self.live_shares(rule, target_groups)?;
                self.forward(target_groups, stickiness.map(group_stickiness))
            }
        });
        Ok(actions)
    }

    /// Those of some target groups that the rule with the same conditions forwards to in AWS, with the weights that it has.
    fn live_shares(
        &mut self,
        rule: &rules::Rule,
        target_groups: Vec<TargetGroupTuple>,
    ) -> Result<Vec<TargetGroupTuple>, BuildError> {
        let context = self.context;
        let live = context.facts.live_stack(&context.stack)??;
        let forwards = self.live_forwards.get_or_insert_with(|| LiveForwards::new(live, self.port));
        let shares = forwards.of(&conditions(&rule.conditions));
        let mut kept: Vec<TargetGroupTuple> = Vec::new();
        for TargetGroupTuple { target_group, .. } in target_groups {
            let arn = match &target_group {
                Ref::Known(_) => Some(target_group.clone()),
                Ref::Pending(symbol) => self.target_groups.live(&ResourceId::from(symbol.id.as_str())),
            };
            let share = shares.iter().find(|live| Some(&live.target_group) == arn.as_ref());
            let is_known = kept.iter().any(|kept| kept.target_group == target_group);
            if let Some(share) = share.filter(|_| !is_known) {
                kept.push(TargetGroupTuple { target_group, weight: Some(share.weight.unwrap_or(1)) });
            }
        }
        Ok(kept)
    }

    fn target_groups(&mut self, rule: &rules::Rule) -> Result<Vec<TargetGroupTuple>, BuildError> {
        let Some((number, route, backends)) = self.backends(rule) else { return Ok(Vec::new()) };
        let mut tuples: Vec<TargetGroupTuple> = Vec::with_capacity(backends.len());
        for backend in backends {
            let (target_group, problem) = self.target_groups.read(route, backend, self.listener)?;
            if let Some(problem) = problem {
                self.report.note(number, problem);
            }
            if let Some(target_group) = target_group {
                add_share(&mut tuples, target_group, Some(backend.weight));
            }
        }
        Ok(tuples)
    }

    /// To all backends that there are; without any that gets requests, 500.
    fn forward(
        &self,
        tuples: Vec<TargetGroupTuple>,
        stickiness: Option<TargetGroupStickiness>,
    ) -> ListenerAction {
        if tuples.iter().all(|tuple| tuple.weight == Some(0)) {
            return fixed_response(&FixedResponse::status(500));
        }
        let plain = !self.context.config.features.weighted_target_groups && tuples.len() == 1;
        ListenerAction::Forward(ForwardAction { target_groups: tuples, stickiness, plain })
    }

    /// The route of a rule, and the backends of its rule.
    fn backends(&self, rule: &rules::Rule) -> Option<(usize, &'a Route<'a>, &'a [Weighted])> {
        let RuleOrigin::Route { route: number, rule: of_route, .. } = rule.origin else { return None };
        let loaded = self.context.view.loaded.get(number)?.get(of_route)?;
        Some((number, self.context.view.routes.get(number)?, &loaded.backends))
    }

    fn authentication(
        &mut self,
        rule: &rules::Rule,
        authentication: &Authentication,
    ) -> Result<ListenerAction, RuleRefusal> {
        Ok(match authentication {
            Authentication::Cognito(config) => ListenerAction::AuthenticateCognito(CognitoAction {
                user_pool_arn: config.user_pool_arn.clone(),
                user_pool_client_id: config.user_pool_client_id.clone(),
                user_pool_domain: config.user_pool_domain.clone(),
                session: session(&config.session),
            }),
            Authentication::Jwt(config) => ListenerAction::JwtValidation(jwt(config)),
            Authentication::Oidc(config) => self.oidc(rule, config)?,
        })
    }

    fn oidc(
        &mut self,
        rule: &rules::Rule,
        config: &AuthenticateOidcConfig,
    ) -> Result<ListenerAction, RuleRefusal> {
        let namespace = match rule.origin {
            RuleOrigin::Route { route, .. } => self.context.view.routes.get(route),
            RuleOrigin::End(_) => None,
        };
        let namespace = namespace.map(|route| route.id.key.namespace()).unwrap_or_default();
        let key = ObjectKey::namespaced(namespace, config.secret.name.as_str());
        self.report.secrets.insert(key.clone());
        let problem = |message: String| {
            RuleRefusal::Problem(RouteProblem::new(RouteReason::IncompatibleFilters, message))
        };
        let found = self.context.facts.secret(namespace, &config.secret.name)?.map_err(BuildError::from)?;
        let contents = found.as_ref().ok_or_else(|| problem(format!("secret {key} does not exist")))?;
        let client_id = contents.get("clientID").or_else(|| contents.get("clientId"));
        // why these texts: upstream's
        let client_id = client_id.ok_or_else(|| problem(format!("missing clientID, secret: {key}")))?;
        let secret = contents.get("clientSecret");
        let secret = secret.ok_or_else(|| problem(format!("missing clientSecret, secret: {key}")))?;
        Ok(ListenerAction::AuthenticateOidc(OidcAction {
            issuer: config.issuer.clone(),
            authorization_endpoint: config.authorization_endpoint.clone(),
            token_endpoint: config.token_endpoint.clone(),
            user_info_endpoint: config.user_info_endpoint.clone(),
            client_id: Secret::new(client_id.reveal().trim_end()),
            client_secret: Some(Secret::new(secret.reveal().trim_end_matches(char::is_control))),
            use_existing_client_secret: None,
            session: session(&config.session),
        }))
    }

    /// The tags of a rule. Those that AWS or the flags do not allow are told of, and left out together.
    fn tags(&mut self, rule: &rules::Rule) -> Tags {
        let given = rule.configuration.as_ref().and_then(|found| found.spec.tags.clone()).unwrap_or_default();
        let checked = tags::check(&given, &Origin::object(&self.context.object), self.context.config);
        let (Err(BuildError::Invalid(finding)), RuleOrigin::Route { route, .. }) = (checked, rule.origin)
        else {
            return tags::merge(&given, self.context.config);
        };
        self.report.note(route, RouteProblem::unsupported(format!("tags of the rule: {}", finding.message)));
        tags::merge(&Tags::new(), self.context.config)
    }
}

/// The match that a rule comes from, in front of what is wrong with it.
fn place(rule: &rules::Rule) -> String {
    let RuleOrigin::Route { route: _, rule: number, match_ } = rule.origin else { return String::new() };
    let of_match = match_.map(|at| format!(".matches[{at}]")).unwrap_or_default();
    format!("spec.rules[{number}]{of_match}: ")
}

fn group_stickiness(stickiness: GroupStickiness) -> TargetGroupStickiness {
    TargetGroupStickiness { enabled: Some(stickiness.is_enabled), duration_seconds: Some(stickiness.seconds) }
}

fn session(config: &SessionConfig) -> AuthenticationSession {
    let on_unauthenticated = config.on_unauthenticated_request.map_or("authenticate", <&str>::from);
    AuthenticationSession {
        extra_params: config.authentication_request_extra_params.clone().unwrap_or_default(),
        on_unauthenticated_request: Some(on_unauthenticated.to_owned()),
        scope: Some(config.scope.clone().unwrap_or_else(|| "openid".to_owned())),
        session_cookie_name: Some(
            config.session_cookie_name.clone().unwrap_or_else(|| "AWSELBAuthSessionCookie".to_owned()),
        ),
        session_timeout: Some(config.session_timeout.unwrap_or(604_800)),
    }
}

fn jwt(config: &JwtValidationConfig) -> JwtAction {
    let claim = |claim: &crate::api::gateway_config::JwtAdditionalClaim| JwtClaim {
        format: <&str>::from(claim.format).to_owned(),
        name: claim.name.clone(),
        values: claim.values.clone(),
    };
    JwtAction {
        jwks_endpoint: config.jwks_endpoint.clone(),
        issuer: config.issuer.clone(),
        additional_claims: config.additional_claims.iter().flatten().map(claim).collect(),
    }
}

fn fixed_response(answer: &FixedResponse) -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        content_type: Some(<&str>::from(answer.content_type).to_owned()),
        message_body: answer.body.clone(),
        status_code: answer.status_code.to_string(),
    })
}

fn redirect_action(redirect: &Redirect) -> RedirectAction {
    RedirectAction {
        host: redirect.host.clone(),
        path: redirect.path.clone(),
        port: redirect.port.map(|port| port.to_string()),
        protocol: redirect.protocol.map(str::to_owned),
        query: redirect.query.clone(),
        status_code: if redirect.is_permanent { "HTTP_301" } else { "HTTP_302" }.to_owned(),
    }
}

/// Conditions as AWS has them.
pub fn conditions(conditions: &[Condition]) -> Vec<RuleCondition> {
    conditions.iter().map(condition).collect()
}

/// What AWS refuses of the conditions of a rule in every account.
pub fn condition_problems(conditions: &[RuleCondition]) -> Vec<String> {
    let lengths = conditions.iter().flat_map(wrong_lengths).map(|found| found.problem);
    lengths.chain(condition_excess(conditions)).collect()
}

fn condition(condition: &Condition) -> RuleCondition {
    match condition {
        Condition::Host(pattern) => RuleCondition::HostHeader(pattern_of(pattern)),
        Condition::Path(pattern) => RuleCondition::PathPattern(pattern_of(pattern)),
        Condition::Header { name, value } => {
            RuleCondition::HttpHeader { name: name.clone(), values: pattern_of(value) }
        }
        Condition::Query { key, value } => {
            RuleCondition::QueryString(vec![(Some(key.clone()), value.clone())])
        }
        Condition::Method(method) => RuleCondition::HttpRequestMethod(vec![method.clone()]),
        Condition::SourceIp(ranges) => RuleCondition::SourceIp(ranges.clone()),
    }
}

fn pattern_of(pattern: &Pattern) -> ValuesOrRegexes {
    match pattern {
        Pattern::Values(values) => ValuesOrRegexes { values: values.clone(), regexes: Vec::new() },
        Pattern::Regex(regexes) => ValuesOrRegexes { values: Vec::new(), regexes: regexes.clone() },
    }
}

fn transform(transform: &Transform) -> RuleTransform {
    let (kind, Rewrite { regex, replace }) = match transform {
        Transform::Url(rewrite) => ("url-rewrite", rewrite),
        Transform::Host(rewrite) => ("host-header-rewrite", rewrite),
    };
    RuleTransform { kind: kind.to_owned(), rewrites: vec![(regex.clone(), replace.clone())] }
}
