//! Which namespaces a Gateway, ListenerSet or listener admits.

use std::collections::BTreeMap;

use super::NamespaceSource;
use crate::api::gateway::{FromNamespaces, NamespaceFilter};
use crate::api::selector::{self, SelectorError};

/// Whether objects of `namespace` are admitted by what lives in `own`. `default` stands for a filter that says nothing.
///
/// An error says that nobody can tell, because the selector makes no sense.
pub fn admits(
    filter: Option<&NamespaceFilter>,
    default: FromNamespaces,
    own: &str,
    namespace: &str,
    cluster: &dyn NamespaceSource,
) -> Result<bool, SelectorError> {
    let from = filter.and_then(|filter| filter.from.clone()).unwrap_or(default);
    match from {
        FromNamespaces::All => Ok(true),
        FromNamespaces::Same => Ok(own == namespace),
        FromNamespaces::Selector => match filter.and_then(|filter| filter.selector.as_ref()) {
            None => Ok(false),
            Some(selector) => is_selected(selector, namespace, cluster),
        },
        FromNamespaces::None | FromNamespaces::Other(_) => Ok(false),
    }
}

fn is_selected(
    selector: &crate::api::LabelSelector,
    namespace: &str,
    cluster: &dyn NamespaceSource,
) -> Result<bool, SelectorError> {
    selector::check(selector)?;
    let Some(namespace) = cluster.namespace(namespace) else { return Ok(false) };
    let none = BTreeMap::new();
    selector::matches(selector, namespace.metadata.labels.as_ref().unwrap_or(&none))
}

#[cfg(test)]
mod tests;
