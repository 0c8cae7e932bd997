//! Pages of lists, with opaque markers that stay valid while items come and go.

use crate::refusal::{CallResult, Refusal};
use base64::{Engine, engine::general_purpose::STANDARD};

/// One page of `items`, which are in the order of their keys, and the marker of the next.
///
/// The marker names the last key shown, so that items created or deleted between two pages neither repeat nor hide others.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = (String, T)>,
    marker: Option<&str>,
    size: usize,
    bad_marker: impl Fn() -> Refusal,
) -> CallResult<(Vec<T>, Option<String>)> {
    let after = marker.map(|marker| decode(marker).ok_or_else(&bad_marker)).transpose()?;
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let mut shown = Vec::new();
    let mut last = None;
    for (key, item) in rest.by_ref().take(size) {
        shown.push(item);
        last = Some(key);
    }
    let more = rest.next().is_some();
    Ok((shown, last.filter(|_| more).map(|key| STANDARD.encode(key))))
}

fn decode(marker: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(marker).ok()?).ok()
}
