//! What the tree of what there is needs from the API server beside the caches.

use super::pages::list_all;
use crate::api::Event;
use crate::topology::{Events, ObjectEvent};
use kube::{Api, Client, Error};

/// The controller's events, in a namespace or everywhere. The API server keeps events for an hour, unless told otherwise.
pub async fn events(client: &Client, namespace: Option<&str>) -> Result<Events, Error> {
    let api: Api<Event> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let found = list_all(&api, |event| ObjectEvent::of(&event)).await?;
    Ok(found.into_iter().collect())
}
