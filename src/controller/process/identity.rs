//! Who this replica is in the election.

use std::path::Path;

/// `<hostname>_<uuid>`, as client-go's users see it in the Lease.
pub fn new() -> String {
    format!("{}_{}", hostname(), uuid(rand::random()))
}

fn hostname() -> String {
    // why: a name for people to read; the rest of the identity is random
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
    let name = read("/etc/hostname").or_else(|| read("/proc/sys/kernel/hostname")).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "controller".to_owned() } else { name.to_owned() }
}

/// A version 4 UUID of these random bits.
fn uuid(bits: u128) -> String {
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (4 << 76) | (2 << 62);
    let hex = format!("{bits:032x}");
    let parts: Vec<_> = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .into_iter()
        .filter_map(|(from, to)| hex.get(from..to))
        .collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn identities_are_version_4_uuids() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
