//! Where EC2 answers, by region. Source: the partitions and the endpoint rule set of EC2 in AWS's SDK models.

/// An AWS partition: a set of regions with their own domains.
struct Partition {
    /// What its region names begin with.
    region_prefix: &'static str,
    /// Domain of IPv4 endpoints.
    dns_suffix: &'static str,
    /// Domain of dual-stack endpoints.
    dual_stack_dns_suffix: &'static str,
}

/// Partitions with a region prefix of their own; every other region belongs to [`AWS`].
const PARTITIONS: &[Partition] = &[
    partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("us-gov-", "amazonaws.com", "api.aws"),
    partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
];

/// The commercial partition.
const AWS: Partition = partition("", "amazonaws.com", "api.aws");

const fn partition(
    region_prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_dns_suffix: &'static str,
) -> Partition {
    Partition { region_prefix, dns_suffix, dual_stack_dns_suffix }
}

/// The URL of EC2 in a region, with the FIPS and dual-stack variants.
pub(super) fn resolve_endpoint(region: &str, fips: bool, dual_stack: bool) -> String {
    let partition =
        PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix)).unwrap_or(&AWS);
    // why: in GovCloud the ordinary endpoints are the FIPS endpoints
    let host = if fips && (dual_stack || partition.region_prefix != "us-gov-") { "ec2-fips" } else { "ec2" };
    let suffix = if dual_stack { partition.dual_stack_dns_suffix } else { partition.dns_suffix };
    format!("https://{host}.{region}.{suffix}")
}
