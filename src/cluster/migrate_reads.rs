//! What of a cluster is migrated, read once.

use crate::api::{Ingress, IngressClassParams, Service};
use kube::api::{Api, ListParams};
use kube::{Client, Error};
use std::sync::Arc;

use crate::api::IngressClass;

/// The objects that are migrated, and what they depend on.
#[derive(Debug, Default)]
pub struct MigrateReads {
    /// Ingresses.
    pub ingresses: Vec<Arc<Ingress>>,
    /// Services.
    pub services: Vec<Arc<Service>>,
    /// All classes.
    pub classes: Vec<Arc<IngressClass>>,
    /// Parameters of all classes; none where the kind is not served.
    pub params: Vec<Arc<IngressClassParams>>,
}

impl MigrateReads {
    /// Reads some namespaces in their order, or all; of the Ingresses perhaps only the one of a name.
    pub async fn read(
        client: &Client,
        namespaces: &[String],
        ingress_name: Option<&str>,
    ) -> Result<Self, Error> {
        let everything = ListParams::default();
        let mut found = Self::default();
        let ingresses: Vec<Api<Ingress>> = match namespaces {
            [] => vec![Api::all(client.clone())],
            some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
        };
        for api in &ingresses {
            match ingress_name {
                Some(name) => found.ingresses.push(Arc::new(api.get(name).await?)),
                None => found.ingresses.extend(api.list(&everything).await?.items.into_iter().map(Arc::new)),
            }
        }
        let services: Vec<Api<Service>> = match namespaces {
            [] => vec![Api::all(client.clone())],
            some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
        };
        for api in &services {
            found.services.extend(api.list(&everything).await?.items.into_iter().map(Arc::new));
        }
        let classes: Api<IngressClass> = Api::all(client.clone());
        found.classes.extend(classes.list(&everything).await?.items.into_iter().map(Arc::new));
        let params: Api<IngressClassParams> = Api::all(client.clone());
        match params.list(&everything).await {
            Ok(listed) => found.params.extend(listed.items.into_iter().map(Arc::new)),
            // why: a cluster without the kind has no parameters
            Err(Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
        Ok(found)
    }
}
