//! Fields that a JSON object has twice. Readers take one of them and drop the other without a word.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Names of fields that stand in one object more than once, without regard to case, as they are read. What does not parse has
/// none.
pub(super) fn keys(text: &str) -> Vec<String> {
    serde_json::from_str::<Repeated>(text).map_or_else(|_| Vec::new(), |repeated| repeated.0)
}

struct Repeated(Vec<String>);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RepeatedKeysVisitor)
    }
}

struct RepeatedKeysVisitor;

impl<'de> Visitor<'de> for RepeatedKeysVisitor {
    type Value = Repeated;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Repeated, A::Error> {
        let (mut seen, mut repeated) = (BTreeSet::new(), Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            repeated.extend(map.next_value::<Repeated>()?.0);
            if !seen.insert(key.to_lowercase()) {
                repeated.push(key);
            }
        }
        Ok(Repeated(repeated))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Repeated, A::Error> {
        let mut repeated = Vec::new();
        while let Some(item) = items.next_element::<Repeated>()? {
            repeated.extend(item.0);
        }
        Ok(Repeated(repeated))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Repeated, E> {
        Ok(Repeated(Vec::new()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Repeated, E> {
        Ok(Repeated(Vec::new()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Repeated, E> {
        Ok(Repeated(Vec::new()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Repeated, E> {
        Ok(Repeated(Vec::new()))
    }

    fn visit_str<E>(self, _: &str) -> Result<Repeated, E> {
        Ok(Repeated(Vec::new()))
    }

    fn visit_unit<E>(self) -> Result<Repeated, E> {
        Ok(Repeated(Vec::new()))
    }
}
