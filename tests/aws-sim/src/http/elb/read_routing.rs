//! Actions, conditions, transforms and mutual TLS as forms spell them.

use super::Node;
use crate::refusal::{CallResult, bad_value};
use aws_load_balancer_controller::aws_api::{Ref, Secret, elbv2::*};

/// The actions under a name, by their order.
pub(super) fn actions(form: &Node, name: &str) -> CallResult<Vec<ListenerAction>> {
    let mut ordered = Vec::new();
    for node in form.list(name) {
        ordered.push((node.number::<i32>("Order")?.unwrap_or_default(), action(node)?));
    }
    ordered.sort_by_key(|(order, _)| *order);
    Ok(ordered.into_iter().map(|(_, action)| action).collect())
}

fn action(node: &Node) -> CallResult<ListenerAction> {
    let kind = node.text_or_empty("Type");
    Ok(match kind.as_str() {
        "forward" => ListenerAction::Forward(forward(node)?),
        "redirect" => ListenerAction::Redirect(redirect(node.at("RedirectConfig"))),
        "fixed-response" => ListenerAction::FixedResponse(fixed_response(node.at("FixedResponseConfig"))),
        "authenticate-cognito" => {
            ListenerAction::AuthenticateCognito(cognito(node.at("AuthenticateCognitoConfig"))?)
        }
        "authenticate-oidc" => ListenerAction::AuthenticateOidc(oidc(node.at("AuthenticateOidcConfig"))?),
        "jwt-validation" => ListenerAction::JwtValidation(jwt(node.at("JwtValidationConfig"))),
        _ => return Err(bad_value(format!("Action type '{kind}' is not valid"))),
    })
}

fn forward(node: &Node) -> CallResult<ForwardAction> {
    let config = node.at("ForwardConfig");
    let tuple = |node: &Node| {
        let target_group = Ref::from(node.text_or_empty("TargetGroupArn"));
        Ok(TargetGroupTuple { target_group, weight: node.number("Weight")? })
    };
    let mut target_groups: Vec<_> =
        config.list("TargetGroups").into_iter().map(tuple).collect::<CallResult<_>>()?;
    let plain = target_groups.is_empty();
    if plain && let Some(arn) = node.text("TargetGroupArn") {
        target_groups.push(TargetGroupTuple { target_group: arn.into(), weight: None });
    }
    let sticky = config.at("TargetGroupStickinessConfig");
    let stickiness = TargetGroupStickiness {
        enabled: sticky.flag("Enabled"),
        duration_seconds: sticky.number("DurationSeconds")?,
    };
    let stickiness = Some(stickiness).filter(|given| *given != TargetGroupStickiness::default());
    Ok(ForwardAction { target_groups, stickiness, plain })
}

fn redirect(config: &Node) -> RedirectAction {
    RedirectAction {
        host: config.text("Host"),
        path: config.text("Path"),
        port: config.text("Port"),
        protocol: config.text("Protocol"),
        query: config.text("Query"),
        status_code: config.text_or_empty("StatusCode"),
    }
}

fn fixed_response(config: &Node) -> FixedResponseAction {
    FixedResponseAction {
        content_type: config.text("ContentType"),
        message_body: config.text("MessageBody"),
        status_code: config.text_or_empty("StatusCode"),
    }
}

fn cognito(config: &Node) -> CallResult<CognitoAction> {
    Ok(CognitoAction {
        user_pool_arn: config.text_or_empty("UserPoolArn"),
        user_pool_client_id: config.text_or_empty("UserPoolClientId"),
        user_pool_domain: config.text_or_empty("UserPoolDomain"),
        session: session(config)?,
    })
}

