//! When AWS's answer counts as what was wanted (upstream: `pkg/equality/elbv2`).
//!
//! Unset and empty lists are the same. Where AWS fills in a default, the default is filled in here too, so that it is not
//! written again and again.

use crate::aws_api::elbv2::{
    ForwardAction, ListenerAction, MutualAuthentication, OidcAction, RedirectAction, RuleCondition,
    RuleTransform, TargetGroupStickiness, TargetGroupTuple,
};
use crate::plan::AppliedSecrets;

/// Whether the actions are the same, in order.
pub(super) fn same_actions(
    wanted: &[ListenerAction],
    observed: &[ListenerAction],
    secrets: &AppliedSecrets,
) -> bool {
    wanted.len() == observed.len()
        && wanted.iter().zip(observed).all(|(wanted, observed)| same_action(wanted, observed, secrets))
}

fn same_action(wanted: &ListenerAction, observed: &ListenerAction, secrets: &AppliedSecrets) -> bool {
    use ListenerAction as A;
    match (wanted, observed) {
        (A::Forward(wanted), A::Forward(observed)) => same_forward(wanted, observed),
        (A::Redirect(wanted), A::Redirect(observed)) => completed(wanted) == completed(observed),
        (A::FixedResponse(wanted), A::FixedResponse(observed)) => wanted == observed,
        (A::AuthenticateCognito(wanted), A::AuthenticateCognito(observed)) => wanted == observed,
        (A::AuthenticateOidc(wanted), A::AuthenticateOidc(observed)) => same_oidc(wanted, observed, secrets),
        (A::JwtValidation(wanted), A::JwtValidation(observed)) => wanted == observed,
        _ => false,
    }
}

fn same_forward(wanted: &ForwardAction, observed: &ForwardAction) -> bool {
    // why: whether the target group is sent plainly or in a ForwardConfig makes no difference to AWS
    let ForwardAction { target_groups, stickiness, plain: _ } = wanted;
    weighted(target_groups) == weighted(&observed.target_groups)
        && stickiness.as_ref().is_none_or(|stickiness| {
            normalized(stickiness) == observed.stickiness.as_ref().map_or((false, None), normalized)
        })
}

/// Target groups by ARN with their weights; the weight of a lone one means nothing, an unset one is 1.
fn weighted(groups: &[TargetGroupTuple]) -> Vec<TargetGroupTuple> {
    let is_lone = groups.len() == 1;
    let mut groups = groups.to_vec();
    for group in &mut groups {
        group.weight = (!is_lone).then(|| group.weight.unwrap_or(1));
    }
    groups.sort();
    groups
}

/// A switched-off stickiness has no duration worth comparing.
fn normalized(stickiness: &TargetGroupStickiness) -> (bool, Option<i32>) {
    let TargetGroupStickiness { enabled, duration_seconds } = stickiness;
    let is_enabled = enabled.unwrap_or(false);
    (is_enabled, duration_seconds.filter(|_| is_enabled))
}

fn completed(redirect: &RedirectAction) -> RedirectAction {
    let part = |value: &Option<String>, default: &str| value.clone().or_else(|| Some(default.to_owned()));
    let RedirectAction { host, path, port, protocol, query, status_code } = redirect;
    RedirectAction {
        host: part(host, "#{host}"),
        path: part(path, "/#{path}"),
        port: part(port, "#{port}"),
        protocol: part(protocol, "#{protocol}"),
        query: part(query, "#{query}"),
        status_code: status_code.clone(),
    }
}

/// AWS never shows the client secret, so a change of it is told by what was sent last.
fn same_oidc(wanted: &OidcAction, observed: &OidcAction, secrets: &AppliedSecrets) -> bool {
    let shown = |action: &OidcAction| OidcAction {
        client_secret: None,
        use_existing_client_secret: None,
        ..action.clone()
    };
    shown(wanted) == shown(observed) && !secrets.is_changed(wanted)
}

