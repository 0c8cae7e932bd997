//! Actions of listeners and rules.

use crate::aws::sdk::{each, id, some};
use crate::aws_api::elbv2::{
    AuthenticationSession, CognitoAction, FixedResponseAction, ForwardAction, JwtAction, JwtClaim,
    ListenerAction, OidcAction, RedirectAction, TargetGroupStickiness, TargetGroupTuple,
};
use crate::aws_api::{Action, CloudError, Ref, Secret};
use aws_sdk_elasticloadbalancingv2::types::{self, ActionTypeEnum};
use std::collections::{BTreeMap, HashMap};

/// Actions as a call takes them: `Order` is the position, counted from 1.
pub(super) fn to_sdk(action: Action, actions: Vec<ListenerAction>) -> Result<Vec<types::Action>, CloudError> {
    (1..).zip(actions).map(|(order, step)| to_action(action, order, step)).collect()
}

/// Actions as AWS describes them, by `Order`; a type this version does not know is left out, so that the diff
/// replaces it.
pub(super) fn from_sdk(actions: Option<Vec<types::Action>>) -> Vec<ListenerAction> {
    let mut actions = actions.unwrap_or_default();
    actions.sort_by_key(|step| step.order);
    actions.into_iter().filter_map(listener_action).collect()
}

fn to_action(action: Action, order: i32, step: ListenerAction) -> Result<types::Action, CloudError> {
    let builder = types::Action::builder().order(order);
    let builder = match step {
        ListenerAction::Forward(forward) => return to_forward(action, builder, &forward),
        ListenerAction::Redirect(redirect) => {
            builder.r#type(ActionTypeEnum::Redirect).redirect_config(to_redirect(redirect))
        }
        ListenerAction::FixedResponse(answer) => {
            builder.r#type(ActionTypeEnum::FixedResponse).fixed_response_config(to_fixed_response(answer))
        }
        ListenerAction::AuthenticateCognito(cognito) => builder
            .r#type(ActionTypeEnum::AuthenticateCognito)
            .authenticate_cognito_config(to_cognito(cognito)),
        ListenerAction::AuthenticateOidc(oidc) => {
            builder.r#type(ActionTypeEnum::AuthenticateOidc).authenticate_oidc_config(to_oidc(oidc))
        }
        ListenerAction::JwtValidation(jwt) => {
            builder.r#type(ActionTypeEnum::JwtValidation).jwt_validation_config(to_jwt(jwt))
        }
    };
    Ok(builder.build())
}

fn to_forward(
    action: Action,
    builder: types::builders::ActionBuilder,
    forward: &ForwardAction,
) -> Result<types::Action, CloudError> {
    let ForwardAction { target_groups, stickiness, plain } = forward;
    let builder = builder.r#type(ActionTypeEnum::Forward);
    if let ([only], true) = (target_groups.as_slice(), *plain) {
        return Ok(builder.target_group_arn(id(action, &only.target_group)?).build());
    }
    let mut tuples = Vec::with_capacity(target_groups.len());
    for tuple in target_groups {
        let arn = id(action, &tuple.target_group)?;
        tuples
            .push(types::TargetGroupTuple::builder().target_group_arn(arn).set_weight(tuple.weight).build());
    }
    let config = types::ForwardActionConfig::builder()
        .set_target_groups(some(tuples))
        .set_target_group_stickiness_config(stickiness.as_ref().map(to_stickiness))
        .build();
    Ok(builder.forward_config(config).build())
}

fn to_stickiness(stickiness: &TargetGroupStickiness) -> types::TargetGroupStickinessConfig {
    types::TargetGroupStickinessConfig::builder()
        .set_enabled(stickiness.enabled)
        .set_duration_seconds(stickiness.duration_seconds)
        .build()
}

fn to_redirect(redirect: RedirectAction) -> types::RedirectActionConfig {
    let RedirectAction { host, path, port, protocol, query, status_code } = redirect;
    types::RedirectActionConfig::builder()
        .set_host(host)
        .set_path(path)
        .set_port(port)
        .set_protocol(protocol)
        .set_query(query)
        .status_code(status_code.as_str().into())
        .build()
}

