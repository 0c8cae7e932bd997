//! Trust stores: certificate authorities for mutual TLS.

use crate::{
    World,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    Tags,
    elbv2::{DescribeTrustStores, Page, TrustStore},
};

/// A trust store.
#[derive(Clone, Debug)]
pub(crate) struct TrustStoreState {
    pub(crate) described: TrustStore,
    pub(crate) tags: Tags,
}

impl World {
    pub(crate) fn describe_trust_stores(
        &self,
        request: &DescribeTrustStores,
    ) -> CallResult<Page<TrustStore>> {
        let stores = &self.elb.trust_stores;
        let unknown = |name: &&String| !stores.values().any(|store| store.described.name == **name);
        let missing: Vec<_> = request.names.iter().filter(unknown).cloned().collect();
        ensure(missing.is_empty(), || {
            refuse("TrustStoreNotFound", format!("Trust stores '{}' not found", missing.join(", ")))
        })?;
        let wanted = stores
            .iter()
            .filter(|(_, store)| request.names.is_empty() || request.names.contains(&store.described.name));
        self.elb_page(
            wanted.map(|(arn, store)| (arn.clone(), store.described.clone())),
            request.marker.as_deref(),
        )
    }
}
