//! Fields that a type does not have, as the API server finds them with strict field validation.
//!
//! The type itself is asked: a deserializer walks the object beside the type's own `Deserialize` and compares each key with
//! the fields that the type declares.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};
use std::cell::RefCell;
use std::fmt;

/// A field that the type does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnknownField {
    /// Path of the field, for example `spec.ports[0].targetport`.
    pub path: String,
    /// Its last part.
    pub name: String,
    /// The fields that the type has in its place.
    pub known: &'static [&'static str],
}

/// The unknown fields of an object. What follows a value of the wrong type is not looked at; parsing reports that value.
pub(super) fn unknown_fields<K: DeserializeOwned>(object: &Value) -> Vec<UnknownField> {
    let found = RefCell::default();
    // why: an object that does not parse is reported where it is parsed
    drop(K::deserialize(FieldWalker { value: object, path: Path::Root, found: &found }));
    found.into_inner()
}

#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A value on its way into a type.
#[derive(Clone, Copy)]
struct FieldWalker<'v, 'p> {
    value: &'v Value,
    path: Path<'p>,
    found: &'p RefCell<Vec<UnknownField>>,
}

impl FieldWalker<'_, '_> {
    fn compare(&self, fields: &'static [&'static str]) {
        for key in self.value.as_object().into_iter().flat_map(Map::keys) {
            if !fields.contains(&key.as_str()) {
                self.found.borrow_mut().push(UnknownField {
                    path: Path::Key(&self.path, key).to_string(),
                    name: key.clone(),
                    known: fields,
                });
            }
        }
    }
}

impl<'v> Deserializer<'v> for FieldWalker<'v, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(entries) => {
                visitor.visit_map(EntryWalker { of: self, rest: entries.iter(), next: None })
            }
            Value::Array(items) => visitor.visit_seq(ItemWalker { of: self, rest: items.iter().enumerate() }),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.compare(fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct EntryWalker<'v, 'p> {
    of: FieldWalker<'v, 'p>,
    rest: serde_json::map::Iter<'v>,
    next: Option<(&'v str, &'v Value)>,
}

impl<'v> MapAccess<'v> for EntryWalker<'v, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next = self.rest.next().map(|(key, value)| (key.as_str(), value));
        self.next.map(|(key, _)| seed.deserialize(BorrowedStrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'v>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (key, value) = self.next.take().unwrap_or(("", &Value::Null));
        seed.deserialize(FieldWalker { value, path: Path::Key(&self.of.path, key), found: self.of.found })
    }
}

struct ItemWalker<'v, 'p> {
    of: FieldWalker<'v, 'p>,
    rest: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
}

impl<'v> SeqAccess<'v> for ItemWalker<'v, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'v>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        let path = Path::Index(&self.of.path, index);
        seed.deserialize(FieldWalker { value, path, found: self.of.found }).map(Some)
    }
}

#[cfg(test)]
mod tests;
