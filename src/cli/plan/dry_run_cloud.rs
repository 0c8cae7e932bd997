//! AWS for what stacks share, the backend security group and certificates of Secrets: it is looked for in truth, and made in pretence.

use crate::aws::{Cloud, CloudFuture};
use crate::aws_api::ec2::CreatedSecurityGroup;
use crate::aws_api::{Request, Response};
use crate::deploy::secret_certificates::SECRET_TAG;
use parking_lot::Mutex;
use std::sync::Arc;

/// What stands for the id of a group that would be made.
const NEW_GROUP: &str = "sg-to-be-created";

/// Performs reads, and only notes the writes by which the group is made or its tags are mended.
pub(super) struct DryRunCloud {
    cloud: Arc<dyn Cloud>,
    writes: Mutex<Vec<String>>,
}

impl DryRunCloud {
    pub fn new(cloud: Arc<dyn Cloud>) -> Self {
        Self { cloud, writes: Mutex::default() }
    }

    /// What would have been done, one line each.
    pub fn simulated_writes(&self) -> Vec<String> {
        self.writes.lock().clone()
    }

    fn note(&self, write: String, answer: Response) -> CloudFuture<'_> {
        self.writes.lock().push(write);
        Box::pin(std::future::ready(Ok(answer)))
    }
}

impl Cloud for DryRunCloud {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        match request {
            Request::CreateSecurityGroup(create) => {
                let created = CreatedSecurityGroup { id: NEW_GROUP.to_owned() };
                self.note(
                    format!("+ CreateSecurityGroup {}", create.name),
                    Response::CreateSecurityGroup(created),
                )
            }
            Request::CreateTags(tags) => self
                .note(format!("+ CreateTags {} {:?}", tags.resource_id, tags.tags), Response::CreateTags(())),
            Request::DeleteTags(tags) => self
                .note(format!("- DeleteTags {} {:?}", tags.resource_id, tags.tags), Response::DeleteTags(())),
            Request::ImportCertificate(import) => {
                let secret = import.tags.get(SECRET_TAG).cloned().unwrap_or_default();
                let certificate = import.arn.clone().unwrap_or_else(|| format!("imported-from/{secret}"));
                let shown =
                    import.arn.map_or_else(|| format!("of secret {secret}"), |arn| format!("again {arn}"));
                let answer = Response::ImportCertificate(certificate);
                self.note(format!("+ ImportCertificate {shown}"), answer)
            }
            // why: everything else goes to a cloud that refuses writes
            other => self.cloud.call(other),
        }
    }
}
