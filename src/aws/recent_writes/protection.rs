//! Web ACLs and Shield protections with our own recent writes.

use super::RecentWrite;
use crate::aws_api::{Request, Response};
use std::sync::Arc;

/// The id of the protection that an answer shows.
pub(super) fn id_of(reply: &Response) -> Option<String> {
    match reply {
        Response::DescribeShieldProtection(Some(protection)) => Some(protection.id.clone()),
        _ => None,
    }
}

pub(super) fn apply(request: &Request, reply: Response, writes: &[Arc<RecentWrite>]) -> Response {
    match (request, reply) {
        (Request::GetWafv2WebAcl(_), Response::GetWafv2WebAcl(seen)) => {
            Response::GetWafv2WebAcl(writes.iter().fold(seen, |seen, write| match &write.request {
                Request::AssociateWafv2WebAcl(set) => Some(set.web_acl_arn.clone()),
                Request::DisassociateWafv2WebAcl(_) => None,
                _ => seen,
            }))
        }
        (Request::GetWafRegionalWebAcl(_), Response::GetWafRegionalWebAcl(seen)) => {
            Response::GetWafRegionalWebAcl(writes.iter().fold(seen, |seen, write| match &write.request {
                Request::AssociateWafRegionalWebAcl(set) => Some(set.web_acl_id.clone()),
                Request::DisassociateWafRegionalWebAcl(_) => None,
                _ => seen,
            }))
        }
        // why: a protection that is not shown yet is not made up, because AWS's answer to its creation holds no id here; AWS
        // refuses to protect a load balancer twice
        (Request::DescribeShieldProtection(_), Response::DescribeShieldProtection(Some(seen))) => {
            let is_deleted = writes.iter().any(|write| {
                matches!(&write.request, Request::DeleteShieldProtection(delete) if delete.protection_id == seen.id)
            });
            Response::DescribeShieldProtection((!is_deleted).then_some(seen))
        }
        (_, reply) => reply,
    }
}
