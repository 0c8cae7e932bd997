//! What the tree of what there is needs from the API server beside the caches.

use crate::api::Event;
use crate::topology::{Events, ObjectEvent};
use kube::api::{Api, ListParams};
use kube::{Client, Error};

/// Events that one call answers.
const PER_PAGE: u32 = 500;

/// The controller's events, in a namespace or everywhere. The API server keeps events for an hour, unless told otherwise.
pub async fn events(client: &Client, namespace: Option<&str>) -> Result<Events, Error> {
    let api: Api<Event> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let mut params = ListParams::default().limit(PER_PAGE);
    let mut found = Vec::new();
    loop {
        let page = api.list(&params).await?;
        found.extend(page.items.iter().filter_map(ObjectEvent::of));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(found.into_iter().collect()),
        }
    }
}
