//! The name of an accelerator whose GlobalAccelerator gives none.

use crate::api::ObjectKey;
use crate::config::Config;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// `k8s_<namespace>_<name>_<hash>`, as upstream makes it.
pub fn default_name(key: &ObjectKey, ip_address_type: &str, config: &Config) -> String {
    let mut hash = Sha256::new();
    for part in [config.cluster_name.as_str(), &config.region, key.namespace(), key.name(), ip_address_type] {
        hash.update(part.as_bytes());
    }
    let mut hex = String::new();
    for byte in hash.finalize() {
        // why: writing to a text does not fail
        let _ = write!(hex, "{byte:02x}");
    }
    format!("k8s_{}_{}_{}", cut(key.namespace(), 16), cut(key.name(), 16), cut(&hex, 25))
}

/// The first characters of a text, of those that names may have.
fn cut(text: &str, length: usize) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_upstreams() {
        let config = Config {
            cluster_name: "my-cluster".to_owned(),
            region: "eu-west-1".to_owned(),
            ..Config::default()
        };
        let key = ObjectKey::namespaced("team-a", "edge-accelerator-prod");
        for (kind, expected) in [
            ("IPV4", "k8s_team-a_edge-accelerator_01ea0877c6db51d0b0c80edee"),
            ("DUAL_STACK", "k8s_team-a_edge-accelerator_50340981015e83a096525947b"),
        ] {
            assert_eq!(default_name(&key, kind, &config), expected);
        }
        let dotted = ObjectKey::namespaced("shop", "a-rather-long-name.with-dots");
        assert!(default_name(&dotted, "IPV4", &config).starts_with("k8s_shop_a-rather-long-na_"));
    }
}
