//! Listeners, their certificates and trust stores.

use super::{actions, tags};
use crate::aws::sdk::{answered, done, each, id, lacks, named, some};
use crate::aws_api::elbv2::{
    AddListenerCertificate, CreateListener, DeleteListener, DescribeListenerCertificates, DescribeListeners,
    DescribeTrustStores, Listener, ListenerCertificate, ListenerSettings, ModifyListener,
    MutualAuthentication, Page, Protocol, RemoveListenerCertificate, TrustStore,
};
use crate::aws_api::{Action, CloudError, Ref};
use aws_sdk_elasticloadbalancingv2::{Client, types};

pub(super) async fn describe(
    client: &Client,
    request: DescribeListeners,
) -> Result<Page<Listener>, CloudError> {
    const ACTION: Action = Action::DescribeListeners;
    let call = client
        .describe_listeners()
        .load_balancer_arn(id(ACTION, &request.load_balancer_arn)?)
        .set_marker(request.marker);
    let answer = answered(ACTION, call.send().await)?;
    let items = named(ACTION, each(answer.listeners, listener), |one| &one.arn)?;
    Ok(Page { items, next_marker: answer.next_marker })
}

pub(super) async fn create(client: &Client, request: CreateListener) -> Result<Listener, CloudError> {
    const ACTION: Action = Action::CreateListener;
    let settings = to_settings(ACTION, request.settings)?;
    let call = client
        .create_listener()
        .load_balancer_arn(id(ACTION, &request.load_balancer_arn)?)
        .port(settings.port)
        .protocol(settings.protocol)
        .set_default_actions(settings.default_actions)
        .set_certificates(settings.certificates)
        .set_ssl_policy(settings.ssl_policy)
        .set_alpn_policy(settings.alpn_policy)
        .set_mutual_authentication(settings.mutual_authentication)
        .set_tags(tags::to_sdk(request.tags));
    let answer = answered(ACTION, call.send().await)?;
    let created = answer.listeners.unwrap_or_default().into_iter().next();
    created.map(listener).filter(|one| !one.arn.is_empty()).ok_or_else(|| lacks(ACTION, "listener"))
}

pub(super) async fn modify(client: &Client, request: ModifyListener) -> Result<(), CloudError> {
    const ACTION: Action = Action::ModifyListener;
    let settings = to_settings(ACTION, request.settings)?;
    let call = client
        .modify_listener()
        .listener_arn(id(ACTION, &request.arn)?)
        .port(settings.port)
        .protocol(settings.protocol)
        .set_default_actions(settings.default_actions)
        .set_certificates(settings.certificates)
        .set_ssl_policy(settings.ssl_policy)
        .set_alpn_policy(settings.alpn_policy)
        .set_mutual_authentication(settings.mutual_authentication);
    done(ACTION, call.send().await)
}

pub(super) async fn delete(client: &Client, request: DeleteListener) -> Result<(), CloudError> {
    const ACTION: Action = Action::DeleteListener;
    let call = client.delete_listener().listener_arn(id(ACTION, &request.arn)?);
    done(ACTION, call.send().await)
}

pub(super) async fn describe_certificates(
    client: &Client,
    request: DescribeListenerCertificates,
) -> Result<Page<ListenerCertificate>, CloudError> {
    const ACTION: Action = Action::DescribeListenerCertificates;
    let call = client
        .describe_listener_certificates()
        .listener_arn(id(ACTION, &request.listener_arn)?)
        .set_marker(request.marker);
    let answer = answered(ACTION, call.send().await)?;
    let items = each(answer.certificates, |certificate| ListenerCertificate {
        arn: certificate.certificate_arn.unwrap_or_default(),
        is_default: certificate.is_default.unwrap_or_default(),
    });
    let items = named(ACTION, items, |one| &one.arn)?;
    Ok(Page { items, next_marker: answer.next_marker })
}

pub(super) async fn add_certificate(
    client: &Client,
    request: AddListenerCertificate,
) -> Result<(), CloudError> {
    const ACTION: Action = Action::AddListenerCertificate;
    let call = client
        .add_listener_certificates()
        .listener_arn(id(ACTION, &request.listener_arn)?)
        .certificates(to_certificate(ACTION, &request.certificate_arn)?);
    done(ACTION, call.send().await)
}

