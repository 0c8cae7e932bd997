//! The certificates of the Secrets that listeners name.
//!
//! A port has one listener in AWS: the certificates of all its listeners are on it, those of the first one first. A reference that
//! cannot be used is a problem of its listener; a port of which no reference can be used, or one cannot be looked up, keeps what AWS has.

use super::{GatewayReport, GatewayView};
use crate::facts::{BuildError, FactResult, Facts, LookupFailure, MissingLookups, SecretCertificate};
use crate::finding::{Finding, Part};
use crate::gateway::Controller;
use crate::gateway::attachment::{ListenerIndex, PortRoutes};
use crate::gateway::l4;
use crate::gateway::listeners::{ListenerProblem, ListenerReason};
use crate::settings::Origin;
use std::collections::BTreeMap;

/// ARNs by port, the default one first; ports without references are left out. `Err`: no reference of the port can be used, or one
/// cannot be looked up.
pub(super) type PortCertificates = BTreeMap<i32, Result<Vec<String>, Finding>>;

/// Reads the certificates of all ports. What is wrong with single references is noted in the report.
pub(super) fn read(
    view: &GatewayView<'_>,
    facts: &Facts,
    report: &mut GatewayReport,
) -> Result<PortCertificates, BuildError> {
    let (mut all, mut missing_lookups) = (PortCertificates::new(), MissingLookups::default());
    for (port, routes) in view.ports {
        let at = PortRefs { view, facts, port: *port, is_served: is_served(view, routes) };
        let read = missing_lookups.collect(at.read(routes, report))?;
        all.extend(read.flatten().map(|certificates| (*port, certificates)));
    }
    missing_lookups.ask()?;
    Ok(all)
}

/// Whether the port has a listener in AWS. Else its references are only checked: nobody would use the certificate.
fn is_served(view: &GatewayView<'_>, routes: &PortRoutes) -> bool {
    match view.controller {
        Controller::Alb => view.options.strict || !routes.routes.is_empty(),
        Controller::Nlb => l4::winner(routes, view.routes).is_some(),
    }
}

struct PortRefs<'c, 'a> {
    view: &'c GatewayView<'a>,
    facts: &'c Facts,
    port: i32,
    is_served: bool,
}

impl PortRefs<'_, '_> {
    fn read(
        &self,
        routes: &PortRoutes,
        report: &mut GatewayReport,
    ) -> Result<Option<Result<Vec<String>, Finding>>, BuildError> {
        let (mut arns, mut first_problem, mut has_refs) = (Vec::new(), None, false);
        let mut is_incomplete = false;
        let mut missing_lookups = MissingLookups::default();
        for at in &routes.listeners {
            for reference in self.view.certificate_refs.get(at).into_iter().flatten() {
                has_refs = true;
                let certificate = match reference {
                    Ok(secret) => {
                        report.secrets.insert(secret.clone());
                        let found = self.certificate(secret.namespace(), secret.name());
                        let Some(found) = missing_lookups.collect(found)? else { continue };
                        let found = found.unwrap_or_else(|failure| {
                            is_incomplete = true;
                            SecretCertificate { arn: None, problem: Some(failure.to_string()) }
                        });
                        let cannot = |problem| format!("Secret {secret} cannot be used: {problem}");
                        SecretCertificate { problem: found.problem.map(cannot), ..found }
                    }
                    Err(problem) => SecretCertificate { arn: None, problem: Some(problem.message.clone()) },
                };
                arns.extend(certificate.arn.filter(|arn| !arns.contains(arn)));
                if let Some(message) = certificate.problem {
                    first_problem.get_or_insert_with(|| message.clone());
                    note(report, *at, message);
                }
            }
        }
        missing_lookups.ask()?;
        report.has_failed_lookup |= is_incomplete;
        // why also with some: a certificate that cannot be looked up at the moment must not be taken off the listener
        Ok(match first_problem.filter(|_| (arns.is_empty() || is_incomplete) && self.is_served) {
            Some(message) => {
                let origin =
                    Origin::field(&self.view.object(), format!("spec.listeners (port {})", self.port));
                Some(Err(origin.error(message).within(Part::Certificates)))
            }
            None => has_refs.then_some(Ok(arns)),
        })
    }

    /// The inner error: it cannot be looked up, which is no error of the build, because it keeps no other listener.
    fn certificate(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Result<SecretCertificate, LookupFailure>, BuildError> {
        let found: Result<SecretCertificate, LookupFailure> = if self.is_served && !self.view.is_dry_run {
            known(self.facts.secret_certificate(namespace, name))?.cloned()
        } else {
            let problem = known(self.facts.secret_check(namespace, name))?;
            // why in a plan: something has to stand where the ARN will
            let planned = || self.is_served.then(|| format!("imported-from/{namespace}/{name}"));
            problem.map(|problem| SecretCertificate {
                arn: planned().filter(|_| problem.is_none()),
                problem: problem.clone(),
            })
        };
        Ok(found)
    }
}

/// An answer, or why there is none.
fn known<T>(answer: FactResult<'_, T>) -> Result<Result<&T, LookupFailure>, BuildError> {
    answer
}

fn note(report: &mut GatewayReport, at: ListenerIndex, message: String) {
    let problem = ListenerProblem { reason: ListenerReason::InvalidCertificateRef, message };
    report.certificate_problems.entry(at).or_insert(problem);
}
