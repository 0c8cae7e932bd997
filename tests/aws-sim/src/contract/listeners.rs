//! Clauses about listeners.

use super::*;
use aws_load_balancer_controller::cloud::Secret;

impl Ground {
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

pub(super) async fn a_port_belongs_to_one_listener(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    ground.http_listener(&lb, 80).await?;
    let group = ground.send(ground.ip_group(Protocol::Http)).await?;
    let other = listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])]);
    refused(ground.send(other).await, "DuplicateListener")
}

pub(super) async fn the_same_listener_twice_is_one(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let first = ground.http_listener(&lb, 80).await?;
    same(ground.http_listener(&lb, 80).await?.arn, first.arn)
}

pub(super) async fn tls_needs_a_certificate(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let mut request = ground.https_on(&lb);
    request.settings.certificate = None;
    refused(ground.send(request.clone()).await, "ValidationError")?;
    request.settings.certificate = Some(format!("{}0", ground.id("CERT_1")).into());
    refused(ground.send(request).await, "CertificateNotFound")
}

pub(super) async fn https_gets_the_default_policy(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let listener = ground.send(ground.https_on(&lb)).await?;
    same(listener.ssl_policy.as_deref(), Some("ELBSecurityPolicy-2016-08"))?;
    same(listener.mutual_authentication.map(|mutual| mutual.mode).as_deref(), Some("off"))
}

pub(super) async fn more_certificates_can_be_added_but_the_default_stays(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let arn = Ref::from(ground.send(ground.https_on(&lb)).await?.arn);
    let certificate = |name: &str| Ref::from(ground.id(name));
    let add = |name| AddListenerCertificate { listener_arn: arn.clone(), certificate_arn: certificate(name) };
    let remove =
        |name| RemoveListenerCertificate { listener_arn: arn.clone(), certificate_arn: certificate(name) };
    ground.send(add("CERT_2")).await?;
    let asked = DescribeListenerCertificates { listener_arn: arn.clone(), marker: None };
    let found = ground.send(asked).await?.items.into_iter().map(|entry| (entry.arn, entry.is_default));
    same(found.collect(), vec![(ground.id("CERT_1"), true), (ground.id("CERT_2"), false)])?;
    refused(ground.send(remove("CERT_1")).await, "OperationNotPermitted")?;
    Ok(ground.send(remove("CERT_2")).await?)
}

pub(super) async fn deleting_a_load_balancer_deletes_its_listeners(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let listener = ground.http_listener(&lb, 80).await?;
    let rule = ground.rule(&listener, 1).await?;
    ground.send(DeleteLoadBalancer { arn: lb.arn.into() }).await?;
    refused(ground.send(DeleteListener { arn: listener.arn.into() }).await, "ListenerNotFound")?;
    refused(ground.send(DeleteRule { arn: rule.arn.into() }).await, "RuleNotFound")
}

pub(super) async fn a_listener_can_change_protocol(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let listener = ground.http_listener(&lb, 443).await?;
    let settings = ground.https_on(&lb).settings;
    ground.send(ModifyListener { arn: listener.arn.as_str().into(), settings }).await?;
    let found =
        ground.listeners(&lb).await?.into_iter().map(|found| (found.arn, found.protocol, found.certificates));
    same(found.collect(), vec![(listener.arn, Protocol::Https, vec![ground.id("CERT_1")])])
}

pub(super) async fn a_trust_store_is_needed_to_verify_clients(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let mut request = ground.https_on(&lb);
    let mut verify = MutualAuthentication { mode: "verify".to_owned(), ..MutualAuthentication::default() };
    request.settings.mutual_authentication = Some(verify.clone());
    refused(ground.send(request.clone()).await, "ValidationError")?;
    verify.trust_store_arn = Some(ground.id("TRUST_1"));
    request.settings.mutual_authentication = Some(verify);
    let found = ground
        .send(request)
        .await?
        .mutual_authentication
        .and_then(|mutual| mutual.ignore_client_certificate_expiry);
    same(found, Some(false))
}

pub(super) async fn a_redirect_to_itself_is_refused(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
    let redirect = |protocol: Option<&str>| {
        let protocol = protocol.map(str::to_owned);
        ListenerAction::Redirect(RedirectAction {
            protocol,
            status_code: "HTTP_301".to_owned(),
            ..RedirectAction::default()
        })
    };
    refused(ground.send(listener_on(&lb, 80, vec![redirect(None)])).await, "InvalidLoadBalancerAction")?;
    let listener = ground.send(listener_on(&lb, 80, vec![redirect(Some("HTTPS"))])).await?;
    let host = |action: &ListenerAction| match action {
        ListenerAction::Redirect(redirect) => redirect.host.clone(),
        _ => None,
    };
    same(listener.default_actions.iter().map(host).collect(), vec![Some("#{host}".to_owned())])
}

pub(super) async fn oidc_secrets_are_never_shown(ground: Ground) -> Kept {
    let lb = ground.alb().await?;
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
    refused(ground.send(listener_on(&lb, 80, actions.clone())).await, "InvalidLoadBalancerAction")?;
    let mut request = ground.https_on(&lb);
    request.settings.default_actions = actions;
    let listener = ground.send(request).await?;
    let shown = |action: &ListenerAction| match action {
        ListenerAction::AuthenticateOidc(oidc) => {
            Some((oidc.client_secret.is_some(), oidc.session.session_timeout))
        }
        _ => None,
    };
    same(listener.default_actions.first().and_then(shown), Some((false, Some(604_800))))
}
