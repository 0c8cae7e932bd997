//! One log line.

use jiff::Timestamp;
use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::Value;
use std::error::Error;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

/// Fields in the order they were recorded; a later value replaces an earlier one of the same name.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// Takes over the fields of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.set(name, value.clone());
        }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    fn message(&self) -> &str {
        self.0.iter().find(|(name, _)| *name == MESSAGE).and_then(|(_, value)| value.as_str()).unwrap_or("")
    }
}

/// The field that `tracing` keeps an event's message in.
const MESSAGE: &str = "message";

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field.name(), value.to_string().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }
}

/// The event as JSON, without a line break.
pub(super) fn render_line(
    metadata: &Metadata<'_>,
    fields: &Fields,
    now: Timestamp,
) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("level", level_name(*metadata.level()))?;
    map.serialize_entry("ts", &now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())?;
    map.serialize_entry("logger", &logger(metadata.target()))?;
    map.serialize_entry("msg", fields.message())?;
    for (name, value) in fields.0.iter().filter(|(name, _)| *name != MESSAGE) {
        map.serialize_entry(name, value)?;
    }
    map.end()?;
    Ok(line)
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}

/// A target as a dotted name: the module path without the crate's name, or the target as given.
fn logger(target: &str) -> String {
    let crate_name = concat!(env!("CARGO_CRATE_NAME"), "::");
    target.strip_prefix(crate_name).unwrap_or(target).replace("::", ".")
}
