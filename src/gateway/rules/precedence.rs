//! Which of two rules comes first.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::super::hostname::Specificity;
use super::super::route::{Route, RouteKind};
use crate::api::gateway::{GrpcRouteMatch, HttpRouteMatch, MatchType, PathMatchType};

/// Place of a rule among the rules of a listener; what comes first is less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    host: Specificity,
    specifics: Specifics,
    created: Option<Timestamp>,
    route: String,
    rule: usize,
    match_: usize,
    hostname: String,
    kind: RouteKind,
}

impl Precedence {
    /// That of a match of a rule for a host.
    pub fn new(
        route: &Route<'_>,
        rule: usize,
        match_: Option<usize>,
        hostname: Option<&str>,
        specifics: Specifics,
    ) -> Self {
        Self {
            host: Specificity::of(hostname),
            specifics,
            created: route.created,
            route: route.id.key.to_string(),
            rule,
            match_: match_.unwrap_or(usize::MAX),
            hostname: hostname.unwrap_or_default().to_owned(),
            kind: route.id.kind,
        }
    }
}

/// How specific a match is; the more specific is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specifics {
    /// 3: exact, 2: prefix, 1: regular expression, 0: none.
    path_type: Reverse<u8>,
    /// Length of the path, or of the service.
    primary: Reverse<usize>,
    /// Length of the method of a service.
    secondary: Reverse<usize>,
    has_method: Reverse<bool>,
    headers: Reverse<usize>,
    query: Reverse<usize>,
}

impl Specifics {
    const NONE: Self = Self {
        path_type: Reverse(0),
        primary: Reverse(0),
        secondary: Reverse(0),
        has_method: Reverse(false),
        headers: Reverse(0),
        query: Reverse(0),
    };

    /// Those of a match of an HTTPRoute. A match without a path is one of the prefix `/`.
    pub fn of_http(found: Option<&HttpRouteMatch>) -> Self {
        let Some(found) = found else { return Self::NONE };
        let path = found.path.as_ref();
        let type_ = match path.and_then(|path| path.type_.as_ref()) {
            Some(PathMatchType::Exact) => 3,
            None | Some(PathMatchType::PathPrefix) => 2,
            Some(PathMatchType::RegularExpression) => 1,
            Some(PathMatchType::Other(_)) => 0,
        };
        Self {
            path_type: Reverse(type_),
            primary: Reverse(path.and_then(|path| path.value.as_deref()).unwrap_or("/").len()),
            has_method: Reverse(found.method.is_some()),
            headers: Reverse(found.headers.len()),
            query: Reverse(found.query_params.len()),
            ..Self::NONE
        }
    }

    /// Those of a match of a GRPCRoute.
    pub fn of_grpc(found: Option<&GrpcRouteMatch>) -> Self {
        let Some(found) = found else { return Self::NONE };
        let headers = Reverse(found.headers.len());
        let Some(method) = &found.method else { return Self { headers, ..Self::NONE } };
        let type_ = match method.type_ {
            None | Some(MatchType::Exact) => 3,
            Some(MatchType::RegularExpression) => 1,
            Some(MatchType::Other(_)) => 0,
        };
        let length = |text: &Option<String>| Reverse(text.as_ref().map_or(0, String::len));
        Self {
            path_type: Reverse(type_),
            primary: length(&method.service),
            secondary: length(&method.method),
            headers,
            ..Self::NONE
        }
    }
}

#[cfg(test)]
mod tests;
