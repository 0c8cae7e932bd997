//! Where EC2 and IAM answer, by region. Source: the partitions and the endpoint rule sets in AWS's SDK models.

/// An AWS partition: a set of regions with their own domains.
struct EndpointPartition {
    /// What its region names begin with.
    region_prefix: &'static str,
    /// Domain of IPv4 endpoints.
    dns_suffix: &'static str,
    /// Domain of dual-stack endpoints.
    dual_stack_dns_suffix: &'static str,
    /// Where IAM, which has one endpoint for the whole partition, answers.
    iam: Global,
}

/// The endpoint of a service that has one for the whole partition.
struct Global {
    /// The region that requests are signed for.
    region: &'static str,
    /// What stands between `iam.` and the domain; empty: nothing.
    label: &'static str,
    /// The same of the dual-stack endpoint.
    dual_stack_label: &'static str,
}

/// Partitions with a region prefix of their own; every other region belongs to [`AWS`].
const PARTITIONS: &[EndpointPartition] = &[
    partition(
        "cn-",
        "amazonaws.com.cn",
        "api.amazonwebservices.com.cn",
        global("cn-north-1", "cn-north-1", "global"),
    ),
    partition("us-gov-", "amazonaws.com", "api.aws", global("us-gov-west-1", "us-gov", "us-gov")),
    partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov", global("us-iso-east-1", "us-iso-east-1", "")),
    partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud", global("us-isob-east-1", "us-isob-east-1", "")),
    partition(
        "us-isof-",
        "csp.hci.ic.gov",
        "api.aws.hci.ic.gov",
        global("us-isof-south-1", "us-isof-south-1", ""),
    ),
    partition(
        "eu-isoe-",
        "cloud.adc-e.uk",
        "api.cloud-aws.adc-e.uk",
        global("eu-isoe-west-1", "eu-isoe-west-1", ""),
    ),
    partition(
        "eusc-",
        "amazonaws.eu",
        "api.amazonwebservices.eu",
        global("eusc-de-east-1", "eusc-de-east-1", ""),
    ),
];

/// The commercial partition.
const AWS: EndpointPartition = partition("", "amazonaws.com", "api.aws", global("us-east-1", "", "global"));

/// The partition whose ordinary endpoints are the FIPS endpoints.
const GOV_CLOUD: &str = "us-gov-";

const fn partition(
    region_prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_dns_suffix: &'static str,
    iam: Global,
) -> EndpointPartition {
    EndpointPartition { region_prefix, dns_suffix, dual_stack_dns_suffix, iam }
}

const fn global(region: &'static str, label: &'static str, dual_stack_label: &'static str) -> Global {
    Global { region, label, dual_stack_label }
}

/// The variants of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::aws) struct Variant {
    /// Validated cryptography.
    pub(in crate::aws) fips: bool,
    /// IPv4 and IPv6.
    pub(in crate::aws) dual_stack: bool,
}

impl EndpointPartition {
    fn of(region: &str) -> &'static Self {
        PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix)).unwrap_or(&AWS)
    }

    fn is_gov_cloud(&self) -> bool {
        self.region_prefix == GOV_CLOUD
    }

    fn suffix(&self, variant: Variant) -> &'static str {
        if variant.dual_stack { self.dual_stack_dns_suffix } else { self.dns_suffix }
    }
}

/// The URL of EC2 in a region.
pub(in crate::aws) fn resolve_ec2(region: &str, variant: Variant) -> String {
    let partition = EndpointPartition::of(region);
    let is_fips_host = variant.fips && (variant.dual_stack || !partition.is_gov_cloud());
    let host = if is_fips_host { "ec2-fips" } else { "ec2" };
    format!("https://{host}.{region}.{}", partition.suffix(variant))
}

/// The URL of IAM for a region, and the region to sign for.
pub(in crate::aws) fn resolve_iam(region: &str, variant: Variant) -> (String, &'static str) {
    let partition = EndpointPartition::of(region);
    let Global { region, label, dual_stack_label } = partition.iam;
    let host = if variant.fips && !partition.is_gov_cloud() { "iam-fips" } else { "iam" };
    let label = if variant.dual_stack { dual_stack_label } else { label };
    let labels = [host, label, partition.suffix(variant)];
    let labels: Vec<&str> = labels.into_iter().filter(|label| !label.is_empty()).collect();
    (format!("https://{}", labels.join(".")), region)
}
