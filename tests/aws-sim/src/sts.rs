//! STS: who is calling.

use crate::World;
use aws_load_balancer_controller::cloud::sts::{CallerIdentity, GetCallerIdentity};

impl World {
    pub(crate) fn get_caller_identity(&self, _: &GetCallerIdentity) -> CallerIdentity {
        let account = self.account.id.clone();
        CallerIdentity {
            arn: format!("arn:aws:sts::{account}:assumed-role/load-balancer-controller/simulated"),
            account,
        }
    }
}
