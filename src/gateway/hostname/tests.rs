use super::*;

#[test]
fn two_hosts_have_requests_in_common() {
    let cases = [
        ("a.example.com", "a.example.com", Some("a.example.com")),
        ("a.example.com", "*.example.com", Some("a.example.com")),
        ("*.example.com", "a.example.com", Some("a.example.com")),
        ("*.example.com", "a.b.example.com", Some("a.b.example.com")),
        ("*.example.com", "*.b.example.com", Some("*.b.example.com")),
        ("*.example.com", "*.example.com", Some("*.example.com")),
        ("*.example.com", "example.com", None),
        ("a.example.com", "b.example.com", None),
        ("a.example.com", "*.example.org", None),
        ("*.ple.com", "a.example.com", None),
    ];
    for (one, other, expected) in cases {
        assert_eq!(intersect(one, other), expected, "{one} {other}");
        assert_eq!(intersect(other, one), expected, "{other} {one}");
    }
}

#[test]
fn addresses_and_long_labels_are_no_hosts() {
    let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
    let cases = [
        ("example.com", Ok(())),
        ("*.example.com", Ok(())),
        (longest.as_str(), Ok(())),
        ("10.0.0.1", Err(HostnameError::Address)),
        ("::1", Err(HostnameError::Address)),
        (too_long.as_str(), Err(HostnameError::Label)),
        ("a..b", Err(HostnameError::Label)),
        ("", Err(HostnameError::Label)),
    ];
    for (hostname, expected) in cases {
        assert_eq!(check(hostname), expected, "{hostname}");
    }
}

#[test]
fn the_more_specific_host_comes_first() {
    let sorted = [
        Some("a.b.c.d"),
        Some("long.example.com"),
        Some("a.example.com"),
        Some("example.com"),
        Some("*.b.example.com"),
        Some("*.example.com"),
        Some("*.com"),
        None,
    ];
    for pair in sorted.windows(2) {
        let [one, other] = [pair[0], pair[1]].map(Specificity::of);
        assert!(one < other, "{pair:?}");
    }
    assert_eq!(Specificity::of(Some("a.com")), Specificity::of(Some("b.com")));
    assert_eq!(Specificity::of(Some("")), Specificity::of(None));
}

#[test]
fn a_host_is_compared_whatever_its_port() {
    assert_eq!(regex_with_port("very.specific.com"), r"^very\.specific\.com(:[0-9]+)?$");
    assert_eq!(regex_with_port("*.specific.com"), r"^.+\.specific\.com(:[0-9]+)?$");
}

#[test]
fn the_closest_of_some_hosts_is_found() {
    let set: HostSet<'_> = ["a.example.com", "*.example.com", "*.b.example.com"].into_iter().collect();
    let cases = [
        ("a.example.com", Some("a.example.com"), Some("*.example.com")),
        ("x.example.com", Some("*.example.com"), Some("*.example.com")),
        ("x.y.b.example.com", Some("*.b.example.com"), Some("*.b.example.com")),
        ("*.b.example.com", Some("*.b.example.com"), Some("*.example.com")),
        ("*.example.com", Some("*.example.com"), None),
        ("example.com", None, None),
        ("example.org", None, None),
        ("", None, None),
    ];
    for (hostname, closest, wider) in cases {
        assert_eq!((set.closest(hostname), set.wider(hostname)), (closest, wider), "{hostname}");
    }
}
