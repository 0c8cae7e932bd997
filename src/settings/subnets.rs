//! Subnets of load balancers: resolving what users name, choosing where they name nothing, and judging the outcome.
//!
//! Upstream: `pkg/networking/subnet_resolver.go`.

use super::Origin;
use crate::api::ingress_class_params::SubnetSelector;
use crate::api::meta::{INTERNAL_SUBNET_ROLE_TAG, KUBERNETES_CLUSTER_TAG_PREFIX, PUBLIC_SUBNET_ROLE_TAG};
use crate::aws_api::ec2::{RouteTable, Subnet};
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::config::Config;
use crate::facts::{BuildError, Facts, Lookup, LookupFailure, SubnetLookup};
use crate::finding::{Finding, enumerate};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Fewest free IPv4 addresses of a subnet that is chosen for a load balancer.
const MIN_FREE_ADDRESSES: i32 = 8;

/// What the subnets are for, and where what is wrong with them is reported.
#[derive(Clone, Debug)]
pub struct Placement<'a> {
    /// Kind of load balancer.
    pub kind: LoadBalancerType,
    /// Its scheme.
    pub scheme: Scheme,
    /// Its address families.
    pub ip_address_type: IpAddressType,
    /// The setting that findings name.
    pub origin: Origin,
    /// What is known.
    pub facts: &'a Facts,
    /// The controller's configuration.
    pub config: &'a Config,
}

