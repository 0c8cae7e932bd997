//! Paths: from those of Ingresses to those of HTTPRoutes.

use crate::api::gateway::PathMatchType;

/// How a path is compared, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathMatch {
    /// How.
    pub type_: PathMatchType,
    /// With what.
    pub value: String,
}

impl PathMatch {
    fn new(type_: PathMatchType, value: impl Into<String>) -> Self {
        Self { type_, value: value.into() }
    }
}

/// Why there is no such path in Gateway API.
pub const WILDCARD_IN_PREFIX: &str = "has a wildcard, which path types Exact and Prefix do not allow";

/// The path of a rule of an Ingress; `None`: every path. `is_regex`: free-form paths are regular expressions. `beside_regexes`:
/// other rules of the Ingress become regular expressions.
///
/// Errors: a path type that there is not, or a path that today's controller refuses.
pub fn of_ingress(
    path: &str,
    type_: &str,
    is_regex: bool,
    beside_regexes: bool,
) -> Result<Option<PathMatch>, String> {
    let matches_all = path.is_empty();
    match type_ {
        "Exact" | "Prefix" | "" | "ImplementationSpecific" if matches_all => Ok(None),
        "Exact" | "Prefix" if path.contains(['*', '?']) => Err(format!("path {path:?} {WILDCARD_IN_PREFIX}")),
        "Exact" => Ok(Some(exact(path))),
        "Prefix" => Ok(Some(prefix(path))),
        "ImplementationSpecific" | "" if is_regex => {
            let stripped = path.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
            Ok(Some(PathMatch::new(PathMatchType::RegularExpression, stripped)))
        }
        "ImplementationSpecific" | "" if beside_regexes && is_catch_all(path) => Ok(Some(last())),
        "ImplementationSpecific" | "" => Ok(Some(pattern(path))),
        other => Err(format!("path {path:?}: unsupported path type: {other}")),
    }
}

/// Every path, behind all others.
///
/// why a regular expression: of two paths, one that is a prefix comes before one that is a regular expression, and of those the
/// longer one before the shorter one
pub fn last() -> PathMatch {
    PathMatch::new(PathMatchType::RegularExpression, "^/.*")
}

fn is_catch_all(pattern: &str) -> bool {
    matches!(pattern, "*" | "/*")
}

/// Whether a free-form path becomes a regular expression.
pub fn becomes_regex(path: &str, type_: &str, is_regex: bool) -> bool {
    let is_free = matches!(type_, "" | "ImplementationSpecific") && !path.is_empty();
    is_free && (is_regex || pattern(path).type_ == PathMatchType::RegularExpression)
}

fn exact(path: &str) -> PathMatch {
    if is_plain(path) { PathMatch::new(PathMatchType::Exact, path) } else { as_regex(path, false) }
}

fn prefix(path: &str) -> PathMatch {
    let stem = path.strip_suffix('/').unwrap_or(path);
    if is_plain(path) {
        PathMatch::new(PathMatchType::PathPrefix, path)
    } else {
        PathMatch::new(PathMatchType::RegularExpression, format!("^{}(/.*)?$", regex_of(stem)))
    }
}

/// What a pattern of an ALB is for HTTPRoutes: `/api/*` a prefix, what else has wildcards a regular expression.
pub fn pattern(text: &str) -> PathMatch {
    if is_catch_all(text) {
        return PathMatch::new(PathMatchType::PathPrefix, "/");
    }
    match text.strip_suffix("/*") {
        Some(stem) if !stem.contains(['*', '?']) && is_plain(stem) => {
            PathMatch::new(PathMatchType::PathPrefix, stem)
        }
        _ if text.contains(['*', '?']) => as_regex(text, true),
        _ => exact(text),
    }
}

fn as_regex(text: &str, has_wildcards: bool) -> PathMatch {
    let regex = if has_wildcards { regex_of_pattern(text) } else { regex_of(text) };
    PathMatch::new(PathMatchType::RegularExpression, format!("^{regex}$"))
}

/// A regular expression that matches a text alone.
fn regex_of(text: &str) -> String {
    regex_syntax::escape(text)
}

/// A regular expression, without its ends, that matches what a pattern of an ALB matches.
pub fn regex_of_pattern(text: &str) -> String {
    let letter = |letter: char| match letter {
        '*' => ".*".to_owned(),
        '?' => ".".to_owned(),
        other => regex_syntax::escape(&other.to_string()),
    };
    text.chars().map(letter).collect()
}

/// Whether the API server takes a path that is no regular expression.
/// Source: validation of `HTTPPathMatch` in Gateway API.
fn is_plain(path: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@%".contains(c);
    let refused = ["//", "/./", "/../", "%2f", "%2F", "#"];
    path.starts_with('/')
        && path.chars().all(is_letter)
        && !refused.iter().any(|part| path.contains(part))
        && !path.ends_with("/..")
        && !path.ends_with("/.")
        && are_escapes_whole(path)
}

fn are_escapes_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().iter().take(2);
        digits.clone().count() == 2 && digits.copied().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use PathMatchType::{Exact, PathPrefix, RegularExpression};

    #[test]
    fn paths_become_what_an_alb_makes_of_them() {
        let cases = [
            ("/a", "Exact", Exact, "/a"),
            ("/a", "Prefix", PathPrefix, "/a"),
            ("/a/", "Prefix", PathPrefix, "/a/"),
            ("/a", "ImplementationSpecific", Exact, "/a"),
            ("/a", "", Exact, "/a"),
            ("/*", "ImplementationSpecific", PathPrefix, "/"),
            ("*", "ImplementationSpecific", PathPrefix, "/"),
            ("/api/*", "ImplementationSpecific", PathPrefix, "/api"),
            ("/a*", "ImplementationSpecific", RegularExpression, "^/a.*$"),
            ("/*.png", "ImplementationSpecific", RegularExpression, r"^/.*\.png$"),
            ("/v?/x", "ImplementationSpecific", RegularExpression, "^/v./x$"),
            ("/a//b", "Exact", RegularExpression, "^/a//b$"),
            ("/ä", "Prefix", RegularExpression, "^/ä(/.*)?$"),
            ("/a%zz", "Exact", RegularExpression, "^/a%zz$"),
        ];
        for (path, type_, expected, value) in cases {
            let found = of_ingress(path, type_, false, false).unwrap().unwrap();
            assert_eq!(found, PathMatch::new(expected, value), "{path} {type_}");
        }
        assert_eq!(of_ingress("", "Prefix", false, false), Ok(None));
        assert_eq!(
            of_ingress("/^/a$", "ImplementationSpecific", true, false).unwrap().unwrap().value,
            "^/a$"
        );
        assert!(of_ingress("/a*", "Prefix", false, false).is_err());
        assert!(
            of_ingress("/a", "Prefixed", false, false)
                .unwrap_err()
                .contains("unsupported path type: Prefixed")
        );
    }
}