/// Whether the conditions are the same: by field; several of one field and the values of each in order.
pub(super) fn same_conditions(wanted: &[RuleCondition], observed: &[RuleCondition]) -> bool {
    let by_field = |conditions: &[RuleCondition]| {
        let mut conditions = conditions.to_vec();
        conditions.sort_by_key(RuleCondition::field);
        conditions
    };
    by_field(wanted) == by_field(observed)
}

/// A text that is the same for all rules that are the same, and for hardly any others: among many, only those that have it in
/// common need be compared.
pub(super) fn key_of_rule(conditions: &[RuleCondition], actions: &[ListenerAction]) -> String {
    let mut conditions: Vec<&RuleCondition> = conditions.iter().collect();
    conditions.sort_by_key(|condition| condition.field());
    let actions = actions.iter().map(|action| match action {
        ListenerAction::Forward(forward) => format!("{:?}", weighted(&forward.target_groups)),
        ListenerAction::Redirect(redirect) => format!("{:?}", completed(redirect)),
        ListenerAction::AuthenticateOidc(oidc) => format!("{:?}", oidc.issuer),
        other => format!("{other:?}"),
    });
    format!("{conditions:?}{:?}", actions.collect::<Vec<_>>())
}

/// Whether the transforms are the same: by kind; the rewrites of each in order.
pub(super) fn same_transforms(wanted: &[RuleTransform], observed: &[RuleTransform]) -> bool {
    let by_kind = |transforms: &[RuleTransform]| {
        let mut transforms = transforms.to_vec();
        transforms.sort_by(|a, b| a.kind.cmp(&b.kind));
        transforms
    };
    by_kind(wanted) == by_kind(observed)
}

/// Whether mutual TLS has to be changed. Nothing wanted leaves it alone, unless `enhanced` defaults switch it off.
pub(super) fn mutual_authentication_differs(
    wanted: Option<&MutualAuthentication>,
    observed: Option<&MutualAuthentication>,
    enhanced: bool,
) -> bool {
    let is_on = observed.is_some_and(|observed| !is_off(observed));
    match wanted {
        None => enhanced && is_on,
        Some(wanted) if is_off(wanted) => is_on,
        Some(wanted) => Some(comparable(wanted)) != observed.map(comparable),
    }
}

fn is_off(mutual: &MutualAuthentication) -> bool {
    mutual.mode.is_empty() || mutual.mode == "off"
}

/// Mutual TLS as it is sent: the names of authorities are advertised (or not) only when certificates are verified.
pub(super) fn sent(mutual: &MutualAuthentication) -> MutualAuthentication {
    let advertise = mutual.advertise_trust_store_ca_names.clone().filter(|value| !value.is_empty());
    let advertise = advertise.unwrap_or_else(|| "off".to_owned());
    MutualAuthentication {
        trust_store_arn: mutual.trust_store_arn.clone().filter(|arn| !arn.is_empty()),
        advertise_trust_store_ca_names: (mutual.mode == "verify").then_some(advertise),
        ..mutual.clone()
    }
}

/// Unset expiry is AWS's default: expired certificates are refused.
fn comparable(mutual: &MutualAuthentication) -> MutualAuthentication {
    let ignores_expiry = mutual.ignore_client_certificate_expiry.unwrap_or(false);
    MutualAuthentication { ignore_client_certificate_expiry: Some(ignores_expiry), ..sent(mutual) }
}

fn is_no_alpn(policy: &[String]) -> bool {
    policy.first().is_none_or(|first| first == "None")
}

/// Whether the ALPN policy has to be changed. Nothing wanted leaves it alone, unless `enhanced` defaults remove it.
pub(super) fn alpn_differs(wanted: &[String], observed: &[String], enhanced: bool) -> bool {
    if enhanced {
        return match (is_no_alpn(wanted), is_no_alpn(observed)) {
            (true, true) => false,
            (false, false) => wanted != observed,
            _ => true,
        };
    }
    !wanted.is_empty() && wanted != observed
}
