//! Which validation records stand, and which are just being deleted.

use crate::aws_api::acm::ValidationRecord;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPermission {
    /// It may.
    Granted,
    /// There is nothing to be done: a certificate that stays needs the record.
    Needless,
    /// Not before another one has ended.
    Later,
}

/// The records that we know of.
#[derive(Debug, Default)]
pub(super) struct ValidationRecords {
    standing: BTreeSet<ValidationRecord>,
    /// Names of records that are being deleted now.
    in_deletion: BTreeSet<String>,
    /// Names of certificates that are being asked for, by the token of the request.
    intents: BTreeMap<String, (Instant, Vec<String>)>,
}

impl ValidationRecords {
    /// Whether a record is known to stand.
    pub fn stands(&self, record: &ValidationRecord) -> bool {
        self.standing.contains(record)
    }

    pub fn note_standing(&mut self, record: &ValidationRecord) {
        self.standing.insert(record.clone());
    }

    pub fn forget(&mut self, record: &ValidationRecord) {
        self.standing.remove(record);
    }

    /// Says that a certificate with these names is going to be asked for.
    pub fn note_intent(&mut self, token: &str, names: &[String]) {
        self.intents.insert(token.to_owned(), (Instant::now(), names.to_vec()));
    }

    pub fn forget_intent(&mut self, token: &str) {
        self.intents.remove(token);
    }

    /// A list that began later shows what became of a request.
    pub fn forget_intents_before(&mut self, began: Instant) {
        self.intents.retain(|_, (since, _)| *since + super::LAG >= began);
    }

    pub fn permit_creation(&self, record: &ValidationRecord) -> CallPermission {
        if self.in_deletion.contains(&record.name) { CallPermission::Later } else { CallPermission::Granted }
    }

    /// `others`: names of the other certificates.
    pub fn permit_deletion<'n>(
        &mut self,
        record: &ValidationRecord,
        mut others: impl Iterator<Item = &'n str>,
    ) -> CallPermission {
        let name = validated_by(record);
        let is_it = |other: &str| other.strip_prefix("*.").unwrap_or(other).eq_ignore_ascii_case(name);
        let is_asked_for =
            || self.intents.values().flat_map(|(_, names)| names).any(|other| is_it(other.as_str()));
        if others.any(is_it) || is_asked_for() {
            return CallPermission::Needless;
        }
        self.in_deletion.insert(record.name.clone());
        CallPermission::Granted
    }

    pub fn note_deletion_ended(&mut self, record: &ValidationRecord) {
        self.in_deletion.remove(&record.name);
    }
}

/// The name that a record validates: what follows its first label.
fn validated_by(record: &ValidationRecord) -> &str {
    record.name.split_once('.').map_or("", |(_, name)| name).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ValidationRecord {
        ValidationRecord {
            name: "_a.shop.example.com.".to_owned(),
            kind: "CNAME".to_owned(),
            value: "_b.acm-validations.aws.".to_owned(),
        }
    }

    #[test]
    fn a_record_stays_while_another_certificate_has_its_name() {
        let cases = [
            (vec!["shop.example.com"], CallPermission::Needless),
            (vec!["other.example.com", "*.shop.example.com"], CallPermission::Needless),
            (vec!["a.shop.example.com", "example.com"], CallPermission::Granted),
            (Vec::new(), CallPermission::Granted),
        ];
        for (others, expected) in cases {
            let mut records = ValidationRecords::default();
            assert_eq!(records.permit_deletion(&record(), others.iter().copied()), expected, "{others:?}");
        }
    }

    #[tokio::test]
    async fn a_record_stays_while_a_certificate_with_its_name_is_asked_for() {
        let mut records = ValidationRecords::default();
        records.note_intent("t", &["*.shop.example.com".to_owned()]);
        assert_eq!(records.permit_deletion(&record(), std::iter::empty()), CallPermission::Needless);
        records.forget_intent("t");
        assert_eq!(records.permit_deletion(&record(), std::iter::empty()), CallPermission::Granted);
    }

    #[test]
    fn a_record_is_not_made_while_it_is_deleted() {
        let mut records = ValidationRecords::default();
        records.note_standing(&record());
        assert_eq!(records.permit_deletion(&record(), std::iter::empty()), CallPermission::Granted);
        assert_eq!(records.permit_creation(&record()), CallPermission::Later);
        records.forget(&record());
        records.note_deletion_ended(&record());
        assert_eq!(
            (records.permit_creation(&record()), records.stands(&record())),
            (CallPermission::Granted, false)
        );
    }
}
