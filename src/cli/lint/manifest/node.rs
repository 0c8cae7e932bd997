//! A parsed document that still knows on which line each key and item stands.

use super::to_line;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;
use std::fmt;

/// A value and the lines of what is in it, from 1.
#[derive(Clone, Debug)]
pub(super) enum YamlNode {
    Leaf(Value),
    Map(Vec<(String, usize, YamlNode)>),
    List(Vec<(usize, YamlNode)>),
}

impl YamlNode {
    pub fn to_value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::Map(entries) => {
                Value::Object(entries.iter().map(|(key, _, node)| (key.clone(), node.to_value())).collect())
            }
            Self::List(items) => Value::Array(items.iter().map(|(_, node)| node.to_value()).collect()),
        }
    }

    /// The items of a List or of an array, Lists among them likewise, or this object alone.
    pub fn into_objects(self) -> Vec<Self> {
        let is_list =
            matches!(self.get("kind"), Some((_, Self::Leaf(Value::String(kind)))) if kind.ends_with("List"));
        match self {
            Self::Map(entries) if is_list => {
                let items = entries.into_iter().find(|(key, ..)| key == "items").map(|(.., items)| items);
                items.into_iter().flat_map(Self::into_items).collect()
            }
            list @ Self::List(_) => list.into_items(),
            other => vec![other],
        }
    }

    fn into_items(self) -> Vec<Self> {
        match self {
            Self::List(items) => items.into_iter().flat_map(|(_, item)| item.into_objects()).collect(),
            Self::Leaf(_) | Self::Map(_) => Vec::new(),
        }
    }

    /// What a key or an index names, and its line.
    fn get(&self, segment: &str) -> Option<(usize, &Self)> {
        match self {
            Self::Leaf(_) => None,
            Self::Map(entries) => {
                entries.iter().find(|(key, ..)| key == segment).map(|(_, line, node)| (*line, node))
            }
            Self::List(items) => items.get(segment.parse::<usize>().ok()?).map(|(line, node)| (*line, node)),
        }
    }

    /// The line of what a path names.
    pub fn line_of<'s>(&self, path: impl Iterator<Item = &'s str>) -> Option<usize> {
        let mut place = (None, self);
        for segment in path {
            let (line, node) = place.1.get(segment)?;
            place = (Some(line), node);
        }
        place.0
    }

    /// The line of the deepest part of a path that there is.
    pub fn nearest_line<'s>(&self, path: impl Iterator<Item = &'s str>) -> Option<usize> {
        let mut place = (None, self);
        for segment in path {
            let Some((line, node)) = place.1.get(segment) else { break };
            place = (Some(line), node);
        }
        place.0
    }

    pub fn first_line(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Map(entries) => entries.first().map_or(1, |(_, line, _)| *line),
            Self::List(items) => items.first().map_or(1, |(line, _)| *line),
        }
    }
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = YamlNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML document")
    }

    fn visit_bool<E>(self, value: bool) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<YamlNode, E> {
        Ok(YamlNode::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<YamlNode, D::Error> {
        YamlNode::deserialize(deserializer)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<YamlNode, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push((key.value, to_line(key.referenced.line()), map.next_value()?));
        }
        Ok(YamlNode::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<YamlNode, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<YamlNode>>()? {
            items.push((to_line(item.referenced.line()), item.value));
        }
        Ok(YamlNode::List(items))
    }
}
