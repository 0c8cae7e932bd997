//! Route 53: the records that validate names of certificates.

use super::acm::ValidationRecord;

/// How long resolvers keep a validation record, in seconds.
pub const VALIDATION_TTL: i64 = 60;

/// `ListHostedZones`, one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListHostedZones {
    /// Where the previous page ended.
    pub marker: Option<String>,
}

/// One page of hosted zones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostedZonePage {
    /// Zones.
    pub zones: Vec<HostedZone>,
    /// Set when there is more.
    pub next_marker: Option<String>,
}

/// A hosted zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostedZone {
    /// Id, as `ListHostedZones` spells it.
    pub id: String,
    /// Name; a dot at its end does not count.
    pub name: String,
    /// Whether only VPCs see it.
    pub is_private: bool,
}

/// `ChangeResourceRecordSets` that creates one record; refused if there is one of its name and type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateRecord {
    /// The zone's id.
    pub zone_id: String,
    /// The record.
    pub record: ValidationRecord,
}

/// `ChangeResourceRecordSets` that deletes one record; refused unless it is just this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteRecord {
    /// The zone's id.
    pub zone_id: String,
    /// The record.
    pub record: ValidationRecord,
    /// ARN of the certificate that it was for. Not sent.
    pub certificate: String,
}

impl HostedZone {
    /// The public zone among `zones` in which a name's records stand: the closest one, the first of equal ones.
    pub fn of<'z>(zones: &'z [Self], name: &str) -> Option<&'z Self> {
        let name = name.trim_end_matches('.');
        let holds = |zone: &&Self| {
            let own = zone.name.trim_end_matches('.');
            let before = name.strip_suffix(own);
            !zone.is_private && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        // why: `max_by_key` answers the last of equal ones
        zones.iter().rev().filter(holds).max_by_key(|zone| zone.name.trim_end_matches('.').len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_public_zone_has_the_records_of_a_name() {
        let zone = |id: &str, name: &str, is_private| HostedZone {
            id: id.to_owned(),
            name: name.to_owned(),
            is_private,
        };
        let zones = [
            zone("far", "example.com.", false),
            zone("near", "shop.example.com.", false),
            zone("second", "shop.example.com", false),
            zone("hidden", "in.shop.example.com.", true),
        ];
        let cases = [
            ("*.shop.example.com", Some("near")),
            ("shop.example.com", Some("near")),
            ("a.in.shop.example.com", Some("near")),
            ("workshop.example.com", Some("far")),
            ("example.com", Some("far")),
            ("myexample.com", None),
            ("com", None),
            ("", None),
        ];
        for (name, expected) in cases {
            let found = HostedZone::of(&zones, name).map(|zone| zone.id.as_str());
            assert_eq!(found, expected, "{name}");
        }
    }
}
