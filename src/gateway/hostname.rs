//! Hosts of listeners and routes: which requests both are about, and which of two hosts is more specific.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Why a text is no host of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// It is an address.
    #[error("hostname can not be IP address")]
    Address,
    /// A part between dots is empty or too long.
    #[error("invalid hostname label length, length must between 1 and 63")]
    Label,
}

/// Whether a text can be compared with other hosts. The definitions of Gateway API have checked its letters.
pub fn check(hostname: &str) -> Result<(), HostnameError> {
    if hostname.parse::<IpAddr>().is_ok() {
        return Err(HostnameError::Address);
    }
    let labels = hostname.strip_prefix("*.").unwrap_or(hostname).split('.');
    let is_fine = |label: &str| (1..=63).contains(&label.len());
    if labels.into_iter().all(is_fine) { Ok(()) } else { Err(HostnameError::Label) }
}

/// The more specific of two hosts, if both are about some of the same requests.
pub fn intersect<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    let covers =
        |wide: &str, narrow: &str| wide.starts_with("*.") && narrow.ends_with(wide.trim_start_matches('*'));
    match (one, other) {
        _ if one == other => Some(one),
        _ if covers(one, other) => Some(other),
        _ if covers(other, one) => Some(one),
        _ => None,
    }
}

/// Some hosts, among which those that cover another one are found.
#[derive(Clone, Debug, Default)]
pub struct HostSet<'a>(BTreeSet<&'a str>);

impl<'a> FromIterator<&'a str> for HostSet<'a> {
    fn from_iter<T: IntoIterator<Item = &'a str>>(hostnames: T) -> Self {
        Self(hostnames.into_iter().collect())
    }
}

impl<'a> HostSet<'a> {
    /// The most specific one that is about every request that `hostname` is about.
    pub fn closest(&self, hostname: &str) -> Option<&'a str> {
        self.0.get(hostname).copied().or_else(|| self.wider(hostname))
    }

    /// The same, but not `hostname` itself.
    pub fn wider(&self, hostname: &str) -> Option<&'a str> {
        let parents = hostname.match_indices('.').filter_map(|(at, _)| hostname.get(at..));
        let mut wildcards =
            parents.map(|parent| format!("*{parent}")).filter(|wildcard| wildcard != hostname);
        wildcards.find_map(|wildcard| self.0.get(wildcard.as_str()).copied())
    }
}

/// Order of hosts, the most specific first: exact ones, wildcards, none; with more dots, longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    is_any: bool,
    is_wildcard: bool,
    dots: Reverse<usize>,
    length: Reverse<usize>,
}

impl Specificity {
    /// That of a host; `None` stands for all hosts.
    pub fn of(hostname: Option<&str>) -> Self {
        let text = hostname.unwrap_or_default();
        Self {
            is_any: text.is_empty(),
            is_wildcard: text.starts_with("*."),
            dots: Reverse(text.matches('.').count()),
            length: Reverse(text.len()),
        }
    }
}

/// A regular expression for a host with or without a port.
///
/// why: an ALB compares a host with the Host header, and takes a port off only if it is the listener's.
pub fn regex_with_port(hostname: &str) -> String {
    let (any, rest) = hostname.strip_prefix('*').map_or(("", hostname), |rest| (".+", rest));
    format!("^{any}{}(:[0-9]+)?$", escape(rest))
}

/// `text` as a regular expression that matches it alone.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if regex_syntax::is_meta_character(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests;
