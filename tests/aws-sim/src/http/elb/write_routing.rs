//! Listeners and rules as Elastic Load Balancing writes them.

use crate::http::xml::Xml;
use aws_load_balancer_controller::aws_api::elbv2::*;

pub(super) fn listener(xml: &mut Xml, listener: &Listener) {
    xml.leaf("ListenerArn", &listener.arn);
    xml.leaf("LoadBalancerArn", &listener.load_balancer_arn);
    xml.leaf("Port", listener.port);
    xml.leaf("Protocol", &listener.protocol);
    if !listener.certificates.is_empty() {
        xml.members("Certificates", &listener.certificates, |xml, arn| xml.leaf("CertificateArn", arn));
    }
    xml.maybe("SslPolicy", listener.ssl_policy.as_ref());
    actions(xml, "DefaultActions", &listener.default_actions);
    if !listener.alpn_policy.is_empty() {
        xml.texts("AlpnPolicy", &listener.alpn_policy);
    }
    if let Some(mutual) = &listener.mutual_authentication {
        xml.node("MutualAuthentication", |xml| {
            xml.leaf("Mode", &mutual.mode);
            xml.maybe("TrustStoreArn", mutual.trust_store_arn.as_ref());
            xml.maybe("IgnoreClientCertificateExpiry", mutual.ignore_client_certificate_expiry);
            xml.maybe("AdvertiseTrustStoreCaNames", mutual.advertise_trust_store_ca_names.as_ref());
        });
    }
}

pub(super) fn rule(xml: &mut Xml, rule: &Rule) {
    xml.leaf("RuleArn", &rule.arn);
    match rule.priority {
        Some(priority) => xml.leaf("Priority", priority),
        None => xml.leaf("Priority", "default"),
    }
    xml.members("Conditions", &rule.conditions, condition);
    actions(xml, "Actions", &rule.actions);
    xml.leaf("IsDefault", rule.priority.is_none());
    xml.members("Transforms", &rule.transforms, transform);
}

fn actions(xml: &mut Xml, tag: &str, actions: &[ListenerAction]) {
    let ordered = actions.len() > 1;
    xml.members(tag, (1..).zip(actions), |xml, (order, action): (usize, _)| {
        xml.leaf("Type", kind(action));
        xml.maybe("Order", ordered.then_some(order));
        config(xml, action);
    });
}

fn kind(action: &ListenerAction) -> &'static str {
    match action {
        ListenerAction::Forward(_) => "forward",
        ListenerAction::Redirect(_) => "redirect",
        ListenerAction::FixedResponse(_) => "fixed-response",
        ListenerAction::AuthenticateCognito(_) => "authenticate-cognito",
        ListenerAction::AuthenticateOidc(_) => "authenticate-oidc",
        ListenerAction::JwtValidation(_) => "jwt-validation",
    }
}

fn config(xml: &mut Xml, action: &ListenerAction) {
    match action {
        ListenerAction::Forward(action) => forward(xml, action),
        ListenerAction::Redirect(action) => xml.node("RedirectConfig", |xml| redirect(xml, action)),
        ListenerAction::FixedResponse(action) => xml.node("FixedResponseConfig", |xml| {
            xml.maybe("ContentType", action.content_type.as_ref());
            xml.maybe("MessageBody", action.message_body.as_ref());
            xml.leaf("StatusCode", &action.status_code);
        }),
        ListenerAction::AuthenticateCognito(action) => xml.node("AuthenticateCognitoConfig", |xml| {
            xml.leaf("UserPoolArn", &action.user_pool_arn);
            xml.leaf("UserPoolClientId", &action.user_pool_client_id);
            xml.leaf("UserPoolDomain", &action.user_pool_domain);
            session(xml, &action.session);
        }),
        ListenerAction::AuthenticateOidc(action) => {
            xml.node("AuthenticateOidcConfig", |xml| oidc(xml, action));
        }
        ListenerAction::JwtValidation(action) => xml.node("JwtValidationConfig", |xml| jwt(xml, action)),
    }
}

