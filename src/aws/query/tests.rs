#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

const VARIANTS: [Variant; 4] = [
    Variant { fips: false, dual_stack: false },
    Variant { fips: true, dual_stack: false },
    Variant { fips: false, dual_stack: true },
    Variant { fips: true, dual_stack: true },
];

#[test]
fn endpoints_of_ec2_follow_partition_fips_and_dual_stack() {
    let [ordinary, fips, dual_stack, both] = VARIANTS;
    let cases = [
        ("us-west-2", ordinary, "https://ec2.us-west-2.amazonaws.com"),
        ("mx-central-1", ordinary, "https://ec2.mx-central-1.amazonaws.com"),
        ("us-west-2", fips, "https://ec2-fips.us-west-2.amazonaws.com"),
        ("us-west-2", dual_stack, "https://ec2.us-west-2.api.aws"),
        ("us-west-2", both, "https://ec2-fips.us-west-2.api.aws"),
        ("us-gov-west-1", ordinary, "https://ec2.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", fips, "https://ec2.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", ordinary, "https://ec2.cn-north-1.amazonaws.com.cn"),
        ("us-iso-east-1", ordinary, "https://ec2.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", ordinary, "https://ec2.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", ordinary, "https://ec2.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", ordinary, "https://ec2.us-isof-south-1.csp.hci.ic.gov"),
        ("eusc-de-east-1", ordinary, "https://ec2.eusc-de-east-1.amazonaws.eu"),
    ];
    for (region, variant, expected) in cases {
        assert_eq!(resolve_ec2(region, variant), expected);
    }
}

#[test]
fn iam_has_one_endpoint_a_partition() {
    let [ordinary, fips, dual_stack, both] = VARIANTS;
    let cases = [
        ("eu-central-1", ordinary, "https://iam.amazonaws.com", "us-east-1"),
        ("eu-central-1", fips, "https://iam-fips.amazonaws.com", "us-east-1"),
        ("eu-central-1", dual_stack, "https://iam.global.api.aws", "us-east-1"),
        ("eu-central-1", both, "https://iam-fips.global.api.aws", "us-east-1"),
        ("cn-northwest-1", ordinary, "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("cn-northwest-1", dual_stack, "https://iam.global.api.amazonwebservices.com.cn", "cn-north-1"),
        ("us-gov-east-1", ordinary, "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ("us-gov-east-1", fips, "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ("us-gov-east-1", both, "https://iam.us-gov.api.aws", "us-gov-west-1"),
        ("us-iso-west-1", ordinary, "https://iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("us-iso-west-1", fips, "https://iam-fips.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("us-isob-east-1", ordinary, "https://iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("eu-isoe-west-1", ordinary, "https://iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        ("us-isof-east-1", ordinary, "https://iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ("eusc-de-east-1", ordinary, "https://iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ];
    for (region, variant, url, signing_region) in cases {
        assert_eq!(resolve_iam(region, variant), (url.to_owned(), signing_region), "{region} {variant:?}");
    }
}
