//! JSON of bounded cost: what nobody reads is skipped, and an object that would take too much memory is cut off.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// Memory that one object may take, in bytes. A Service or Ingress as large as etcd takes it needs a half.
const MEMORY: usize = 24 * 1024 * 1024;
/// Bytes of a value, with room for the list that holds it to grow.
const VALUE: usize = 64;
/// Bytes of a text beside what it says.
const TEXT: usize = 32;
/// Bytes of a node of a map, which has room for eleven entries.
const NODE: usize = 640;
/// Entries of a node that is half full.
const ENTRIES: usize = 6;

/// An object without its managed fields, and without what goes beyond its memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoundedJson {
    /// The object.
    pub value: Value,
    /// Whether something is missing because the object would take too much memory.
    pub is_cut: bool,
}

impl<'de> Deserialize<'de> for BoundedJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let memory = MemoryBudget { left: Cell::new(MEMORY), is_cut: Cell::new(false) };
        let value = Seed { memory: &memory, place: JsonPosition::Root }.deserialize(deserializer)?;
        Ok(Self { value, is_cut: memory.is_cut.get() })
    }
}

struct MemoryBudget {
    left: Cell<usize>,
    is_cut: Cell<bool>,
}

impl MemoryBudget {
    /// Whether there is so much left.
    fn take(&self, bytes: usize) -> bool {
        if let Some(left) = self.left.get().checked_sub(bytes)
            && !self.is_cut.get()
        {
            self.left.set(left);
        } else {
            self.is_cut.set(true);
        }
        !self.is_cut.get()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum JsonPosition {
    Root,
    Metadata,
    Elsewhere,
}

impl JsonPosition {
    fn below(self, key: &str) -> Self {
        if self == Self::Root && key == "metadata" { Self::Metadata } else { Self::Elsewhere }
    }

    /// Nobody here reads who wrote which field, and it is often the larger part of an object.
    fn is_skipped(self, key: &str) -> bool {
        self == Self::Metadata && key == "managedFields"
    }
}

#[derive(Clone, Copy)]
struct Seed<'m> {
    memory: &'m MemoryBudget,
    place: JsonPosition,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.memory.take(VALUE) {
            deserializer.deserialize_any(self)
        } else {
            IgnoredAny::deserialize(deserializer).map(|_| Value::Null)
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        let fits = self.memory.take(TEXT + value.len());
        Ok(if fits { Value::from(value) } else { Value::Null })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let seed = Seed { place: JsonPosition::Elsewhere, ..self };
        while let Some(item) = items.next_element_seed(seed)? {
            if !self.memory.is_cut.get() {
                list.push(item);
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let node = if map.len().is_multiple_of(ENTRIES) { NODE } else { 0 };
            if self.place.is_skipped(&key) || !self.memory.take(TEXT + key.len() + node) {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = entries.next_value_seed(Seed { place: self.place.below(&key), ..self })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests;
