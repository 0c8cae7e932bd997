//! Certificates that ACM is asked for (upstream: `pkg/deploy/acm`).
//!
//! A request takes several passes: ACM is asked, names the records a few seconds later, and issues the certificate once it has
//! found them. Each pass does what can be done, and says when to look again.

use super::plan_builder::Phase;
use super::{Diff, symbol};
use crate::aws_api::SymbolKind;
use crate::aws_api::acm::{DeleteCertificate, RequestCertificate, ValidationRecord};
use crate::aws_api::route53::{CreateRecord, DeleteRecord, HostedZone};
use crate::model::{RequestedCertificate, ResourceId};
use crate::plan::certificates::{CertificateProgress, CertificateStates};
use crate::plan::{Digest, Op, Problem, ProblemCause, Stage, Step, actual};
use std::time::Duration;

const STAGE: Stage = Stage::Certificates;
/// Between two looks at a certificate that is not issued yet: a quarter of its age, within these.
const LOOKS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));
/// After this long somebody should know that a certificate waits.
const OVERDUE: Duration = Duration::from_mins(30);

impl<'a> Diff<'a> {
    /// Asks for what is missing, and has names validated.
    pub(super) fn certificates(&mut self, states: &CertificateStates<'a>) {
        if let Some(error) = &self.actual.certificates.failure {
            let cause = ProblemCause::Cloud(error.clone());
            for id in states.wanted.keys() {
                self.certificate_problem(id, cause.clone());
            }
            return;
        }
        for (id, (desired, progress)) in &states.wanted {
            match progress {
                CertificateProgress::Issued(found) => self.know(SymbolKind::CertificateArn, id, &found.arn),
                CertificateProgress::Pending(found) => self.validate_names(id, found),
                CertificateProgress::Failed(found) => {
                    let reason = found.failure_reason.as_deref().unwrap_or("no reason is given");
                    let text = format!(
                        "ACM does not issue certificate {}: {} ({reason}); it is asked again half an hour later",
                        found.arn, found.status
                    );
                    self.certificate_problem(id, ProblemCause::UserMustAct(text));
                    self.builder.revisit(LOOKS.1, format!("{id} could not be issued"));
                }
                CertificateProgress::Missing => self.request_certificate(id, desired),
            }
        }
    }

    fn request_certificate(&mut self, id: &ResourceId, desired: &RequestedCertificate) {
        let zones = &self.actual.certificates.zones;
        let lacks_zone = |name: &&String| HostedZone::of(zones, name).is_none();
        if desired.authority.is_none()
            && let Some(name) = desired.names.iter().find(lacks_zone)
        {
            let text = format!(
                "no certificate is requested: no public hosted zone of this account holds {name:?}, where a record has to prove that the name is yours"
            );
            return self.certificate_problem(id, ProblemCause::UserMustAct(text));
        }
        let RequestedCertificate { authority, names, tags } = desired;
        let deleted = self.actual.certificates.deleted.get(id);
        let tags = self.resource_tags(id, tags);
        let identity = (&self.config().cluster_name, &self.stack.id, id, desired, deleted);
        let request = RequestCertificate {
            domain: desired.subject().to_owned(),
            names: names.clone(),
            authority: authority.clone(),
            token: Digest::of(&identity).to_string(),
            tags,
        };
        let step = Step::aws(STAGE, id.as_str(), request, "does not exist");
        self.builder.emit(Phase::Certificates, step.binding([symbol(SymbolKind::CertificateArn, id)]));
        self.builder.revisit(LOOKS.0, format!("{id} has to be issued"));
    }

    /// Creates the records that ACM looks for.
    fn validate_names(&mut self, id: &ResourceId, found: &actual::ObservedCertificate) {
        let (shortest, longest) = LOOKS;
        self.builder.revisit((found.age / 4).clamp(shortest, longest), format!("{id} has to be issued"));
        let missing = found.records.iter().filter(|(_, stands)| !**stands).map(|(record, _)| record);
        for record in missing {
            let Some(zone) = self.zone_of(record) else {
                let text = format!(
                    "no public hosted zone of this account holds {:?}, so that certificate {} cannot be validated",
                    record.name, found.arn
                );
                self.certificate_problem(id, ProblemCause::UserMustAct(text));
                continue;
            };
            let request = CreateRecord { zone_id: zone, record: record.clone() };
            let step = Step::aws(STAGE, id.as_str(), request, "proves that a name is ours");
            self.builder.emit(Phase::Certificates, step);
        }
        if found.age >= OVERDUE {
            let text = format!(
                "certificate {} has been waiting for its validation for half an hour; are the hosted zones of its names those that the names are delegated to?",
                found.arn
            );
            self.certificate_problem(id, ProblemCause::UserMustAct(text));
        }
    }

    /// Deletes what nobody wants any more, its records first: without the certificate nobody knows them.
    pub(super) fn delete_certificates(&mut self, states: &CertificateStates<'a>) {
        // why: a listener that waits, or whose owner cannot be built, keeps what it has had
        let is_kept = |arn: &str| {
            let mut listeners = self.stack.listeners.values();
            listeners.any(|listener| listener.certificates.iter().any(|one| one.known() == Some(arn)))
        };
        let free: Vec<&actual::ObservedCertificate> =
            states.surplus.iter().copied().filter(|found| !is_kept(&found.arn)).collect();
        for found in free {
            self.delete_certificate(found);
        }
    }

    fn delete_certificate(&mut self, found: &actual::ObservedCertificate) {
        let (arn, id) = (&found.arn, found.id.as_str());
        let of_records = found.records.keys().filter_map(|record| Some((self.zone_of(record)?, record)));
        let of_records: Vec<_> = of_records.collect();
        let mut before = Vec::new();
        if !of_records.is_empty() {
            let op = Op::AwaitCertificateFree(arn.clone());
            let step = Step::new(STAGE, id, op, "its records go with it");
            before.push(self.builder.emit(Phase::DeleteCertificates, step));
        }
        for (zone_id, record) in of_records {
            let request = DeleteRecord { zone_id, record: record.clone(), certificate: arn.clone() };
            let step = Step::aws(STAGE, id, request, "its certificate goes");
            let step = step.after(before.first().copied());
            before.push(self.builder.emit(Phase::DeleteCertificates, step));
        }
        let request = DeleteCertificate { arn: arn.clone() };
        let step = Step::aws(STAGE, id, request, "nobody asked for it").after(before);
        self.builder.emit(Phase::DeleteCertificates, step);
    }

    /// The zone in which a record stands: that of the name that it validates.
    fn zone_of(&self, record: &ValidationRecord) -> Option<String> {
        let (_, name) = record.name.split_once('.')?;
        HostedZone::of(&self.actual.certificates.zones, name).map(|zone| zone.id.clone())
    }

    fn certificate_problem(&mut self, id: &ResourceId, cause: ProblemCause) {
        self.builder.problem(Problem { stage: STAGE, resource: id.as_str().into(), cause });
    }
}
