//! Manifests whose settings do nothing, or something else than they seem to: each is told so, and nothing else is said.

use super::lint;

/// A file of `tests/cases/admission/words`, and what is said of it: how bad it is, and words to look for.
const SAID: &[(&str, Option<(&str, &str)>)] = &[
    ("classic-redirect-star", None),
    ("classic-redirect-prefix", None),
    (
        "hidden-rule",
        Some((
            "warning",
            "spec.rules[0].http.paths[0]: never matches: spec.rules[0].http.paths[1] stands before it",
        )),
    ),
    ("redirect-to-itself", Some(("warning", "redirects to itself on every listener"))),
    (
        "externalname-backend",
        Some(("warning", "is of type ExternalName, so that there are no targets for it")),
    ),
    ("udp-ip-health", Some(("warning", "targets of UDP port 53 are checked over TCP on the same node port"))),
    (
        "udp-instance-health",
        Some(("warning", "targets of UDP port 53 are checked over TCP on the same port")),
    ),
    (
        "certificate-ignored-tcp-udp",
        Some(("error", "port 443 is TCP and UDP in one listener, which has no certificate")),
    ),
    (
        "certificate-ignored-no-ports",
        Some(("error", "port 443 is TCP and UDP in one listener, which has no certificate")),
    ),
];

#[test]
fn what_does_nothing_is_told_and_what_is_in_order_is_not() {
    for (name, expected) in SAID {
        let said = lint(&["-f", &format!("words/{name}.yaml")], "");
        let findings: Vec<&str> = said.text.lines().filter(|line| line.contains(".yaml:")).collect();
        match expected {
            None => assert_eq!((said.status, findings), (0, vec![]), "{name}"),
            Some((severity, words)) => {
                assert_eq!(findings.len(), 1, "{name}: {}", said.text);
                assert!(findings[0].contains(&format!(" {severity}: ")), "{name}: {}", said.text);
                assert!(findings[0].contains(words), "{name}: {}", said.text);
                assert_eq!(said.status, i32::from(*severity == "error"), "{name}");
            }
        }
    }
}
