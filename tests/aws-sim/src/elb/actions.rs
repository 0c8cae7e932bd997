//! Actions of listeners and rules: what AWS accepts, and how it completes and shows them.

use crate::{
    World,
    refusal::{CallResult, bad_value, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    AuthenticationSession, CognitoAction, FixedResponseAction, ForwardAction, ListenerAction, LoadBalancer,
    LoadBalancerType, OidcAction, Protocol, RedirectAction, TargetGroupStickiness, TargetGroupTuple,
};
use std::collections::BTreeSet;

impl World {
    /// Actions as AWS keeps and shows them.
    pub(crate) fn normalize_actions(
        &self,
        lb: &LoadBalancer,
        protocol: &Protocol,
        actions: &[ListenerAction],
    ) -> CallResult<Vec<ListenerAction>> {
        ensure(!actions.is_empty(), || bad_value("At least one action must be specified"))?;
        let normalized: Vec<_> = actions
            .iter()
            .map(|action| self.normalize_action(lb, protocol, action))
            .collect::<CallResult<_>>()?;
        let finals = normalized.iter().filter(|action| is_final(action)).count();
        ensure(finals == 1 && normalized.last().is_some_and(is_final), || {
            invalid_action(
                "Exactly one action of type 'forward', 'redirect' or 'fixed-response' must be specified, and it must be the last action to be performed",
            )
        })?;
        Ok(normalized)
    }

    fn normalize_action(
        &self,
        lb: &LoadBalancer,
        protocol: &Protocol,
        action: &ListenerAction,
    ) -> CallResult<ListenerAction> {
        let is_forward = matches!(action, ListenerAction::Forward(_));
        ensure(is_forward || lb.kind == LoadBalancerType::Application, || {
            invalid_action(format!(
                "Only actions of type 'forward' are supported for load balancers of type '{}'",
                lb.kind
            ))
        })?;
        ensure(is_final(action) || *protocol == Protocol::Https, || {
            invalid_action("Actions that authenticate are supported on HTTPS listeners only")
        })?;
        Ok(match action {
            ListenerAction::Forward(forward) => ListenerAction::Forward(self.normalize_forward(lb, forward)?),
            ListenerAction::Redirect(redirect) => ListenerAction::Redirect(normalize_redirect(redirect)?),
            ListenerAction::FixedResponse(answer) => ListenerAction::FixedResponse(check_answer(answer)?),
            ListenerAction::AuthenticateCognito(cognito) => {
                ListenerAction::AuthenticateCognito(CognitoAction {
                    session: normalize_session(&cognito.session)?,
                    ..cognito.clone()
                })
            }
            ListenerAction::AuthenticateOidc(oidc) => ListenerAction::AuthenticateOidc(normalize_oidc(oidc)?),
            ListenerAction::JwtValidation(jwt) => ListenerAction::JwtValidation(jwt.clone()),
        })
    }

    fn normalize_forward(&self, lb: &LoadBalancer, forward: &ForwardAction) -> CallResult<ForwardAction> {
        let tuples = &forward.target_groups;
        ensure(!tuples.is_empty(), || {
            bad_value("A target group must be specified for actions of type 'forward'")
        })?;
        let most = self.settings.quotas.target_groups_per_action;
        ensure(tuples.len() <= most, || {
            refuse(
                "TooManyTargetGroups",
                format!("You cannot specify more than '{most}' target groups per action"),
            )
        })?;
        let application = lb.kind == LoadBalancerType::Application;
        let mut seen = BTreeSet::new();
        let mut target_groups = Vec::new();
        for tuple in tuples {
            let arn = tuple.target_group.resolved()?;
            ensure(seen.insert(arn), || {
                bad_value("The same target group was specified more than once in an action")
            })?;
            let weight = tuple.weight.or(application.then_some(1));
            ensure(weight.is_none_or(|weight| (0..=999).contains(&weight)), || {
                bad_value("Weight must be between '0' and '999' inclusive")
            })?;
            target_groups.push(TargetGroupTuple { target_group: tuple.target_group.clone(), weight });
        }
        let stickiness = Some(normalize_stickiness(application, forward.stickiness.as_ref())?);
        Ok(ForwardAction { target_groups, stickiness, plain: false })
    }
}

fn normalize_stickiness(
    application: bool,
    given: Option<&TargetGroupStickiness>,
) -> CallResult<TargetGroupStickiness> {
    let given = given.cloned().unwrap_or_default();
    let enabled = given.enabled.unwrap_or(false);
    let lasts = given.duration_seconds.is_some_and(|seconds| (1..=604_800).contains(&seconds));
    ensure(!enabled || !application || lasts, || {
        bad_value(
            "A stickiness duration between '1' and '604800' seconds must be specified when target group stickiness is enabled",
        )
    })?;
    Ok(TargetGroupStickiness { enabled: Some(enabled), duration_seconds: given.duration_seconds })
}

/// A redirect with what is unset filled in, unless it would send every request to itself.
fn normalize_redirect(redirect: &RedirectAction) -> CallResult<RedirectAction> {
    let or =
        |given: &Option<String>, default: &str| Some(given.clone().unwrap_or_else(|| default.to_owned()));
    let normalized = RedirectAction {
        host: or(&redirect.host, "#{host}"),
        path: or(&redirect.path, "/#{path}"),
        port: or(&redirect.port, "#{port}"),
        protocol: or(&redirect.protocol, "#{protocol}"),
        query: or(&redirect.query, "#{query}"),
        status_code: redirect.status_code.clone(),
    };
    let untouched = RedirectAction {
        query: normalized.query.clone(),
        status_code: normalized.status_code.clone(),
        ..same_place()
    };
    ensure(normalized != untouched, || {
        invalid_action("The redirect configuration is not valid because it creates a loop.")
    })?;
    ensure(matches!(normalized.status_code.as_str(), "HTTP_301" | "HTTP_302"), || {
        bad_value(format!("Status code '{}' must be one of 'HTTP_301, HTTP_302'", normalized.status_code))
    })?;
    Ok(normalized)
}

fn same_place() -> RedirectAction {
    let part = |text: &str| Some(text.to_owned());
    RedirectAction {
        host: part("#{host}"),
        path: part("/#{path}"),
        port: part("#{port}"),
        protocol: part("#{protocol}"),
        ..RedirectAction::default()
    }
}

fn check_answer(answer: &FixedResponseAction) -> CallResult<FixedResponseAction> {
    let code = answer.status_code.as_str();
    let valid = code.len() == 3 && code.parse::<u16>().is_ok_and(|code| matches!(code / 100, 2 | 4 | 5));
    ensure(valid, || bad_value(format!("Status code '{code}' must be of the form 2XX, 4XX or 5XX")))?;
    ensure(answer.message_body.as_ref().is_none_or(|body| body.len() <= 1024), || {
        bad_value("The message body cannot be longer than '1024' characters")
    })?;
    Ok(answer.clone())
}

/// An OIDC action without its secret, which AWS never shows.
fn normalize_oidc(oidc: &OidcAction) -> CallResult<OidcAction> {
    let session = normalize_session(&oidc.session)?;
    Ok(OidcAction { client_secret: None, use_existing_client_secret: None, session, ..oidc.clone() })
}

fn normalize_session(session: &AuthenticationSession) -> CallResult<AuthenticationSession> {
    ensure(session.extra_params.len() <= 10, || bad_value("At most '10' extra parameters can be specified"))?;
    let or =
        |given: &Option<String>, default: &str| Some(given.clone().unwrap_or_else(|| default.to_owned()));
    let on_unauthenticated = or(&session.on_unauthenticated_request, "authenticate");
    let known =
        on_unauthenticated.as_deref().is_some_and(|what| matches!(what, "deny" | "allow" | "authenticate"));
    ensure(known, || bad_value("OnUnauthenticatedRequest must be one of 'deny, allow, authenticate'"))?;
    Ok(AuthenticationSession {
        extra_params: session.extra_params.clone(),
        on_unauthenticated_request: on_unauthenticated,
        scope: or(&session.scope, "openid"),
        session_cookie_name: or(&session.session_cookie_name, "AWSELBAuthSessionCookie"),
        session_timeout: Some(session.session_timeout.unwrap_or(604_800)),
    })
}

fn is_final(action: &ListenerAction) -> bool {
    matches!(
        action,
        ListenerAction::Forward(_) | ListenerAction::Redirect(_) | ListenerAction::FixedResponse(_)
    )
}

fn invalid_action(message: impl Into<String>) -> crate::refusal::Refusal {
    refuse("InvalidLoadBalancerAction", message)
}
