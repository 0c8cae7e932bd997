//! ACM: certificates that listeners can use.

/// `ListCertificates` of issued certificates of every key type, one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListCertificates {
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// One page of certificate ARNs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificatePage {
    /// ARNs of issued certificates.
    pub arns: Vec<String>,
    /// Set when there is more.
    pub next_token: Option<String>,
}

/// `DescribeCertificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeCertificate {
    /// Certificate ARN.
    pub arn: String,
}

/// What matters of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Certificate ARN.
    pub arn: String,
    /// `IMPORTED`, `AMAZON_ISSUED` or `PRIVATE`.
    pub kind: String,
    /// Domain names it covers (subject alternative names).
    pub domains: Vec<String>,
    /// The private CA that issued it.
    pub certificate_authority_arn: Option<String>,
}
