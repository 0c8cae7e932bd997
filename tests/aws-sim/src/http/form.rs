//! Forms of the Query protocols, whose parameter names spell a tree: `Tags.member.1.Key`.

use crate::refusal::{CallResult, bad_value, refuse};
use std::collections::BTreeMap;

/// A parameter and what its name nests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

static NOTHING: Node = Node { value: None, children: BTreeMap::new() };

impl Node {
    /// The tree of a form-encoded body.
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut root = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let leaf = name
                .split('.')
                .fold(&mut root, |node, part| node.children.entry(part.to_owned()).or_default());
            leaf.value = Some(value.into_owned());
        }
        root
    }

    /// What lies under a name; something empty if nothing does.
    pub(super) fn at(&self, name: &str) -> &Self {
        self.children.get(name).unwrap_or(&NOTHING)
    }

    /// Whether anything lies under a name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.children.contains_key(name)
    }

    /// The parameter's own value.
    pub(super) fn value(&self) -> String {
        self.value.clone().unwrap_or_default()
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.at(name).value.clone()
    }

    /// A text, empty if absent.
    pub(super) fn text_or_empty(&self, name: &str) -> String {
        self.at(name).value()
    }

    /// A text that Elastic Load Balancing insists on.
    pub(super) fn required(&self, name: &str) -> CallResult<String> {
        self.text(name).ok_or_else(|| {
            bad_value(format!("1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"))
        })
    }

    /// A number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> CallResult<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text
            .parse()
            .map_err(|_| refuse("MalformedInput", format!("{name}: '{text}' is not a number")))?;
        Ok(Some(number))
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The entries of a list, in their order: `name.member.N`, `name.entry.N` or `name.N`.
    pub(super) fn list(&self, name: &str) -> Vec<&Self> {
        let list = self.at(name);
        let list = ["member", "entry"].iter().find_map(|wrapper| list.children.get(*wrapper)).unwrap_or(list);
        let numbered =
            list.children.iter().filter_map(|(key, node)| Some((key.parse::<usize>().ok()?, node)));
        numbered.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).into_iter().map(Self::value).collect()
    }

    /// Pairs of a list whose entries have a key and a value.
    pub(super) fn pairs(&self, name: &str, key: &str, value: &str) -> Vec<(String, String)> {
        self.list(name)
            .into_iter()
            .map(|entry| (entry.text_or_empty(key), entry.text_or_empty(value)))
            .collect()
    }
}