/// A forward in both of its forms: a single target group also stands outside its `ForwardConfig`.
fn forward(xml: &mut Xml, action: &ForwardAction) {
    if let [only] = action.target_groups.as_slice() {
        xml.leaf("TargetGroupArn", &only.target_group);
    }
    xml.node("ForwardConfig", |xml| {
        xml.members("TargetGroups", &action.target_groups, |xml, tuple| {
            xml.leaf("TargetGroupArn", &tuple.target_group);
            xml.maybe("Weight", tuple.weight);
        });
        if let Some(sticky) = &action.stickiness {
            xml.node("TargetGroupStickinessConfig", |xml| {
                xml.maybe("Enabled", sticky.enabled);
                xml.maybe("DurationSeconds", sticky.duration_seconds);
            });
        }
    });
}

fn redirect(xml: &mut Xml, action: &RedirectAction) {
    xml.maybe("Protocol", action.protocol.as_ref());
    xml.maybe("Port", action.port.as_ref());
    xml.maybe("Host", action.host.as_ref());
    xml.maybe("Path", action.path.as_ref());
    xml.maybe("Query", action.query.as_ref());
    xml.leaf("StatusCode", &action.status_code);
}

fn oidc(xml: &mut Xml, action: &OidcAction) {
    xml.leaf("Issuer", &action.issuer);
    xml.leaf("AuthorizationEndpoint", &action.authorization_endpoint);
    xml.leaf("TokenEndpoint", &action.token_endpoint);
    xml.leaf("UserInfoEndpoint", &action.user_info_endpoint);
    xml.leaf("ClientId", action.client_id.reveal());
    session(xml, &action.session);
}

fn session(xml: &mut Xml, session: &AuthenticationSession) {
    if !session.extra_params.is_empty() {
        xml.node("AuthenticationRequestExtraParams", |xml| {
            for (key, value) in &session.extra_params {
                xml.node("entry", |xml| {
                    xml.leaf("key", key);
                    xml.leaf("value", value);
                });
            }
        });
    }
    xml.maybe("OnUnauthenticatedRequest", session.on_unauthenticated_request.as_ref());
    xml.maybe("Scope", session.scope.as_ref());
    xml.maybe("SessionCookieName", session.session_cookie_name.as_ref());
    xml.maybe("SessionTimeout", session.session_timeout);
}

fn jwt(xml: &mut Xml, action: &JwtAction) {
    xml.leaf("JwksEndpoint", &action.jwks_endpoint);
    xml.leaf("Issuer", &action.issuer);
    xml.members("AdditionalClaims", &action.additional_claims, |xml, claim| {
        xml.leaf("Format", &claim.format);
        xml.leaf("Name", &claim.name);
        xml.texts("Values", &claim.values);
    });
}

fn condition(xml: &mut Xml, condition: &RuleCondition) {
    xml.leaf("Field", condition.field());
    match condition {
        RuleCondition::HostHeader(one) => {
            values(xml, one);
            xml.node("HostHeaderConfig", |xml| values(xml, one));
        }
        RuleCondition::PathPattern(one) => {
            values(xml, one);
            xml.node("PathPatternConfig", |xml| values(xml, one));
        }
        RuleCondition::HttpHeader { name, values: one } => xml.node("HttpHeaderConfig", |xml| {
            xml.leaf("HttpHeaderName", name);
            values(xml, one);
        }),
        RuleCondition::HttpRequestMethod(methods) => {
            xml.node("HttpRequestMethodConfig", |xml| xml.texts("Values", methods));
        }
        RuleCondition::SourceIp(cidrs) => xml.node("SourceIpConfig", |xml| xml.texts("Values", cidrs)),
        RuleCondition::QueryString(pairs) => xml.node("QueryStringConfig", |xml| {
            xml.members("Values", pairs, |xml, (key, value)| {
                xml.maybe("Key", key.as_ref());
                xml.leaf("Value", value);
            });
        }),
    }
}

fn values(xml: &mut Xml, one: &ValuesOrRegexes) {
    if !one.values.is_empty() {
        xml.texts("Values", &one.values);
    }
    if !one.regexes.is_empty() {
        xml.texts("RegexValues", &one.regexes);
    }
}

fn transform(xml: &mut Xml, transform: &RuleTransform) {
    xml.leaf("Type", &transform.kind);
    let config = if transform.kind == "url-rewrite" { "UrlRewriteConfig" } else { "HostHeaderRewriteConfig" };
    xml.node(config, |xml| {
        xml.members("Rewrites", &transform.rewrites, |xml, (regex, replace)| {
            xml.leaf("Regex", regex);
            xml.leaf("Replace", replace);
        });
    });
}
