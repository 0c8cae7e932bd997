use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize,
};
use std::sync::LazyLock;

/// In every test it is this time: 2026-01-01.
const NOW: i64 = 1_767_225_600;

/// RSA keys take seconds to make.
static RSA: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap());

fn public_key_of(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    use rcgen::PublicKeyData as _;
    Some(KeyPair::try_from(key).ok()?.subject_public_key_info())
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// A root, an intermediate and a leaf, PEM, with the key of the leaf.
fn chain() -> ([String; 3], KeyPair) {
    let authority = |name: &str| {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = true;
        params
    };
    let (root_key, between_key, leaf_key) = (key(), key(), key());
    let root = authority("root.example.com").self_signed(&root_key).unwrap().pem();
    let root_issuer = Issuer::new(authority("root.example.com"), root_key);
    let between = authority("between.example.com").signed_by(&between_key, &root_issuer).unwrap().pem();
    let between_issuer = Issuer::new(authority("between.example.com"), between_key);
    let leaf = params("shop.example.com").signed_by(&leaf_key, &between_issuer).unwrap().pem();
    ([leaf, between, root], leaf_key)
}

fn secret(certificate: &str, key: &str) -> BTreeMap<String, Secret> {
    [(CERTIFICATE_KEY, certificate), (PRIVATE_KEY_KEY, key)]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Secret::new(text)))
        .collect()
}

fn checked(certificate: &str, key: &str) -> Result<UsableCertificate, UnusableSecret> {
    check(&secret(certificate, key), NOW, public_key_of)
}

#[test]
fn keys_of_every_kind_that_listeners_take_are_taken() {
    let algorithms = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ECDSA_P521_SHA512];
    let keys = algorithms.into_iter().map(|algorithm| KeyPair::generate_for(algorithm).unwrap());
    for key in keys {
        let pem = params("shop.example.com").self_signed(&key).unwrap().pem();
        let usable = checked(&pem, &key.serialize_pem()).unwrap();
        assert_eq!(
            (usable.names.as_slice(), usable.chain.as_str()),
            (&["shop.example.com".to_owned()][..], "")
        );
        assert_eq!(usable.not_after, 1_798_761_600);
    }
    let pem = params("shop.example.com").self_signed(&*RSA).unwrap().pem();
    assert!(checked(&pem, &RSA.serialize_pem()).is_ok());
}

#[test]
fn a_chain_in_any_order_is_mended() {
    let ([leaf, between, root], key) = chain();
    let key = key.serialize_pem();
    let wanted = checked(&format!("{leaf}{between}{root}"), &key).unwrap();
    let orders = [
        format!("{root}{between}{leaf}"),
        format!("{between}{leaf}{root}"),
        format!("{leaf}{root}{between}"),
        format!("# made by hand\n{leaf}{leaf}{between}\n\n{root}{between}"),
    ];
    for order in orders {
        assert_eq!(checked(&order, &key).unwrap(), wanted, "{order}");
    }
    assert_eq!(fingerprint_of(&wanted.certificate, &wanted.chain), Some(wanted.fingerprint));
    let short = checked(&format!("{leaf}{between}"), &key).unwrap();
    assert_ne!(short.fingerprint, wanted.fingerprint, "another chain is another certificate");
    assert_eq!(short.certificate, wanted.certificate);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason_and_never_with_its_key() {
    let ([leaf, between, root], leaf_key) = chain();
    let leaf_key = leaf_key.serialize_pem();
    let (stranger, stranger_key) = {
        let key = key();
        (params("other.example.com").self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let dated = |begin: i32, end: i32| {
        let (mut params, key) = (params("shop.example.com"), key());
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(begin, 1, 1), rcgen::date_time_ymd(end, 1, 1));
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let (expired, early) = (dated(2020, 2025), dated(2027, 2028));
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let of_ed25519 = params("shop.example.com").self_signed(&ed25519).unwrap().pem();
    let nameless_key = key();
    let mut nameless = CertificateParams::default();
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    (nameless.not_before, nameless.not_after) = (params("a.b").not_before, params("a.b").not_after);
    let nameless = nameless.self_signed(&nameless_key).unwrap().pem();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let cases = [
        ("", leaf_key.as_str(), "it has no tls.crt"),
        (leaf.as_str(), " ", "it has no tls.key"),
        ("nonsense", &leaf_key, "tls.crt cannot be read: it has no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
            &leaf_key,
            "tls.crt cannot be read",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &leaf_key,
            "is not an X.509 certificate",
        ),
        (&leaf, "nonsense", "tls.key cannot be read: it has no private key"),
        (&leaf, encrypted, "the key is encrypted"),
        (&leaf, &stranger_key, "tls.key is not the key of any certificate in tls.crt"),
        (&expired.0, &expired.1, "tls.crt has expired: it was valid until 2025-01-01T00:00:00Z"),
        (&early.0, &early.1, "tls.crt is not valid before 2027-01-01T00:00:00Z"),
        (
            &of_ed25519,
            &ed25519.serialize_pem(),
            "has a public key of the algorithm 1.3.101.112, expected RSA of 2048",
        ),
        (&nameless, &nameless_key.serialize_pem(), "tls.crt is for no name"),
        (&format!("{leaf}{between}{root}{stranger}"), &leaf_key, "other.example.com"),
        (&format!("{leaf}{root}"), &leaf_key, "root.example.com"),
    ];
    for (certificate, key, expected) in cases {
        let refusal = checked(certificate, key).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal} instead of {expected}");
        let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(body.trim().len() < 9 || !refusal.contains(body.trim()), "{refusal}");
    }
}

#[test]
fn what_is_larger_than_acm_takes_is_refused() {
    let key = key();
    let mut params = params("shop.example.com");
    params.subject_alt_names = (0..1500)
        .map(|number| rcgen::SanType::DnsName(format!("host-{number}.example.com").try_into().unwrap()))
        .collect();
    let pem = params.self_signed(&key).unwrap().pem();
    let refusal = checked(&pem, &key.serialize_pem()).unwrap_err();
    assert!(matches!(refusal, UnusableSecret::TooLarge { what: "tls.crt", limit: 32_768, .. }), "{refusal}");
}

#[test]
fn more_certificates_than_any_chain_has_are_refused() {
    let ([leaf, ..], key) = chain();
    let refusal = checked(&leaf.repeat(33), &key.serialize_pem()).unwrap_err();
    assert_eq!(refusal, UnusableSecret::TooMany(33));
}

#[test]
fn the_key_shows_in_no_output_and_what_is_no_secret_at_all_is_no_panic() {
    let ([leaf, ..], key) = chain();
    let usable = checked(&leaf, &key.serialize_pem()).unwrap();
    let shown = format!("{usable:?}");
    assert!(shown.contains("[REDACTED]") && !shown.contains("PRIVATE KEY"), "{shown}");
    assert_eq!(usable.private_key.reveal(), key.serialize_pem(), "it is handed on as it was");
    for cut in 0..leaf.len() {
        drop(checked(leaf.get(..cut).unwrap_or_default(), &key.serialize_pem()));
    }
}