fn to_fixed_response(answer: FixedResponseAction) -> types::FixedResponseActionConfig {
    let FixedResponseAction { content_type, message_body, status_code } = answer;
    types::FixedResponseActionConfig::builder()
        .set_content_type(content_type)
        .set_message_body(message_body)
        .status_code(status_code)
        .build()
}

fn to_cognito(cognito: CognitoAction) -> types::AuthenticateCognitoActionConfig {
    let CognitoAction { user_pool_arn, user_pool_client_id, user_pool_domain, session } = cognito;
    let AuthenticationSession {
        extra_params,
        on_unauthenticated_request,
        scope,
        session_cookie_name,
        session_timeout,
    } = session;
    types::AuthenticateCognitoActionConfig::builder()
        .user_pool_arn(user_pool_arn)
        .user_pool_client_id(user_pool_client_id)
        .user_pool_domain(user_pool_domain)
        .set_authentication_request_extra_params(to_extra_params(extra_params))
        .set_on_unauthenticated_request(on_unauthenticated_request.as_deref().map(Into::into))
        .set_scope(scope)
        .set_session_cookie_name(session_cookie_name)
        .set_session_timeout(session_timeout)
        .build()
}

fn to_oidc(oidc: OidcAction) -> types::AuthenticateOidcActionConfig {
    let OidcAction {
        issuer,
        authorization_endpoint,
        token_endpoint,
        user_info_endpoint,
        client_id,
        client_secret,
        use_existing_client_secret,
        session,
    } = oidc;
    let AuthenticationSession {
        extra_params,
        on_unauthenticated_request,
        scope,
        session_cookie_name,
        session_timeout,
    } = session;
    types::AuthenticateOidcActionConfig::builder()
        .issuer(issuer)
        .authorization_endpoint(authorization_endpoint)
        .token_endpoint(token_endpoint)
        .user_info_endpoint(user_info_endpoint)
        .client_id(client_id.reveal())
        .set_client_secret(client_secret.map(|secret| secret.reveal().to_owned()))
        .set_use_existing_client_secret(use_existing_client_secret)
        .set_authentication_request_extra_params(to_extra_params(extra_params))
        .set_on_unauthenticated_request(on_unauthenticated_request.as_deref().map(Into::into))
        .set_scope(scope)
        .set_session_cookie_name(session_cookie_name)
        .set_session_timeout(session_timeout)
        .build()
}

fn to_extra_params(params: BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!params.is_empty()).then(|| params.into_iter().collect())
}

fn to_jwt(jwt: JwtAction) -> types::JwtValidationActionConfig {
    let JwtAction { jwks_endpoint, issuer, additional_claims } = jwt;
    types::JwtValidationActionConfig::builder()
        .jwks_endpoint(jwks_endpoint)
        .issuer(issuer)
        .set_additional_claims(some(additional_claims.into_iter().map(to_claim).collect()))
        .build()
}

fn to_claim(claim: JwtClaim) -> types::JwtValidationActionAdditionalClaim {
    let JwtClaim { format, name, values } = claim;
    types::JwtValidationActionAdditionalClaim::builder()
        .format(format.as_str().into())
        .name(name)
        .set_values(some(values))
        .build()
}

fn listener_action(sdk: types::Action) -> Option<ListenerAction> {
    match sdk.r#type? {
        ActionTypeEnum::Forward => {
            Some(ListenerAction::Forward(forward(sdk.forward_config, sdk.target_group_arn)))
        }
        ActionTypeEnum::Redirect => sdk.redirect_config.map(redirect).map(ListenerAction::Redirect),
        ActionTypeEnum::FixedResponse => {
            sdk.fixed_response_config.map(fixed_response).map(ListenerAction::FixedResponse)
        }
        ActionTypeEnum::AuthenticateCognito => {
            sdk.authenticate_cognito_config.map(cognito).map(ListenerAction::AuthenticateCognito)
        }
        ActionTypeEnum::AuthenticateOidc => {
            sdk.authenticate_oidc_config.map(oidc).map(ListenerAction::AuthenticateOidc)
        }
        ActionTypeEnum::JwtValidation => {
            sdk.jwt_validation_config.map(jwt).map(ListenerAction::JwtValidation)
        }
        _ => None,
    }
}

