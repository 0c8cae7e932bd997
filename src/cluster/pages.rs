//! Lists of the API server, page by page.

use kube::api::{Api, ListParams};
use kube::{Error, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::ops::ControlFlow;

/// Objects of a page.
const PER_PAGE: u32 = 500;

/// What is picked of all objects of a list; never more than one page of objects is held.
pub async fn list_all<K, T>(api: &Api<K>, pick: impl Fn(K) -> Option<T>) -> Result<Vec<T>, Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut found = Vec::new();
    let take = |object| {
        found.extend(pick(object));
        ControlFlow::Continue(())
    };
    list_while(api, ListParams::default().limit(PER_PAGE), take).await?;
    Ok(found)
}

/// Gives the objects of a list to `take` until that breaks off, and answers whether it did; never more than one page of objects is held.
pub async fn list_while<K>(
    api: &Api<K>,
    mut params: ListParams,
    mut take: impl FnMut(K) -> ControlFlow<()>,
) -> Result<bool, Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    loop {
        let page = api.list(&params).await?;
        if page.items.into_iter().try_for_each(&mut take).is_break() {
            return Ok(true);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(false),
        }
    }
}
