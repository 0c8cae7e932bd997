//! `transforms.<name>`: rewrites of a rule, written as JSON (upstream's `pkg/ingress/config_types.go`).

use super::{GoObject, InvalidAnnotation, json};
use crate::annotations::Annotations;
use crate::aws_api::elbv2::RuleTransform;
use serde::Deserialize;

/// The transforms of `transforms.<name>`, in order; none if there is no such annotation.
pub fn parse_transforms(
    annotations: &Annotations<'_>,
    name: &str,
) -> Result<Vec<RuleTransform>, InvalidAnnotation> {
    let suffix = format!("transforms.{name}");
    let raw: Vec<GoObject<RawTransform>> =
        json(annotations, &suffix, "a list of transforms", &[])?.unwrap_or_default();
    let checked = raw.into_iter().enumerate().map(|(index, GoObject(transform))| {
        let invalid =
            |problem| InvalidAnnotation::new(annotations.key(&suffix), format!("[{index}] {problem}"));
        transform.check().map_err(invalid)
    });
    checked.collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawTransform {
    r#type: String,
    urlrewriteconfig: Option<GoObject<RawRewrites>>,
    hostheaderrewriteconfig: Option<GoObject<RawRewrites>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRewrites {
    rewrites: Vec<GoObject<RawRewrite>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRewrite {
    regex: String,
    replace: String,
}

impl RawTransform {
    fn check(self) -> Result<RuleTransform, String> {
        let (config, name) = match self.r#type.as_str() {
            "url-rewrite" => (self.urlrewriteconfig, "urlRewriteConfig"),
            "host-header-rewrite" => (self.hostheaderrewriteconfig, "hostHeaderRewriteConfig"),
            other => return Err(format!("type is {other:?}, expected url-rewrite or host-header-rewrite")),
        };
        let GoObject(config) = config.ok_or_else(|| format!("{} needs {name}", self.r#type))?;
        if config.rewrites.is_empty() {
            return Err(format!("{name} has no rewrites"));
        }
        let rewrites = config.rewrites.into_iter().map(|GoObject(rewrite)| (rewrite.regex, rewrite.replace));
        Ok(RuleTransform { kind: self.r#type, rewrites: rewrites.collect() })
    }
}
