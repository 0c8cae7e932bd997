//! Settings of what several contributors share: the load balancers and what protects them.

use std::collections::BTreeSet;

/// A part of a stack that several contributors ask for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedPart {
    /// The ALB and its security group.
    LoadBalancer,
    /// The NLB in front of it.
    FrontendNlb,
    /// The WAFv2 web ACL.
    WebAcl,
    /// The web ACL of WAF Classic.
    ClassicWebAcl,
    /// Shield.
    Shield,
}

/// A setting of a shared part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSetting {
    /// Of which part.
    pub part: SharedPart,
    /// How an error of AWS would name it: ids, keys, ARNs.
    pub names: Vec<String>,
    /// The object and its annotation or field.
    pub source: String,
}

/// Whose settings AWS refuses with this message: those whose names it contains; else all of that part, save of the ALB itself.
pub fn sources_of(settings: &[SharedSetting], part: SharedPart, words: &str) -> Vec<String> {
    let of_part = || settings.iter().filter(|setting| setting.part == part);
    let is_named = |setting: &&SharedSetting| setting.names.iter().any(|name| words.contains(name.as_str()));
    let named: BTreeSet<String> = of_part().filter(is_named).map(|setting| setting.source.clone()).collect();
    if named.is_empty() && part != SharedPart::LoadBalancer {
        return of_part()
            .map(|setting| setting.source.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
    }
    named.into_iter().collect()
}
