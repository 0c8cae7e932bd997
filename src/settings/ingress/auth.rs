//! Log-in actions (upstream's `pkg/ingress/model_build_actions.go`).

use super::member_reader::MemberReader;
use crate::annotations::ingress::auth::{AuthConfig, AuthType, CognitoProvider, OidcProvider};
use crate::api::ObjectKey;
use crate::aws_api::Secret;
use crate::aws_api::elbv2::{AuthenticationSession, CognitoAction, ListenerAction, OidcAction};
use crate::facts::BuildError;
use crate::settings::Origin;
use std::collections::BTreeMap;

/// The log-in that comes before a backend, if any.
pub(super) fn read(
    reader: &mut MemberReader<'_, '_>,
    auth: &AuthConfig,
    field: &str,
) -> Result<Option<ListenerAction>, BuildError> {
    match (auth.kind, &auth.cognito, &auth.oidc) {
        (AuthType::None, _, _) => Ok(None),
        (AuthType::Cognito, Some(provider), _) => Ok(Some(cognito(auth, provider))),
        (AuthType::Oidc, _, Some(provider)) => oidc(reader, auth, provider, field).map(Some),
        (AuthType::Cognito, None, _) => Err(missing(reader, "auth-idp-cognito", "cognito")),
        (AuthType::Oidc, _, None) => Err(missing(reader, "auth-idp-oidc", "oidc")),
    }
}

fn missing(reader: &MemberReader<'_, '_>, suffix: &str, kind: &str) -> BuildError {
    reader.member.origin(suffix).error(format!("is missing, although auth-type is {kind}")).into()
}

fn cognito(auth: &AuthConfig, provider: &CognitoProvider) -> ListenerAction {
    ListenerAction::AuthenticateCognito(CognitoAction {
        user_pool_arn: provider.user_pool_arn.clone(),
        user_pool_client_id: provider.user_pool_client_id.clone(),
        user_pool_domain: provider.user_pool_domain.clone(),
        session: session(auth, &provider.extra_params),
    })
}

fn oidc(
    reader: &mut MemberReader<'_, '_>,
    auth: &AuthConfig,
    provider: &OidcProvider,
    field: &str,
) -> Result<ListenerAction, BuildError> {
    let namespace = reader.member.namespace();
    reader.contribution.secrets.insert(ObjectKey::namespaced(namespace, provider.secret_name.as_str()));
    let place = format!("secret {namespace}/{}", provider.secret_name);
    let origin = Origin::field(&reader.member.object, field);
    let contents = reader.group.facts.secret(namespace, &provider.secret_name)??;
    let contents = contents.as_ref().ok_or_else(|| origin.error(format!("{place} does not exist")))?;
    let lacks = |key: &str| origin.error(format!("{place} has no key {key}, which auth-idp-oidc needs"));
    let client_id = contents.get("clientID").or_else(|| contents.get("clientId"));
    let client_id = client_id.ok_or_else(|| lacks("clientID"))?;
    let client_secret = contents.get("clientSecret").ok_or_else(|| lacks("clientSecret"))?;
    Ok(ListenerAction::AuthenticateOidc(OidcAction {
        issuer: provider.issuer.clone(),
        authorization_endpoint: provider.authorization_endpoint.clone(),
        token_endpoint: provider.token_endpoint.clone(),
        user_info_endpoint: provider.user_info_endpoint.clone(),
        client_id: Secret::new(client_id.reveal().trim_end()),
        client_secret: Some(Secret::new(client_secret.reveal().trim_end_matches(char::is_control))),
        use_existing_client_secret: None,
        session: session(auth, &provider.extra_params),
    }))
}

fn session(auth: &AuthConfig, extra_params: &BTreeMap<String, String>) -> AuthenticationSession {
    AuthenticationSession {
        extra_params: extra_params.clone(),
        on_unauthenticated_request: Some(auth.on_unauthenticated_request.clone()),
        scope: Some(auth.scope.clone()),
        session_cookie_name: Some(auth.session_cookie.clone()),
        session_timeout: Some(auth.session_timeout),
    }
}
