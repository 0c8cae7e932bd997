//! Clauses about listeners.

use super::*;
use aws_load_balancer_controller::aws_api::Secret;

impl TestAccount {
    fn https_on(&self, lb: &LoadBalancer) -> CreateListener {
        let mut request = listener_on(lb, 443, vec![not_found()]);
        request.settings.protocol = Protocol::Https;
        request.settings.certificate = Some(self.id("CERT_1").into());
        request
    }

    async fn listeners(&self, lb: &LoadBalancer) -> Result<Vec<Listener>, CloudError> {
        let request = DescribeListeners { load_balancer_arn: lb.arn.as_str().into(), marker: None };
        Ok(self.send(request).await?.items)
    }
}

pub(super) async fn a_port_belongs_to_one_listener(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    account.http_listener(&lb, 80).await?;
    let group = account.send(account.ip_group(Protocol::Http)).await?;
    let other = listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])]);
    refused(account.send(other).await, "DuplicateListener")
}

pub(super) async fn the_same_listener_twice_is_one(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let first = account.http_listener(&lb, 80).await?;
    same(account.http_listener(&lb, 80).await?.arn, first.arn)
}

pub(super) async fn tls_needs_a_certificate(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let mut request = account.https_on(&lb);
    request.settings.certificate = None;
    refused(account.send(request.clone()).await, "ValidationError")?;
    request.settings.certificate = Some(format!("{}0", account.id("CERT_1")).into());
    refused(account.send(request).await, "CertificateNotFound")
}

pub(super) async fn https_gets_the_default_policy(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let listener = account.send(account.https_on(&lb)).await?;
    same(listener.ssl_policy.as_deref(), Some("ELBSecurityPolicy-2016-08"))?;
    same(listener.mutual_authentication.map(|mutual| mutual.mode).as_deref(), Some("off"))
}

pub(super) async fn more_certificates_can_be_added_but_the_default_stays(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let arn = Ref::from(account.send(account.https_on(&lb)).await?.arn);
    let certificate = |name: &str| Ref::from(account.id(name));
    let add = |name| AddListenerCertificate { listener_arn: arn.clone(), certificate_arn: certificate(name) };
    let remove =
        |name| RemoveListenerCertificate { listener_arn: arn.clone(), certificate_arn: certificate(name) };
    account.send(add("CERT_2")).await?;
    let asked = DescribeListenerCertificates { listener_arn: arn.clone(), marker: None };
    let found = account.send(asked).await?.items.into_iter().map(|entry| (entry.arn, entry.is_default));
    same(found.collect(), vec![(account.id("CERT_1"), true), (account.id("CERT_2"), false)])?;
    refused(account.send(remove("CERT_1")).await, "OperationNotPermitted")?;
    Ok(account.send(remove("CERT_2")).await?)
}

pub(super) async fn deleting_a_load_balancer_deletes_its_listeners(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let listener = account.http_listener(&lb, 80).await?;
    let rule = account.rule(&listener, 1).await?;
    account.send(DeleteLoadBalancer { arn: lb.arn.into() }).await?;
    refused(account.send(DeleteListener { arn: listener.arn.into() }).await, "ListenerNotFound")?;
    refused(account.send(DeleteRule { arn: rule.arn.into() }).await, "RuleNotFound")
}

pub(super) async fn a_listener_can_change_protocol(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let listener = account.http_listener(&lb, 443).await?;
    let settings = account.https_on(&lb).settings;
    account.send(ModifyListener { arn: listener.arn.as_str().into(), settings }).await?;
    let found = account
        .listeners(&lb)
        .await?
        .into_iter()
        .map(|found| (found.arn, found.protocol, found.certificates));
    same(found.collect(), vec![(listener.arn, Protocol::Https, vec![account.id("CERT_1")])])
}

pub(super) async fn a_trust_store_is_needed_to_verify_clients(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let mut request = account.https_on(&lb);
    let mut verify = MutualAuthentication { mode: "verify".to_owned(), ..MutualAuthentication::default() };
    request.settings.mutual_authentication = Some(verify.clone());
    refused(account.send(request.clone()).await, "ValidationError")?;
    verify.trust_store_arn = Some(account.id("TRUST_1"));
    request.settings.mutual_authentication = Some(verify);
    let found = account
        .send(request)
        .await?
        .mutual_authentication
        .and_then(|mutual| mutual.ignore_client_certificate_expiry);
    same(found, Some(false))
}

pub(super) async fn a_redirect_to_itself_is_refused(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let redirect = |protocol: Option<&str>| {
        let protocol = protocol.map(str::to_owned);
        ListenerAction::Redirect(RedirectAction {
            protocol,
            status_code: "HTTP_301".to_owned(),
            ..RedirectAction::default()
        })
    };
    refused(account.send(listener_on(&lb, 80, vec![redirect(None)])).await, "InvalidLoadBalancerAction")?;
    let listener = account.send(listener_on(&lb, 80, vec![redirect(Some("HTTPS"))])).await?;
    let host = |action: &ListenerAction| match action {
        ListenerAction::Redirect(redirect) => redirect.host.clone(),
        _ => None,
    };
    same(listener.default_actions.iter().map(host).collect(), vec![Some("#{host}".to_owned())])
}

pub(super) async fn oidc_secrets_are_never_shown(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let url = |path: &str| format!("https://id.example.com/{path}");
    let oidc = OidcAction {
        issuer: url(""),
        authorization_endpoint: url("authorize"),
        token_endpoint: url("token"),
        user_info_endpoint: url("user"),
        client_id: Secret::new("client"),
        client_secret: Some(Secret::new("secret")),
        ..OidcAction::default()
    };
    let actions = vec![ListenerAction::AuthenticateOidc(oidc), not_found()];
    refused(account.send(listener_on(&lb, 80, actions.clone())).await, "InvalidLoadBalancerAction")?;
    let mut request = account.https_on(&lb);
    request.settings.default_actions = actions;
    let listener = account.send(request).await?;
    let shown = |action: &ListenerAction| match action {
        ListenerAction::AuthenticateOidc(oidc) => {
            Some((oidc.client_secret.is_some(), oidc.session.session_timeout))
        }
        _ => None,
    };
    same(listener.default_actions.first().and_then(shown), Some((false, Some(604_800))))
}
