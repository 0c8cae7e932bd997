//! Transforms of rules: how host and path of requests are changed.

use super::super::GatewayOptions;
use super::super::hostname::escape;
use super::super::route::RouteProblem;
use crate::api::gateway::{HttpPathModifier, HttpRouteFilter, HttpRouteMatch, PathMatchType};

/// How a part of requests is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transform {
    /// The path, with the query.
    Url(Rewrite),
    /// The host.
    Host(Rewrite),
}

/// What stands for what a regular expression matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The regular expression.
    pub regex: String,
    /// What stands for it.
    pub replace: String,
}

impl Rewrite {
    fn new(regex: impl Into<String>, replace: impl Into<String>) -> Self {
        Self { regex: regex.into(), replace: replace.into() }
    }
}

/// The transforms of the filters of a rule, for one match, in the order of the filters; path before host.
pub fn of_filters(
    filters: &[HttpRouteFilter],
    found: Option<&HttpRouteMatch>,
    options: GatewayOptions,
) -> Result<Vec<Transform>, RouteProblem> {
    let mut transforms = Vec::new();
    for filter in filters {
        if let Some(rewrite) = &filter.url_rewrite {
            if let Some(path) = &rewrite.path {
                transforms.extend(path_rewrite(path, found, options)?.map(Transform::Url));
            }
            transforms.extend(rewrite.hostname.iter().map(|host| Transform::Host(Rewrite::new(".*", host))));
        }
        let redirected = filter.request_redirect.as_ref().and_then(|redirect| redirect.path.as_ref());
        if let Some(path) = redirected.filter(|path| path.replace_full_path.is_none()) {
            transforms.extend(path_rewrite(path, found, options)?.map(Transform::Url));
        }
    }
    Ok(transforms)
}

fn path_rewrite(
    path: &HttpPathModifier,
    found: Option<&HttpRouteMatch>,
    options: GatewayOptions,
) -> Result<Option<Rewrite>, RouteProblem> {
    match (&path.replace_full_path, &path.replace_prefix_match) {
        // why up to a question mark: the query stays
        (Some(full), _) => Ok(Some(Rewrite::new("^([^?]*)", full))),
        (None, Some(prefix)) => Ok(Some(prefix_rewrite(matched_prefix(found)?, prefix, options))),
        (None, None) => Ok(None),
    }
}

/// The prefix that a match is for. Without a match or a path that is `/`.
fn matched_prefix(found: Option<&HttpRouteMatch>) -> Result<&str, RouteProblem> {
    let path = found.and_then(|found| found.path.as_ref());
    match path.and_then(|path| path.type_.as_ref()) {
        None | Some(PathMatchType::PathPrefix) => {
            Ok(path.and_then(|path| path.value.as_deref()).unwrap_or("/"))
        }
        Some(other) => {
            let message = format!("ReplacePrefixMatch needs a path match of type PathPrefix, got {other}");
            Err(RouteProblem::unsupported(message))
        }
    }
}

/// The second group is a slash after the prefix: it stays, unless the new prefix ends with one.
///
/// why strictly other: upstream takes the prefix for a regular expression, and loses a slash where it ends with one.
fn prefix_rewrite(prefix: &str, replacement: &str, options: GatewayOptions) -> Rewrite {
    let replace = match replacement {
        "" => "/".to_owned(),
        text if text.ends_with('/') => text.to_owned(),
        text => format!("{text}$2"),
    };
    let prefix =
        if options.strict { escape(prefix.strip_suffix('/').unwrap_or(prefix)) } else { prefix.to_owned() };
    Rewrite::new(format!("(^{prefix}(/)?)"), replace)
}

#[cfg(test)]
mod tests;
