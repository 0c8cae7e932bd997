//! Certificates that a listener has besides its default one.

use super::listener::is_tls;
use crate::{
    World,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    AddListenerCertificate, DescribeListenerCertificates, ListenerCertificate, Page,
    RemoveListenerCertificate,
};

impl World {
    pub(crate) fn describe_listener_certificates(
        &self,
        request: &DescribeListenerCertificates,
    ) -> CallResult<Page<ListenerCertificate>> {
        let listener = self.elb.listener(&request.listener_arn)?;
        let entry = |is_default: bool, arn: &String| {
            let order = if is_default { "0" } else { "1" };
            (format!("{order}{arn}"), ListenerCertificate { arn: arn.clone(), is_default })
        };
        let default = listener.described.certificates.iter().map(|arn| entry(true, arn));
        let extra = listener.extra_certificates.iter().map(|arn| entry(false, arn));
        self.elb_page(default.chain(extra), request.marker.as_deref())
    }

    pub(crate) fn add_listener_certificate(&mut self, request: &AddListenerCertificate) -> CallResult<()> {
        let listener = &self.elb.listener(&request.listener_arn)?;
        let protocol = &listener.described.protocol;
        ensure(is_tls(protocol), || {
            refuse("OperationNotPermitted", format!("Certificates cannot be added to {protocol} listeners"))
        })?;
        let arn = request.certificate_arn.resolved()?;
        self.check_certificate(arn)?;
        let lb = &listener.described.load_balancer_arn;
        let count: usize =
            self.elb.listeners_of(lb).map(|(_, listener)| listener.extra_certificates.len()).sum();
        let known = listener.extra_certificates.contains(arn);
        ensure(known || count < self.settings.quotas.certificates, || {
            refuse(
                "TooManyCertificates",
                format!("The maximum number of certificates on load balancer '{lb}' has been reached"),
            )
        })?;
        self.elb.listener_mut(&request.listener_arn)?.extra_certificates.insert(arn.to_owned());
        Ok(())
    }

    pub(crate) fn remove_listener_certificate(
        &mut self,
        request: &RemoveListenerCertificate,
    ) -> CallResult<()> {
        let listener = self.elb.listener_mut(&request.listener_arn)?;
        let arn = request.certificate_arn.resolved()?;
        let removed = listener.extra_certificates.remove(arn);
        let is_default = listener.described.certificates.iter().any(|default| default == arn);
        ensure(removed || !is_default, || {
            refuse("OperationNotPermitted", format!("Default certificate '{arn}' cannot be removed"))
        })
    }
}