impl<'a> Placement<'a> {
    /// The subnets that a list of ids (`subnet-…`) and `Name` tags means, in the order of the list. The n-th mention of a
    /// name takes the n-th subnet of that name by id.
    pub fn resolve_listed(&self, listed: &[String]) -> Result<Vec<&'a Subnet>, BuildError> {
        let (ids, names): (Vec<String>, Vec<String>) =
            listed.iter().cloned().partition(|item| item.starts_with("subnet-"));
        let (by_id, by_name) = (self.find_by_ids(&ids)?, self.find_by_names(&names)?);
        let ids: BTreeMap<&str, &Subnet> = by_id.iter().rev().map(|subnet| (&*subnet.id, *subnet)).collect();
        let mut left: BTreeMap<&str, VecDeque<&Subnet>> = BTreeMap::new();
        for subnet in &by_name {
            left.entry(name_of(subnet)).or_default().push_back(subnet);
        }
        let mut resolved = Vec::with_capacity(listed.len());
        for item in listed {
            let found = if item.starts_with("subnet-") {
                ids.get(item.as_str()).copied()
            } else {
                left.get_mut(item.as_str()).and_then(VecDeque::pop_front)
            };
            resolved.push(found.ok_or_else(|| self.missing(item, &by_name))?);
        }
        self.check_explicit(&resolved)?;
        Ok(resolved)
    }

    /// The subnets that a selector means: its ids in AWS's order, else one per zone of those that carry its tags.
    pub fn resolve_selected(&self, selector: &SubnetSelector) -> Result<Vec<&'a Subnet>, BuildError> {
        if let Some(ids) = selector.ids.as_ref().filter(|ids| !ids.is_empty()) {
            let subnets = self.find_by_ids(ids)?;
            self.check_explicit(&subnets)?;
            return Ok(subnets);
        }
        let tags = selector.tags.iter().flatten().map(|(key, values)| (key.clone(), values.clone()));
        let subnets = self.facts.subnets(&SubnetLookup::Tags(tags.collect()))??;
        self.choose(subnets.iter().collect())
    }

    /// One subnet per zone of those that carry the role tag; without any such subnet, of those that routes make public
    /// or private as the scheme wants.
    pub fn discover(&self) -> Result<Vec<&'a Subnet>, BuildError> {
        let role = match self.scheme {
            Scheme::InternetFacing => PUBLIC_SUBNET_ROLE_TAG,
            Scheme::Internal | Scheme::Other(_) => INTERNAL_SUBNET_ROLE_TAG,
        };
        let values = vec![String::new(), "1".to_owned()];
        let tagged = self.facts.subnets(&SubnetLookup::Tags(vec![(role.to_owned(), values)]))??;
        if tagged.is_empty() && self.config.features.subnet_discovery_by_reachability {
            return self.choose(self.find_reachable()?);
        }
        self.choose(tagged.iter().collect())
    }

    fn find_by_ids(&self, ids: &[String]) -> Result<Vec<&'a Subnet>, BuildError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<&Subnet> = match self.facts.subnets(&SubnetLookup::Ids(unique(ids)))? {
            Ok(subnets) => subnets.iter().collect(),
            Err(failure) if is_unknown_id(&failure) => {
                return Err(self.origin.error(failure.message).into());
            }
            Err(failure) => return Err(failure.into()),
        };
        let known: BTreeSet<&str> = found.iter().map(|subnet| subnet.id.as_str()).collect();
        if let Some(id) = ids.iter().find(|id| !known.contains(id.as_str())) {
            return Err(self.missing(id, &found).into());
        }
        if let Some(id) = first_repeated(ids) {
            return Err(self.origin.error(format!("subnet {id} is listed twice")).into());
        }
        Ok(found)
    }

    fn find_by_names(&self, names: &[String]) -> Result<Vec<&'a Subnet>, BuildError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut subnets: Vec<&Subnet> =
            self.facts.subnets(&SubnetLookup::Names(unique(names)))??.iter().collect();
        subnets.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(subnets)
    }

    fn missing(&self, item: &str, candidates: &[&Subnet]) -> Finding {
        let same_name = candidates.iter().filter(|subnet| name_of(subnet) == item).count();
        let message = match (item.starts_with("subnet-"), same_name) {
            (true, _) => format!("subnet {item} does not exist"),
            (false, 0) => format!("no subnet of the cluster's VPC has the tag Name={item}"),
            (false, count) => {
                format!("tag Name={item} is listed more often than there are subnets with it ({count})")
            }
        };
        self.origin.error(message)
    }

    fn find_reachable(&self) -> Result<Vec<&'a Subnet>, BuildError> {
        let subnets = self.facts.subnets(&SubnetLookup::All)??;
        let tables = self.facts.route_tables()??;
        let wanted = self.scheme == Scheme::InternetFacing;
        let mut reachable = Vec::new();
        for subnet in subnets {
            let table = route_table_of(subnet, tables)
                .ok_or_else(|| self.origin.error("the cluster's VPC has no main route table"))?;
            if is_public(table) == wanted {
                reachable.push(subnet);
            }
        }
        Ok(reachable)
    }

    /// One eligible subnet per zone, in order of their ids.
    fn choose(&self, subnets: Vec<&'a Subnet>) -> Result<Vec<&'a Subnet>, BuildError> {
        let mut refused = Refused { evaluated: subnets.len(), ..Refused::default() };
        let mut per_zone: BTreeMap<&str, &Subnet> = BTreeMap::new();
        for subnet in subnets {
            if !self.is_eligible(subnet, &mut refused) {
                continue;
            }
            let best = per_zone.entry(&subnet.availability_zone).or_insert(subnet);
            if self.rank(subnet) < self.rank(best) {
                *best = subnet;
            }
        }
        let mut chosen: Vec<&Subnet> = per_zone.into_values().collect();
        chosen.sort_by(|a, b| a.id.cmp(&b.id));
        if chosen.is_empty() {
            return Err(self.nothing_eligible(&refused).into());
        }
        self.check_locale_and_count(&chosen)?;
        Ok(chosen)
    }

    fn is_eligible(&self, subnet: &Subnet, refused: &mut Refused) -> bool {
        let reason = if self.belongs_to_others(subnet) {
            &mut refused.of_other_clusters
        } else if subnet.available_ip_address_count < MIN_FREE_ADDRESSES {
            &mut refused.too_full
        } else if self.needs_ipv6() && !has_ipv6(subnet) {
            &mut refused.without_ipv6
        } else {
            return true;
        };
        *reason += 1;
        false
    }

    /// Subnets of this cluster come first, then the smallest id.
    fn rank<'s>(&self, subnet: &'s Subnet) -> (bool, &'s str) {
        (!self.has_cluster_tag(subnet), &subnet.id)
    }

    fn has_cluster_tag(&self, subnet: &Subnet) -> bool {
        subnet.tags.contains_key(&format!("{KUBERNETES_CLUSTER_TAG_PREFIX}{}", self.config.cluster_name))
    }

    fn belongs_to_others(&self, subnet: &Subnet) -> bool {
        let prefix = KUBERNETES_CLUSTER_TAG_PREFIX.trim_end_matches('/');
        self.config.features.subnets_cluster_tag_check
            && subnet.tags.keys().any(|key| key.starts_with(prefix))
            && !self.has_cluster_tag(subnet)
    }

    fn needs_ipv6(&self) -> bool {
        matches!(self.ip_address_type, IpAddressType::Dualstack | IpAddressType::DualstackWithoutPublicIpv4)
    }

    fn nothing_eligible(&self, refused: &Refused) -> Finding {
        let Refused { evaluated, of_other_clusters, too_full, without_ipv6 } = refused;
        let ipv6 = if self.needs_ipv6() {
            format!(", {without_ipv6} have no associated IPv6 CIDR")
        } else {
            String::new()
        };
        let message = format!(
            "no suitable subnet for an {} load balancer: of {evaluated} candidates {of_other_clusters} are tagged for \
             other clusters, {too_full} have fewer than {MIN_FREE_ADDRESSES} free addresses{ipv6}",
            self.scheme
        );
        let hint = match self.scheme {
            Scheme::InternetFacing => format!("tag public subnets with {PUBLIC_SUBNET_ROLE_TAG}=1"),
            _ => format!("tag private subnets with {INTERNAL_SUBNET_ROLE_TAG}=1"),
        };
        self.origin.error(message).hint(format!("{hint}, or name subnets by annotation"))
    }

    fn check_explicit(&self, subnets: &[&Subnet]) -> Result<(), BuildError> {
        if subnets.is_empty() {
            return Err(self.origin.error("no subnet is given, expected at least one").into());
        }
        self.check_one_per_zone(subnets)?;
        self.check_locale_and_count(subnets)?;
        self.check_ipv6(subnets)
    }

    fn check_one_per_zone(&self, subnets: &[&Subnet]) -> Result<(), BuildError> {
        let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
        for subnet in subnets {
            if let Some(other) = zones.insert(&subnet.availability_zone, &subnet.id) {
                let zone = &subnet.availability_zone;
                let both = format!("subnets {other} and {} lie in the same zone {zone}", subnet.id);
                return Err(self.origin.error(both).hint("give at most one subnet per zone").into());
            }
        }
        Ok(())
    }

    fn check_locale_and_count(&self, subnets: &[&Subnet]) -> Result<(), BuildError> {
        let locale = self.common_locale(subnets)?;
        let two = self.kind == LoadBalancerType::Application
            && locale == Some("availability-zone")
            && !self.config.features.alb_single_subnet;
        let (count, minimum) = (subnets.len(), if two { 2 } else { 1 });
        if count < minimum {
            let listed = ids(subnets);
            let message = format!("{count} subnet in one zone ({listed}), expected at least {minimum} zones");
            return Err(self.origin.error(message).into());
        }
        Ok(())
    }

    fn common_locale(&self, subnets: &[&Subnet]) -> Result<Option<&'a str>, BuildError> {
        self.ask_for_zone_types(subnets)?;
        let mut common = None;
        for subnet in subnets {
            let locale = self.locale(subnet)?;
            if *common.get_or_insert(locale) != locale {
                let first = common.unwrap_or_default();
                let message = format!("subnets ({}) mix locales {first} and {locale}", ids(subnets));
                return Err(self.origin.error(message).hint("use subnets of one kind of zone").into());
            }
        }
        Ok(common)
    }

    /// All missing zones in one question.
    fn ask_for_zone_types(&self, subnets: &[&Subnet]) -> Result<(), BuildError> {
        let zones: BTreeSet<&String> = subnets
            .iter()
            .filter(|subnet| subnet.outpost_arn.is_none())
            .map(|subnet| &subnet.availability_zone_id)
            .filter(|zone| !self.facts.zone_types.contains_key(*zone))
            .collect();
        if zones.is_empty() {
            return Ok(());
        }
        Err(Lookup::ZoneTypes(zones.into_iter().cloned().collect()).into())
    }

    fn locale(&self, subnet: &Subnet) -> Result<&'a str, BuildError> {
        if subnet.outpost_arn.is_some() {
            return Ok("outpost");
        }
        match self.facts.zone_type(&subnet.availability_zone_id)? {
            known @ ("availability-zone" | "local-zone" | "wavelength-zone") => Ok(known),
            other => {
                let zone = &subnet.availability_zone_id;
                Err(self
                    .origin
                    .error(format!("zone {zone} of subnet {} is of unknown type {other}", subnet.id))
                    .into())
            }
        }
    }

    fn check_ipv6(&self, subnets: &[&Subnet]) -> Result<(), BuildError> {
        if !self.needs_ipv6() {
            return Ok(());
        }
        let without: Vec<&Subnet> = subnets.iter().copied().filter(|subnet| !has_ipv6(subnet)).collect();
        if without.is_empty() {
            return Ok(());
        }
        let message = format!(
            "subnets {} have no associated IPv6 CIDR, which {} needs",
            ids(&without),
            self.ip_address_type
        );
        Err(self.origin.error(message).into())
    }
}

