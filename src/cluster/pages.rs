//! Lists of the API server, page by page.

use kube::api::{Api, ListParams};
use kube::{Error, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Objects of a page.
const PER_PAGE: u32 = 500;

/// What is picked of all objects of a list; never more than one page of objects is held.
pub async fn list_all<K, T>(api: &Api<K>, pick: impl Fn(K) -> Option<T>) -> Result<Vec<T>, Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let (mut found, mut params) = (Vec::new(), ListParams::default().limit(PER_PAGE));
    loop {
        let page = api.list(&params).await?;
        found.extend(page.items.into_iter().filter_map(&pick));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(found),
        }
    }
}
