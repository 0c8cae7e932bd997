//! STS on the wire.

use super::{
    Failure,
    xml::{REQUEST_ID, Xml},
};
use crate::Sim;
use aws_load_balancer_controller::{aws::send, aws_api::sts::GetCallerIdentity};

/// Answers `GetCallerIdentity`, the one operation there is.
pub(super) async fn answer(sim: &Sim) -> Result<String, Failure> {
    let identity = send(sim, GetCallerIdentity {}).await?;
    let mut xml = Xml::default();
    xml.node("GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"", |xml| {
        xml.node("GetCallerIdentityResult", |xml| {
            xml.leaf("Arn", identity.arn);
            xml.leaf("UserId", "AROASIMULATED:simulated");
            xml.leaf("Account", identity.account);
        });
        xml.node("ResponseMetadata", |xml| xml.leaf("RequestId", REQUEST_ID));
    });
    Ok(xml.finish())
}
