//! Values of flags in the syntax of Go's flag library (`pflag`), quirks included.

use std::collections::BTreeMap;
use std::time::Duration;

/// Why a text is no value of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a Go boolean.
    #[error("expected true or false (or 1, t, T, TRUE, True, 0, f, F, FALSE, False)")]
    Bool,
    /// Not an integer.
    #[error("expected an integer, for example 10")]
    Int,
    /// Not a Go duration.
    #[error("expected a duration with units h, m, s, ms, us or ns, for example 1m30s")]
    Duration,
    /// Not a pair.
    #[error("{0:?} must be formatted as key=value")]
    Pair(String),
    /// Not a CSV record.
    #[error("a quote must begin and end its item, and be doubled within it")]
    Quote,
}

/// A Go boolean.
pub fn parse_bool(text: &str) -> Result<bool, ValueError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(ValueError::Bool),
    }
}

/// A Go integer: decimal, or with the prefix `0x`, `0o`, `0b` or `0`.
pub fn parse_int(text: &str) -> Result<i64, ValueError> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let bases = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed =
        bases.iter().find_map(|&(prefix, base)| lower.strip_prefix(prefix).map(|rest| (rest, base)));
    let (digits, base) = match (prefixed, lower.strip_prefix('0')) {
        (Some(found), _) => found,
        (None, Some(octal)) if !octal.is_empty() => (octal, 8),
        _ => (lower.as_str(), 10),
    };
    let magnitude = i64::from_str_radix(digits, base).ok().filter(|_| !digits.starts_with(['+', '-']));
    magnitude.map(|magnitude| sign * magnitude).ok_or(ValueError::Int)
}

/// A Go duration. Negative ones count as zero: they all mean "at once".
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    loop {
        let (part, after) = parse_duration_part(rest)?;
        total = total.checked_add(part).ok_or(ValueError::Duration)?;
        if after.is_empty() {
            return Ok(if negative { Duration::ZERO } else { total });
        }
        rest = after;
    }
}

/// The first number with its unit, and what follows.
fn parse_duration_part(text: &str) -> Result<(Duration, &str), ValueError> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(ValueError::Duration)?;
    let (number, rest) = text.split_at(digits_end);
    let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, after) = rest.split_at(unit_end);
    let unit_seconds = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        _ => return Err(ValueError::Duration),
    };
    let number: f64 = number.parse().map_err(|_| ValueError::Duration)?;
    let part = Duration::try_from_secs_f64(number * unit_seconds).map_err(|_| ValueError::Duration)?;
    Ok((part, after))
}

/// One CSV record.
pub fn parse_list(text: &str) -> Result<Vec<String>, ValueError> {
    let mut items = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (item, after) = parse_csv_item(rest)?;
        items.push(item);
        match after.strip_prefix(',') {
            Some("") => {
                items.push(String::new());
                break;
            }
            Some(more) => rest = more,
            None => break,
        }
    }
    Ok(items)
}

/// The first item of a CSV record, and what follows it.
fn parse_csv_item(text: &str) -> Result<(String, &str), ValueError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (item, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
        return if item.contains('"') { Err(ValueError::Quote) } else { Ok((item.to_owned(), rest)) };
    };
    let mut item = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"').ok_or(ValueError::Quote)?;
        item.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                item.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with(',') => return Ok((item, after)),
            None => return Err(ValueError::Quote),
        }
    }
}

/// `key=value` pairs as one CSV record.
///
/// why: as in `pflag`, a value with exactly one `=` is one pair and is not split at its commas.
pub fn parse_map(text: &str) -> Result<BTreeMap<String, String>, ValueError> {
    let pairs = match text.matches('=').count() {
        0 => return Err(ValueError::Pair(text.to_owned())),
        1 => vec![text.trim_matches('"').to_owned()],
        _ => parse_list(text)?,
    };
    pairs.into_iter().map(parse_pair).collect()
}

fn parse_pair(pair: String) -> Result<(String, String), ValueError> {
    match pair.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(ValueError::Pair(pair)),
    }
}