fn oidc(config: &Node) -> CallResult<OidcAction> {
    Ok(OidcAction {
        issuer: config.text_or_empty("Issuer"),
        authorization_endpoint: config.text_or_empty("AuthorizationEndpoint"),
        token_endpoint: config.text_or_empty("TokenEndpoint"),
        user_info_endpoint: config.text_or_empty("UserInfoEndpoint"),
        client_id: Secret::new(config.text_or_empty("ClientId")),
        client_secret: config.text("ClientSecret").map(Secret::new),
        use_existing_client_secret: config.flag("UseExistingClientSecret"),
        session: session(config)?,
    })
}

fn session(config: &Node) -> CallResult<AuthenticationSession> {
    let extra = config.pairs("AuthenticationRequestExtraParams", "key", "value");
    Ok(AuthenticationSession {
        extra_params: extra.into_iter().collect(),
        on_unauthenticated_request: config.text("OnUnauthenticatedRequest"),
        scope: config.text("Scope"),
        session_cookie_name: config.text("SessionCookieName"),
        session_timeout: config.number("SessionTimeout")?,
    })
}

fn jwt(config: &Node) -> JwtAction {
    let claim = |node: &Node| JwtClaim {
        format: node.text_or_empty("Format"),
        name: node.text_or_empty("Name"),
        values: node.texts("Values"),
    };
    JwtAction {
        jwks_endpoint: config.text_or_empty("JwksEndpoint"),
        issuer: config.text_or_empty("Issuer"),
        additional_claims: config.list("AdditionalClaims").into_iter().map(claim).collect(),
    }
}

pub(super) fn conditions(form: &Node) -> CallResult<Vec<RuleCondition>> {
    form.list("Conditions").into_iter().map(condition).collect()
}

fn condition(node: &Node) -> CallResult<RuleCondition> {
    let field = node.text_or_empty("Field");
    // The old form gives the values beside the field, the typed one within the field's own structure.
    let one = |config: &str| {
        let config = node.at(config);
        let pick = |name: &str| if config.has(name) { config.texts(name) } else { node.texts(name) };
        ValuesOrRegexes { values: pick("Values"), regexes: pick("RegexValues") }
    };
    Ok(match field.as_str() {
        "host-header" => RuleCondition::HostHeader(one("HostHeaderConfig")),
        "path-pattern" => RuleCondition::PathPattern(one("PathPatternConfig")),
        "http-header" => RuleCondition::HttpHeader {
            name: node.at("HttpHeaderConfig").text_or_empty("HttpHeaderName"),
            values: one("HttpHeaderConfig"),
        },
        "http-request-method" => {
            RuleCondition::HttpRequestMethod(node.at("HttpRequestMethodConfig").texts("Values"))
        }
        "source-ip" => RuleCondition::SourceIp(node.at("SourceIpConfig").texts("Values")),
        "query-string" => {
            let pair = |node: &Node| (node.text("Key"), node.text_or_empty("Value"));
            RuleCondition::QueryString(
                node.at("QueryStringConfig").list("Values").into_iter().map(pair).collect(),
            )
        }
        _ => return Err(bad_value(format!("Condition field '{field}' is not valid"))),
    })
}

pub(super) fn transforms(form: &Node) -> Vec<RuleTransform> {
    let transform = |node: &Node| {
        let kind = node.text_or_empty("Type");
        let config = if kind == "url-rewrite" { "UrlRewriteConfig" } else { "HostHeaderRewriteConfig" };
        RuleTransform { rewrites: node.at(config).pairs("Rewrites", "Regex", "Replace"), kind }
    };
    form.list("Transforms").into_iter().map(transform).collect()
}

pub(super) fn mutual_authentication(form: &Node) -> Option<MutualAuthentication> {
    let node = form.at("MutualAuthentication");
    Some(MutualAuthentication {
        mode: node.text("Mode")?,
        trust_store_arn: node.text("TrustStoreArn"),
        ignore_client_certificate_expiry: node.flag("IgnoreClientCertificateExpiry"),
        advertise_trust_store_ca_names: node.text("AdvertiseTrustStoreCaNames"),
    })
}
