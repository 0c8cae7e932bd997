//! ACM: certificates that listeners can use.

use super::{Secret, Tags};

string_enum! {
    /// How a certificate came into being.
    CertificateKind {
        /// Imported by its owner.
        Imported = "IMPORTED",
        /// Issued by Amazon.
        AmazonIssued = "AMAZON_ISSUED",
        /// Issued by a private certificate authority.
        Private = "PRIVATE",
    }
}

string_enum! {
    /// How far a certificate is.
    CertificateStatus {
        /// Waits until its names are validated.
        PendingValidation = "PENDING_VALIDATION",
        /// Can be used.
        Issued = "ISSUED",
        /// Has run out.
        Expired = "EXPIRED",
        /// Its authority took it back.
        Revoked = "REVOKED",
        /// Its names were not validated in time.
        ValidationTimedOut = "VALIDATION_TIMED_OUT",
        /// Will not be issued.
        Failed = "FAILED",
        /// Imported, and not used.
        Inactive = "INACTIVE",
    }
}

/// What an answer leaves out is none of the kinds that are known.
impl Default for CertificateKind {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// What an answer leaves out is none of those that are known.
impl Default for CertificateStatus {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// `ListCertificates` of every key type, one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListCertificates {
    /// Whether certificates are listed whatever their status; else only issued ones.
    pub any_status: bool,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// One page of certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificatePage {
    /// The certificates of this page.
    pub certificates: Vec<CertificateSummary>,
    /// Set when there is more.
    pub next_token: Option<String>,
}

/// What a list says of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The certificate's ARN.
    pub arn: String,
    /// How it came into being.
    pub kind: CertificateKind,
    /// How far it is.
    pub status: CertificateStatus,
    /// Domain names it covers (subject alternative names); the first hundred if there are more.
    pub domains: Vec<String>,
    /// Whether it covers more names than these.
    pub has_more_domains: bool,
    /// Whether something uses it.
    pub is_in_use: bool,
    /// When it ends, in seconds since 1970.
    pub not_after: Option<i64>,
}

/// Reads one certificate: `DescribeCertificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeCertificate {
    /// The certificate's ARN.
    pub arn: String,
}

/// What matters of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate's ARN.
    pub arn: String,
    /// `IMPORTED`, `AMAZON_ISSUED` or `PRIVATE`.
    pub kind: String,
    /// Domain names it covers (subject alternative names).
    pub domains: Vec<String>,
    /// The private CA that issued it.
    pub certificate_authority_arn: Option<String>,
    /// How far it is.
    pub status: CertificateStatus,
    /// Why it will not be issued, in AWS's words.
    pub failure_reason: Option<String>,
    /// When it ends, in seconds since 1970.
    pub not_after: Option<i64>,
    /// ARNs of what uses it.
    pub in_use_by: Vec<String>,
    /// How its names are validated by DNS.
    pub validations: Vec<DomainValidation>,
}

/// How one name of a certificate is validated by DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainValidation {
    /// Host name that is validated.
    pub domain: String,
    /// The record that has to stand in its zone; ACM says which a few seconds after the request.
    pub record: Option<ValidationRecord>,
}

/// A DNS record that proves that a name is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidationRecord {
    /// Name, with a dot at its end.
    pub name: String,
    /// Type of the record: `CNAME`.
    pub kind: String,
    /// Value of the record.
    pub value: String,
}

/// Reads the tags of a certificate: `ListTagsForCertificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListCertificateTags {
    /// The certificate's ARN.
    pub arn: String,
}

/// `RequestCertificate`, validated by DNS; answers the ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCertificate {
    /// First of the host names.
    pub domain: String,
    /// All names, the first included.
    pub names: Vec<String>,
    /// The private CA that shall issue it; `None`: Amazon does.
    pub authority: Option<String>,
    /// Tells a request that is made again from another one; up to 32 letters and digits. ACM keeps it for an hour.
    pub token: String,
    /// The certificate's tags from the start.
    pub tags: Tags,
}

/// Deletes a certificate that nothing uses: `DeleteCertificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteCertificate {
    /// The certificate's ARN.
    pub arn: String,
}

/// `ImportCertificate`; answers the ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportCertificate {
    /// ARN of the imported certificate that it takes the place of; `None`: a new one.
    pub arn: Option<String>,
    /// The certificate, PEM.
    pub certificate: String,
    /// Who issued it, and so on, PEM; empty without any.
    pub chain: String,
    /// The private key, PEM.
    pub private_key: Secret,
    /// Tags; AWS takes none with an ARN.
    pub tags: Tags,
}

/// Reads the certificate and its chain: `GetCertificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetCertificate {
    /// The certificate's ARN.
    pub arn: String,
}

/// A certificate as listeners show it to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateBody {
    /// The certificate, PEM.
    pub certificate: String,
    /// Who issued it, and so on, PEM; empty without any.
    pub chain: String,
}
