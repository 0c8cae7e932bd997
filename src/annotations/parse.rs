//! One small total parser per annotation type. `None` means: does not parse.

use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Go's `strconv.ParseBool`.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A decimal 32-bit integer with optional sign.
pub fn int32(text: &str) -> Option<i32> {
    text.parse().ok()
}

/// A decimal 64-bit integer with optional sign.
pub fn int64(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Comma-separated items, trimmed, empty ones dropped.
pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Comma-separated `key=value` pairs with `\` as escape. A comma that nothing with `=` follows belongs to the value.
///
/// ```
/// use aws_load_balancer_controller::annotations::parse::map;
/// let parsed = map(r"a=1\,2, b= x ,c=").unwrap();
/// assert_eq!(parsed["a"], "1,2");
/// assert_eq!(parsed["b"], "x");
/// assert_eq!(parsed["c"], "");
/// assert_eq!(map("a=1,").unwrap()["a"], "1,");
/// assert_eq!(map("a=1,2,b=3"), None);
/// ```
pub fn map(text: &str) -> Option<BTreeMap<String, String>> {
    split_pairs(text).iter().map(|item| parse_pair(item)).collect()
}

/// Keys that stand in a list of pairs more than once; the last one counts.
pub fn repeated_keys(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let keys = split_pairs(text).into_iter().filter_map(|item| Some(parse_pair(&item)?.0));
    keys.filter(|key| !seen.insert(key.clone())).collect()
}

fn parse_pair(item: &str) -> Option<(String, String)> {
    let (key, value) = item.split_once('=')?;
    let key = key.trim();
    (!key.is_empty()).then(|| (key.to_owned(), value.trim().to_owned()))
}

fn split_pairs(text: &str) -> Vec<String> {
    // why: looked for once, not behind every comma again
    let (last_equals, written) = (text.rfind('='), text.trim_end().len());
    let mut items = Vec::new();
    let mut item = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => item.push(chars.next().unwrap_or('\\')),
            ',' => {
                let at = text.len() - chars.as_str().len();
                if at >= written {
                    item.push(',');
                    continue;
                }
                items.push(std::mem::take(&mut item).trim().to_owned());
                if last_equals.is_none_or(|last| last < at) {
                    items.push(chars.as_str().trim().to_owned());
                    return items;
                }
            }
            _ => item.push(c),
        }
    }
    if !item.is_empty() {
        items.push(item.trim().to_owned());
    }
    items
}

/// An address range. Octets and lengths with leading zeros make none, since some read them as octal.
pub fn cidr(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    // why: the crate takes leading zeros
    let is_plain = length == "0" || !length.starts_with('0');
    address.parse::<IpAddr>().ok().filter(|_| is_plain)?;
    text.parse().ok()
}

/// One JSON document as Go would decode it: object keys match without regard to case, `null` is the zero value, later
/// duplicates win, unknown keys are ignored. `T` must declare its fields in lower case (`#[serde(rename = "…")]`) and
/// default every field.
pub fn json<T: DeserializeOwned>(text: &str) -> Option<T> {
    let value: Value = serde_json::from_str(text).ok()?;
    serde_json::from_value(fold_json_keys(value)).ok()
}

/// Lower-cases every object key and drops nulls in objects, so that field names match as Go matches them.
fn fold_json_keys(value: Value) -> Value {
    match value {
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.to_lowercase(), fold_json_keys(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(fold_json_keys).collect()),
        other => other,
    }
}
