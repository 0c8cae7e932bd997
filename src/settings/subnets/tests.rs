#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::finding::ObjectRef;

fn subnet(id: &str, zone: &str, tags: &[(&str, &str)]) -> Subnet {
    Subnet {
        id: id.into(),
        availability_zone: format!("us-west-2{zone}"),
        availability_zone_id: format!("usw2-az{zone}"),
        cidr_block: "10.0.0.0/24".into(),
        available_ip_address_count: 100,
        tags: tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        ..Subnet::default()
    }
}

fn with_ipv6(subnet: Subnet) -> Subnet {
    Subnet { ipv6_cidr_blocks: vec![("2001:db8::/64".into(), true)], ..subnet }
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn role(scheme: &Scheme) -> SubnetLookup {
    let key = if *scheme == Scheme::Internal { INTERNAL_SUBNET_ROLE_TAG } else { PUBLIC_SUBNET_ROLE_TAG };
    SubnetLookup::Tags(vec![(key.into(), strings(&["", "1"]))])
}

fn zones() -> Facts {
    let types = [
        ("a", "availability-zone"),
        ("b", "availability-zone"),
        ("c", "availability-zone"),
        ("l", "local-zone"),
    ];
    Facts {
        zone_types: types
            .iter()
            .map(|(zone, kind)| (format!("usw2-az{zone}"), Ok((*kind).to_owned())))
            .collect(),
        ..Facts::default()
    }
}

fn config() -> Config {
    Config { cluster_name: "prod".into(), ..Config::default() }
}

fn placement<'a>(facts: &'a Facts, config: &'a Config) -> Placement<'a> {
    Placement {
        kind: LoadBalancerType::Network,
        scheme: Scheme::Internal,
        ip_address_type: IpAddressType::Ipv4,
        origin: Origin::field(&ObjectRef::default(), "subnets"),
        facts,
        config,
    }
}

fn found(result: Result<Vec<&Subnet>, BuildError>) -> Vec<String> {
    result.unwrap().iter().map(|subnet| subnet.id.clone()).collect()
}

fn message(result: Result<Vec<&Subnet>, BuildError>) -> String {
    match result.unwrap_err() {
        BuildError::Invalid(finding) => finding.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn listed_subnets_keep_the_order_of_the_list_and_names_are_used_up_by_id() {
    let mut facts = zones();
    facts.subnets.insert(SubnetLookup::Ids(strings(&["subnet-3"])), Ok(vec![subnet("subnet-3", "c", &[])]));
    let named = vec![subnet("subnet-2", "b", &[("Name", "n")]), subnet("subnet-1", "a", &[("Name", "n")])];
    facts.subnets.insert(SubnetLookup::Names(strings(&["n"])), Ok(named));
    let config = config();
    let listed = strings(&["n", "subnet-3", "n"]);
    let listed = placement(&facts, &config).resolve_listed(&listed);
    assert_eq!(found(listed), ["subnet-1", "subnet-3", "subnet-2"]);
    let mixed = vec![subnet("subnet-2", "b", &[("Name", "n")])];
    facts.subnets.insert(SubnetLookup::Ids(strings(&["subnet-2"])), Ok(mixed));
    let placement = placement(&facts, &config);
    assert_eq!(found(placement.resolve_listed(&strings(&["subnet-2", "n"]))), ["subnet-2", "subnet-1"]);
    let thrice = placement.resolve_listed(&strings(&["n", "n", "n"]));
    assert_eq!(message(thrice), "tag Name=n is listed more often than there are subnets with it (2)");
}

#[test]
fn listed_subnets_are_judged() {
    let mut facts = zones();
    let all = [
        subnet("subnet-1", "a", &[]),
        subnet("subnet-2", "a", &[]),
        with_ipv6(subnet("subnet-3", "b", &[])),
        subnet("subnet-4", "l", &[]),
    ];
    for pick in [vec![0], vec![0, 1], vec![0, 2], vec![0, 3]] {
        let subnets: Vec<Subnet> = pick.iter().map(|at: &usize| all[*at].clone()).collect();
        let ids = subnets.iter().map(|subnet| subnet.id.clone()).collect();
        facts.subnets.insert(SubnetLookup::Ids(ids), Ok(subnets));
    }
    facts.subnets.insert(SubnetLookup::Ids(strings(&["subnet-1", "subnet-9"])), Ok(vec![all[0].clone()]));
    let config = config();
    let nlb = placement(&facts, &config);
    let alb = Placement { kind: LoadBalancerType::Application, ..nlb.clone() };
    let dualstack = Placement { ip_address_type: IpAddressType::Dualstack, ..nlb.clone() };
    let cases = [
        (&nlb, vec![], "no subnet is given, expected at least one"),
        (&nlb, vec!["subnet-1", "subnet-9"], "subnet subnet-9 does not exist"),
        (&nlb, vec!["subnet-1", "subnet-1"], "subnet subnet-1 is listed twice"),
        (&nlb, vec!["subnet-1", "subnet-2"], "subnets subnet-1 and subnet-2 lie in the same zone us-west-2a"),
        (
            &nlb,
            vec!["subnet-1", "subnet-4"],
            "subnets (subnet-1, subnet-4) mix locales availability-zone and local-zone",
        ),
        (&alb, vec!["subnet-1"], "1 subnet in one zone (subnet-1), expected at least 2 zones"),
        (
            &dualstack,
            vec!["subnet-1", "subnet-3"],
            "subnets subnet-1 have no associated IPv6 CIDR, which dualstack needs",
        ),
    ];
    for (placement, listed, expected) in cases {
        assert_eq!(message(placement.resolve_listed(&strings(&listed))), expected);
    }
    assert_eq!(found(nlb.resolve_listed(&strings(&["subnet-1"]))), ["subnet-1"]);
    assert_eq!(found(alb.resolve_listed(&strings(&["subnet-1", "subnet-3"]))), ["subnet-1", "subnet-3"]);
}

#[test]
fn discovery_takes_one_subnet_per_zone_and_prefers_the_clusters_own() {
    let mut facts = zones();
    let own = ("kubernetes.io/cluster/prod", "shared");
    let other = ("kubernetes.io/cluster/test", "owned");
    let full = Subnet { available_ip_address_count: 7, ..subnet("subnet-0", "c", &[]) };
    let subnets = vec![
        subnet("subnet-9", "b", &[own, other]),
        subnet("subnet-1", "b", &[]),
        subnet("subnet-4", "a", &[]),
        subnet("subnet-3", "a", &[]),
        subnet("subnet-2", "a", &[other]),
        full,
    ];
    facts.subnets.insert(role(&Scheme::Internal), Ok(subnets));
    let mut config = config();
    assert_eq!(found(placement(&facts, &config).discover()), ["subnet-3", "subnet-9"]);
    config.features.subnets_cluster_tag_check = false;
    assert_eq!(found(placement(&facts, &config).discover()), ["subnet-2", "subnet-9"]);
}

#[test]
fn discovery_says_why_nothing_fits() {
    let mut facts = zones();
    let other = subnet("subnet-1", "a", &[("kubernetes.io/cluster/test", "")]);
    facts.subnets.insert(role(&Scheme::Internal), Ok(vec![other, subnet("subnet-2", "b", &[])]));
    let config = config();
    let dualstack = Placement { ip_address_type: IpAddressType::Dualstack, ..placement(&facts, &config) };
    assert_eq!(
        message(dualstack.discover()),
        "no suitable subnet for an internal load balancer: of 2 candidates 1 are tagged for other clusters, 0 have \
         fewer than 8 free addresses, 1 have no associated IPv6 CIDR"
    );
}

#[test]
fn without_role_tags_routes_decide() {
    let mut facts = zones();
    facts.subnets.insert(role(&Scheme::Internal), Ok(vec![]));
    facts.subnets.insert(role(&Scheme::InternetFacing), Ok(vec![]));
    facts
        .subnets
        .insert(SubnetLookup::All, Ok(vec![subnet("subnet-1", "a", &[]), subnet("subnet-2", "b", &[])]));
    let public = RouteTable {
        subnet_ids: strings(&["subnet-1"]),
        gateway_ids: strings(&["local", "igw-1"]),
        ..RouteTable::default()
    };
    let main = RouteTable { main: true, gateway_ids: strings(&["local"]), ..RouteTable::default() };
    facts.route_tables.insert((), Ok(vec![public, main]));
    let config = config();
    let internal = placement(&facts, &config);
    let facing = Placement { scheme: Scheme::InternetFacing, ..internal.clone() };
    assert_eq!(found(internal.discover()), ["subnet-2"]);
    assert_eq!(found(facing.discover()), ["subnet-1"]);
}

#[test]
fn selectors_choose_by_id_or_by_tag() {
    let mut facts = zones();
    facts.subnets.insert(
        SubnetLookup::Ids(strings(&["subnet-2", "subnet-1"])),
        Ok(vec![subnet("subnet-1", "a", &[]), subnet("subnet-2", "b", &[])]),
    );
    facts.subnets.insert(
        SubnetLookup::Tags(vec![("tier".into(), strings(&["lb"]))]),
        Ok(vec![subnet("subnet-4", "a", &[]), subnet("subnet-3", "a", &[])]),
    );
    let config = config();
    let placement = placement(&facts, &config);
    let by_id = SubnetSelector { ids: Some(strings(&["subnet-2", "subnet-1"])), tags: None };
    assert_eq!(found(placement.resolve_selected(&by_id)), ["subnet-1", "subnet-2"]);
    let tags = BTreeMap::from([("tier".to_owned(), strings(&["lb"]))]);
    let by_tag = SubnetSelector { ids: None, tags: Some(tags) };
    assert_eq!(found(placement.resolve_selected(&by_tag)), ["subnet-3"]);
}

#[test]
fn zone_types_are_asked_for_all_at_once() {
    let mut facts = Facts::default();
    facts.subnets.insert(
        role(&Scheme::Internal),
        Ok(vec![subnet("subnet-1", "b", &[]), subnet("subnet-2", "a", &[])]),
    );
    let config = config();
    let error = placement(&facts, &config).discover().unwrap_err();
    assert_eq!(error, BuildError::from(Lookup::ZoneTypes(strings(&["usw2-aza", "usw2-azb"]))));
}
