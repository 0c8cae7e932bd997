//! What the tree of what there is needs from the API server beside the caches.

use super::pages::list_while;
use crate::api::Event;
use crate::topology::{COMPONENTS, Events, ObjectEvent};
use kube::api::{Api, ListParams};
use kube::{Client, Error};
use std::ops::ControlFlow;

/// Events of a page.
const PER_PAGE: u32 = 200;
/// Events of the controller that are looked at.
const MOST: usize = 20_000;

/// The controller's events, in a namespace or everywhere. The API server keeps events for an hour, unless told otherwise.
///
/// It picks those of the controller, so what others report costs no memory here, however much it is.
pub async fn events(client: &Client, namespace: Option<&str>) -> Result<Events, Error> {
    let api: Api<Event> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let (mut found, mut count) = (Events::default(), 0);
    for component in COMPONENTS {
        let params = ListParams::default().fields(&format!("source={component}")).limit(PER_PAGE);
        let take = |event| {
            if count == MOST {
                return ControlFlow::Break(());
            }
            count += 1;
            if let Some(event) = ObjectEvent::of(&event) {
                found.add(event);
            }
            ControlFlow::Continue(())
        };
        if list_while(&api, params, take).await? {
            found.is_cut = true;
            break;
        }
    }
    Ok(found)
}

/// What is told where there are more events than are looked at.
pub fn cut_note() -> String {
    format!("Only the first {MOST} events of the controller are looked at.")
}
