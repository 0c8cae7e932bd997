//! Transforms: how path and host of requests are changed.

use super::condition::RouteMatch;
use super::objects::put;
use super::written::{Rewrites, WrittenRewrite, WrittenTransform};
use crate::api::gateway::PathMatchType;
use serde_json::{Map as Fields, Value, json};

/// What transforms come to.
#[derive(Clone, Debug, Default)]
pub struct TranslatedTransforms {
    /// A filter of the rule.
    pub filter: Option<Value>,
    /// What cannot be expressed.
    pub problems: Vec<String>,
    /// Lines as the tool that came first writes them.
    pub lines: Vec<String>,
}

/// The transforms of a rule with these matches.
pub fn translate(transforms: &[WrittenTransform], matches: &[RouteMatch]) -> TranslatedTransforms {
    let mut all = TranslatedTransforms::default();
    let mut rewrite = Fields::new();
    for transform in transforms {
        match transform.type_.as_str() {
            "url-rewrite" => {
                let Some(found) = first(transform.urlrewriteconfig.as_ref()) else { continue };
                match of_path(found, matches) {
                    Some(path) => {
                        rewrite.insert("path".to_owned(), path);
                    }
                    None => all.refuse("url-rewrite", found),
                }
            }
            "host-header-rewrite" => {
                let Some(found) = first(transform.hostheaderrewriteconfig.as_ref()) else { continue };
                let is_plain = super::action::is_host(&found.replace) && is_whole(&found.regex);
                if is_plain {
                    put(&mut rewrite, "hostname", found.replace.to_lowercase());
                } else {
                    all.refuse("host-header-rewrite", found);
                }
            }
            _ => {}
        }
    }
    all.filter = (!rewrite.is_empty()).then(|| json!({"type": "URLRewrite", "urlRewrite": rewrite}));
    all
}

impl TranslatedTransforms {
    fn refuse(&mut self, kind: &str, rewrite: &WrittenRewrite) {
        if has_group(&rewrite.replace) {
            self.lines.push(format!(
                "WARNING: {kind} transform with capture group reference {:?} cannot be represented in Gateway API — skipping.",
                rewrite.replace
            ));
        } else {
            self.problems.push(format!(
                "the {kind} of {:?} to {:?} changes a part only, which HTTPRoutes cannot: it is left out",
                rewrite.regex, rewrite.replace
            ));
        }
    }
}

fn first(rewrites: Option<&Rewrites>) -> Option<&WrittenRewrite> {
    rewrites?.rewrites.first()
}

/// Whether a replacement refers to a group of the regular expression.
fn has_group(replace: &str) -> bool {
    replace.as_bytes().windows(2).any(|pair| matches!(pair, [b'$', digit] if digit.is_ascii_digit()))
}

/// Whether a regular expression matches the whole of what it matches at all.
fn is_whole(regex: &str) -> bool {
    let body = regex.strip_suffix('$').unwrap_or(regex);
    matches!(body, ".*" | "^.*" | ".+" | "^.+")
        || (regex.starts_with('^') && (regex.ends_with('$') || regex.ends_with(".*")))
}

/// The new path: of the whole, or of the prefix that the rule is for.
fn of_path(rewrite: &WrittenRewrite, matches: &[RouteMatch]) -> Option<Value> {
    let WrittenRewrite { regex, replace } = rewrite;
    let only = match matches {
        [only] => only.path.as_ref().filter(|path| path.type_ == PathMatchType::PathPrefix),
        _ => None,
    };
    let prefix = only.map(|path| path.value.strip_suffix('/').unwrap_or(&path.value));
    if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
        let quoted = regex_syntax::escape(prefix);
        let is_prefix = |text: &str| text == prefix || text == quoted;
        let body = regex.strip_prefix('^').unwrap_or_default();
        if is_prefix(body) && !has_group(replace) {
            return Some(json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": replace}));
        }
        let rest = ["/(.*)$", "/(.*)", "/(.+)$"].into_iter().find_map(|end| body.strip_suffix(end));
        let stem = replace.strip_suffix("$1").filter(|stem| stem.ends_with('/') && !has_group(stem));
        if let (Some(true), Some(stem)) = (rest.map(is_prefix), stem) {
            return Some(json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": stem}));
        }
    }
    (is_whole(regex) && !has_group(replace))
        .then(|| json!({"type": "ReplaceFullPath", "replaceFullPath": replace}))
}