/// Why candidates were not chosen.
#[derive(Default)]
struct Refused {
    evaluated: usize,
    of_other_clusters: usize,
    too_full: usize,
    without_ipv6: usize,
}

/// Whether EC2 says that an id means nothing: it then refuses the whole request.
fn is_unknown_id(failure: &LookupFailure) -> bool {
    failure.code.as_deref().is_some_and(|code| code.starts_with("InvalidSubnet"))
}

fn unique(items: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    items.iter().filter(|item| seen.insert(item.as_str())).cloned().collect()
}

fn first_repeated(items: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    items.iter().find(|item| !seen.insert(item.as_str()))
}

/// The value of the tag `Name`; empty without one.
fn name_of(subnet: &Subnet) -> &str {
    subnet.tags.get("Name").map(String::as_str).unwrap_or_default()
}

fn ids(subnets: &[&Subnet]) -> String {
    enumerate(subnets.iter().map(|subnet| subnet.id.as_str()))
}

/// Whether a subnet has an IPv6 CIDR in state `associated`.
pub fn has_ipv6(subnet: &Subnet) -> bool {
    associated_ipv6_cidrs(subnet).next().is_some()
}

/// IPv6 CIDRs of a subnet in state `associated`.
pub fn associated_ipv6_cidrs(subnet: &Subnet) -> impl Iterator<Item = &str> {
    subnet.ipv6_cidr_blocks.iter().filter(|(_, associated)| *associated).map(|(cidr, _)| cidr.as_str())
}

/// The table explicitly associated, else the VPC's main one.
fn route_table_of<'a>(subnet: &Subnet, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let own = tables.iter().rfind(|table| table.subnet_ids.contains(&subnet.id));
    own.or_else(|| tables.iter().rfind(|table| table.main))
}

fn is_public(table: &RouteTable) -> bool {
    table.gateway_ids.iter().any(|gateway| gateway.starts_with("igw"))
}

#[cfg(test)]
mod tests;
