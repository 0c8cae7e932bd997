//! STS: who is calling.

use crate::World;
use aws_load_balancer_controller::aws_api::sts::{CallerIdentity, GetCallerIdentity};

impl World {
    pub(crate) fn get_caller_identity(&self, _: &GetCallerIdentity) -> CallerIdentity {
        let arn = self.settings.identity.caller_arn(&self.account);
        CallerIdentity { account: self.account.id.clone(), arn }
    }
}