pub(super) async fn remove_certificate(
    client: &Client,
    request: RemoveListenerCertificate,
) -> Result<(), CloudError> {
    const ACTION: Action = Action::RemoveListenerCertificate;
    let call = client
        .remove_listener_certificates()
        .listener_arn(id(ACTION, &request.listener_arn)?)
        .certificates(to_certificate(ACTION, &request.certificate_arn)?);
    done(ACTION, call.send().await)
}

pub(super) async fn describe_trust_stores(
    client: &Client,
    request: DescribeTrustStores,
) -> Result<Page<TrustStore>, CloudError> {
    let call = client.describe_trust_stores().set_names(some(request.names)).set_marker(request.marker);
    let answer = answered(Action::DescribeTrustStores, call.send().await)?;
    let items = each(answer.trust_stores, |store| TrustStore {
        name: store.name.unwrap_or_default(),
        arn: store.trust_store_arn.unwrap_or_default(),
    });
    let items = named(Action::DescribeTrustStores, items, |one| &one.arn)?;
    Ok(Page { items, next_marker: answer.next_marker })
}

/// [`ListenerSettings`] in the SDK's types.
struct SdkSettings {
    port: i32,
    protocol: types::ProtocolEnum,
    default_actions: Option<Vec<types::Action>>,
    certificates: Option<Vec<types::Certificate>>,
    ssl_policy: Option<String>,
    alpn_policy: Option<Vec<String>>,
    mutual_authentication: Option<types::MutualAuthenticationAttributes>,
}

fn to_settings(action: Action, settings: ListenerSettings) -> Result<SdkSettings, CloudError> {
    let ListenerSettings {
        port,
        protocol,
        default_actions,
        certificate,
        ssl_policy,
        alpn_policy,
        mutual_authentication,
    } = settings;
    Ok(SdkSettings {
        port,
        protocol: protocol.as_str().into(),
        default_actions: some(actions::to_sdk(action, default_actions)?),
        certificates: certificate
            .map(|arn| to_certificate(action, &arn).map(|certificate| vec![certificate]))
            .transpose()?,
        ssl_policy,
        alpn_policy: some(alpn_policy),
        mutual_authentication: mutual_authentication.map(to_mutual_authentication),
    })
}

fn to_certificate(action: Action, arn: &Ref) -> Result<types::Certificate, CloudError> {
    Ok(types::Certificate::builder().certificate_arn(id(action, arn)?).build())
}

fn to_mutual_authentication(settings: MutualAuthentication) -> types::MutualAuthenticationAttributes {
    let MutualAuthentication {
        mode,
        trust_store_arn,
        ignore_client_certificate_expiry,
        advertise_trust_store_ca_names,
    } = settings;
    types::MutualAuthenticationAttributes::builder()
        .mode(mode)
        .set_trust_store_arn(trust_store_arn)
        .set_ignore_client_certificate_expiry(ignore_client_certificate_expiry)
        .set_advertise_trust_store_ca_names(advertise_trust_store_ca_names.as_deref().map(Into::into))
        .build()
}

fn listener(sdk: types::Listener) -> Listener {
    Listener {
        arn: sdk.listener_arn.unwrap_or_default(),
        load_balancer_arn: sdk.load_balancer_arn.unwrap_or_default(),
        port: sdk.port.unwrap_or_default(),
        protocol: Protocol::from(sdk.protocol.as_ref().map_or("", |protocol| protocol.as_str())),
        default_actions: actions::from_sdk(sdk.default_actions),
        certificates: sdk
            .certificates
            .unwrap_or_default()
            .into_iter()
            .filter_map(|certificate| certificate.certificate_arn)
            .collect(),
        ssl_policy: sdk.ssl_policy,
        alpn_policy: sdk.alpn_policy.unwrap_or_default(),
        mutual_authentication: sdk.mutual_authentication.map(mutual_authentication),
    }
}

fn mutual_authentication(sdk: types::MutualAuthenticationAttributes) -> MutualAuthentication {
    MutualAuthentication {
        mode: sdk.mode.unwrap_or_default(),
        trust_store_arn: sdk.trust_store_arn,
        ignore_client_certificate_expiry: sdk.ignore_client_certificate_expiry,
        advertise_trust_store_ca_names: sdk
            .advertise_trust_store_ca_names
            .map(|value| value.as_str().to_owned()),
    }
}
