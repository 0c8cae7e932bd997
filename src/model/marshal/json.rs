//! JSON with the fields of an object in the order they are given, escaped as Go escapes it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// A JSON value.
pub(super) enum JsonValue {
    Null,
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<JsonValue>),
    Object(JsonObject),
}

/// A JSON object; its fields keep their order.
#[derive(Default)]
pub(super) struct JsonObject(Vec<(String, JsonValue)>);

impl JsonObject {
    pub fn new() -> Self {
        Self::default()
    }

    /// An object whose fields are sorted, as Go sorts the keys of maps.
    pub fn sorted(fields: impl IntoIterator<Item = (String, JsonValue)>) -> Self {
        Self(fields.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
    }

    pub fn with(mut self, key: &str, value: impl Into<JsonValue>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    pub fn with_some(self, key: &str, value: Option<impl Into<JsonValue>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// A list or map, left out when empty.
    pub fn with_any<C: IntoContainer>(self, key: &str, items: C) -> Self {
        match items.into_container() {
            JsonValue::List(items) if items.is_empty() => self,
            JsonValue::Object(fields) if fields.0.is_empty() => self,
            other => self.with(key, other),
        }
    }

    /// Compact JSON text.
    pub fn render(&self) -> String {
        let text = serde_json::to_string(self).ok().unwrap_or_default(); // why: nothing in a Node can fail to serialise
        ESCAPES.iter().fold(text, |text, (from, to)| text.replace(*from, to))
    }
}

/// What Go escapes and serde_json does not; none of these occurs in JSON outside of strings.
const ESCAPES: [(char, &str); 5] =
    [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];

/// Lists and maps of things that become nodes.
pub(super) trait IntoContainer {
    fn into_container(self) -> JsonValue;
}

impl<I: IntoIterator<Item = T>, T: ListItem> IntoContainer for I {
    fn into_container(self) -> JsonValue {
        T::gather(self)
    }
}

/// An item of a list, or an entry of a map.
pub(super) trait ListItem: Sized {
    fn gather(items: impl IntoIterator<Item = Self>) -> JsonValue;
}

macro_rules! listed {
    ($($ty:ty),*) => {$(
        impl ListItem for $ty {
            fn gather(items: impl IntoIterator<Item = Self>) -> JsonValue {
                JsonValue::list(items)
            }
        }
    )*};
}
listed!(JsonObject, &crate::aws_api::Ref, &String);

impl ListItem for (&String, &String) {
    fn gather(items: impl IntoIterator<Item = Self>) -> JsonValue {
        JsonObject::sorted(items.into_iter().map(|(key, value)| (key.clone(), value.into()))).into()
    }
}

impl JsonValue {
    pub fn list(items: impl IntoIterator<Item = impl Into<JsonValue>>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A list that is `null` when empty, as Go writes a slice that was never appended to.
    pub fn list_or_null(items: impl IntoIterator<Item = impl Into<JsonValue>>) -> Self {
        match Self::list(items) {
            Self::List(items) if items.is_empty() => Self::Null,
            list => list,
        }
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl From<JsonObject> for JsonValue {
    fn from(object: JsonObject) -> Self {
        Self::Object(object)
    }
}

impl From<&str> for JsonValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for JsonValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for JsonValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for JsonValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i32> for JsonValue {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for JsonValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