fn forward(config: Option<types::ForwardActionConfig>, arn: Option<String>) -> ForwardAction {
    let Some(config) = config else {
        let only = arn.map(|arn| TargetGroupTuple { target_group: Ref::Known(arn), weight: None });
        return ForwardAction { target_groups: only.into_iter().collect(), stickiness: None, plain: true };
    };
    ForwardAction {
        target_groups: each(config.target_groups, |tuple| TargetGroupTuple {
            target_group: Ref::Known(tuple.target_group_arn.unwrap_or_default()),
            weight: tuple.weight,
        }),
        stickiness: config.target_group_stickiness_config.map(|stickiness| TargetGroupStickiness {
            enabled: stickiness.enabled,
            duration_seconds: stickiness.duration_seconds,
        }),
        plain: false,
    }
}

fn redirect(sdk: types::RedirectActionConfig) -> RedirectAction {
    RedirectAction {
        host: sdk.host,
        path: sdk.path,
        port: sdk.port,
        protocol: sdk.protocol,
        query: sdk.query,
        status_code: sdk.status_code.map(|code| code.as_str().to_owned()).unwrap_or_default(),
    }
}

fn fixed_response(sdk: types::FixedResponseActionConfig) -> FixedResponseAction {
    FixedResponseAction {
        content_type: sdk.content_type,
        message_body: sdk.message_body,
        status_code: sdk.status_code.unwrap_or_default(),
    }
}

fn cognito(sdk: types::AuthenticateCognitoActionConfig) -> CognitoAction {
    CognitoAction {
        user_pool_arn: sdk.user_pool_arn.unwrap_or_default(),
        user_pool_client_id: sdk.user_pool_client_id.unwrap_or_default(),
        user_pool_domain: sdk.user_pool_domain.unwrap_or_default(),
        session: AuthenticationSession {
            extra_params: extra_params(sdk.authentication_request_extra_params),
            on_unauthenticated_request: sdk
                .on_unauthenticated_request
                .map(|behaviour| behaviour.as_str().to_owned()),
            scope: sdk.scope,
            session_cookie_name: sdk.session_cookie_name,
            session_timeout: sdk.session_timeout,
        },
    }
}

fn oidc(sdk: types::AuthenticateOidcActionConfig) -> OidcAction {
    OidcAction {
        issuer: sdk.issuer.unwrap_or_default(),
        authorization_endpoint: sdk.authorization_endpoint.unwrap_or_default(),
        token_endpoint: sdk.token_endpoint.unwrap_or_default(),
        user_info_endpoint: sdk.user_info_endpoint.unwrap_or_default(),
        client_id: Secret::new(sdk.client_id.unwrap_or_default()),
        client_secret: sdk.client_secret.map(Secret::new),
        use_existing_client_secret: sdk.use_existing_client_secret,
        session: AuthenticationSession {
            extra_params: extra_params(sdk.authentication_request_extra_params),
            on_unauthenticated_request: sdk
                .on_unauthenticated_request
                .map(|behaviour| behaviour.as_str().to_owned()),
            scope: sdk.scope,
            session_cookie_name: sdk.session_cookie_name,
            session_timeout: sdk.session_timeout,
        },
    }
}

fn extra_params(params: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    params.unwrap_or_default().into_iter().collect()
}

fn jwt(sdk: types::JwtValidationActionConfig) -> JwtAction {
    JwtAction {
        jwks_endpoint: sdk.jwks_endpoint.unwrap_or_default(),
        issuer: sdk.issuer.unwrap_or_default(),
        additional_claims: each(sdk.additional_claims, |claim| JwtClaim {
            format: claim.format.map(|format| format.as_str().to_owned()).unwrap_or_default(),
            name: claim.name.unwrap_or_default(),
            values: claim.values.unwrap_or_default(),
        }),
    }
}
