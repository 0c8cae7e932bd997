//! Route 53: hosted zones and their records.

use crate::{
    World,
    page::page,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::acm::ValidationRecord;
use aws_load_balancer_controller::aws_api::route53::{
    CreateRecord, DeleteRecord, HostedZone, HostedZonePage, ListHostedZones,
};
use std::collections::{BTreeMap, BTreeSet};

/// Zones with their records, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route53 {
    pub(crate) zones: BTreeMap<String, (HostedZone, BTreeSet<ValidationRecord>)>,
}

impl World {
    /// Adds a hosted zone.
    pub fn add_hosted_zone(&mut self, id: &str, name: &str, is_private: bool) {
        let zone = HostedZone { id: id.to_owned(), name: format!("{name}."), is_private };
        self.route53.zones.insert(id.to_owned(), (zone, BTreeSet::new()));
    }

    /// Zone ids and names of all records.
    pub fn records(&self) -> Vec<(String, String)> {
        let of_zone = |(id, (_, records)): (&String, &(HostedZone, BTreeSet<ValidationRecord>))| {
            records.iter().map(|record| (id.clone(), record.name.clone())).collect::<Vec<_>>()
        };
        self.route53.zones.iter().flat_map(of_zone).collect()
    }

    /// Whether everybody can look a record up: it stands in the closest public zone.
    pub(crate) fn resolves(&self, record: &ValidationRecord) -> bool {
        let zones: Vec<HostedZone> = self.route53.zones.values().map(|(zone, _)| zone.clone()).collect();
        let closest = HostedZone::of(&zones, &record.name);
        let records = closest.and_then(|zone| self.route53.zones.get(&zone.id)).map(|(_, records)| records);
        records.is_some_and(|records| records.contains(record))
    }

    pub(crate) fn list_hosted_zones(&self, request: &ListHostedZones) -> CallResult<HostedZonePage> {
        let zones = self.route53.zones.iter().map(|(id, (zone, _))| (id.clone(), zone.clone()));
        let bad_marker = || refuse("InvalidInput", "The marker is not valid");
        let (zones, next_marker) =
            page(zones, request.marker.as_deref(), self.settings.page_size, bad_marker)?;
        Ok(HostedZonePage { zones, next_marker })
    }

    pub(crate) fn create_record(&mut self, request: &CreateRecord) -> CallResult<()> {
        let CreateRecord { zone_id, record } = request;
        let (zone, records) = self.zone(zone_id)?;
        let as_public = [HostedZone { is_private: false, ..zone.clone() }];
        ensure(HostedZone::of(&as_public, &record.name).is_some(), || {
            let text = format!("RRSet with DNS name {} is not permitted in zone {}", record.name, zone.name);
            refuse("InvalidChangeBatch", format!("[{text}]"))
        })?;
        let is_there = records.iter().any(|one| one.name == record.name && one.kind == record.kind);
        ensure(!is_there, || refused_change("create", record, "it already exists"))?;
        records.insert(record.clone());
        Ok(())
    }

    pub(crate) fn delete_record(&mut self, request: &DeleteRecord) -> CallResult<()> {
        let DeleteRecord { zone_id, record, certificate: _ } = request;
        let (_, records) = self.zone(zone_id)?;
        if records.remove(record) {
            return Ok(());
        }
        let is_like = |one: &ValidationRecord| one.name == record.name && one.kind == record.kind;
        let why = if records.iter().any(is_like) {
            "the values provided do not match the current values"
        } else {
            "it was not found"
        };
        Err(refused_change("delete", record, why))
    }

    fn zone(&mut self, id: &str) -> CallResult<&mut (HostedZone, BTreeSet<ValidationRecord>)> {
        let missing = || refuse("NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
        self.route53.zones.get_mut(id).ok_or_else(missing)
    }
}

fn refused_change(verb: &str, record: &ValidationRecord, why: &str) -> crate::refusal::Refusal {
    let ValidationRecord { name, kind, .. } = record;
    let text = format!("Tried to {verb} resource record set [name='{name}', type='{kind}'] but {why}");
    refuse("InvalidChangeBatch", format!("[{text}]"))
}
