//! Settings of what several contributors share: the load balancers and what protects them.

use crate::api::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

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
    /// The contributor; `None`: it is of its class.
    pub contributor: Option<ObjectKey>,
    /// Attributes or tags, with their values.
    pub values: BTreeMap<String, String>,
    /// Of which kind the values are; `None`: it has none.
    pub kind: Option<KeyedSetting>,
}

/// What contributors give key by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyedSetting {
    /// Attributes.
    Attributes,
    /// Tags.
    Tags,
}

/// Whose settings AWS refuses with this message: those whose names it contains; else all of that part, save of the ALB itself.
pub fn sources_of(settings: &[SharedSetting], part: SharedPart, words: &str) -> Vec<String> {
    let of_part = || settings.iter().filter(|setting| setting.part == part);
    // why: one letter stands in any words
    let is_named_by = |name: &String| name.len() > 1 && words.contains(name.as_str());
    let is_named = |setting: &&SharedSetting| setting.names.iter().any(is_named_by);
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

/// The contributors whose value of a key counts: the first that gives one, and those that give the same. None if a class gives
/// one, because that is nobody's in particular.
pub fn givers<'s>(
    settings: &'s [SharedSetting],
    part: SharedPart,
    kind: KeyedSetting,
    key: &str,
) -> BTreeSet<&'s ObjectKey> {
    let of_kind = settings.iter().filter(|setting| setting.part == part && setting.kind == Some(kind));
    let given: Vec<_> = of_kind
        .filter_map(|setting| Some((setting.contributor.as_ref(), setting.values.get(key)?)))
        .collect();
    let first = given.first().map(|(_, value)| *value);
    let same = given.iter().filter(|(_, value)| Some(*value) == first).map(|(contributor, _)| *contributor);
    let is_of_class = given.iter().any(|(contributor, _)| contributor.is_none());
    same.flatten().filter(|_| !is_of_class).collect()
}
