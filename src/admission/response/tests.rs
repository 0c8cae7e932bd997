#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn object() -> ObjectRef {
    ObjectRef { kind: "Service", namespace: "shop".into(), name: "web".into() }
}

fn wrong(index: usize, length: usize) -> Finding {
    Finding::error(&object(), format!("{:?} is wrong", "ä".repeat(length)))
        .at(format!("example.com/key-{index}"))
}

#[test]
fn enforce_refuses_with_all_errors_and_passes_warnings_on() {
    let findings = [
        Finding::error(&object(), "\"internet-facng\" is not one of internal, internet-facing")
            .at("example.com/scheme")
            .hint("did you mean `internet-facing`?"),
        Finding::warning(&object(), "is not known").at("example.com/shceme"),
        Finding::error(&object(), "\"x\" is not a boolean").at("example.com/flag"),
    ];
    let denial = to_response(AnnotationValidation::Enforce, "annotations", &object(), &findings).unwrap_err();
    let expected = format!(
        "service/shop/web cannot be built:\n- example.com/scheme: \"internet-facng\" is not one of internal, \
         internet-facing; did you mean `internet-facing`?\n- example.com/flag: \"x\" is not a boolean\nsee {SERVICE_PAGE}"
    );
    assert_eq!(denial.message, expected);
    assert_eq!(denial.warnings, ["example.com/shceme: is not known"]);
}

#[test]
fn warn_admits_with_everything_as_warnings_and_off_says_nothing() {
    let findings = [wrong(1, 1), Finding::warning(&object(), "is deprecated").at("k")];
    let admitted = to_response(AnnotationValidation::Warn, "annotations", &object(), &findings).unwrap();
    assert_eq!(admitted.warnings.len(), 2);
    let admitted = to_response(AnnotationValidation::Off, "annotations", &object(), &findings).unwrap();
    assert_eq!(admitted, Admitted::unchanged());
}

#[test]
fn a_refusal_is_never_longer_than_two_kilobytes() {
    for (count, length) in [(1, 10), (1, 5000), (40, 30), (3, 700), (500, 1)] {
        let findings: Vec<Finding> = (0..count).map(|index| wrong(index, length)).collect();
        let denial =
            to_response(AnnotationValidation::Enforce, "annotations", &object(), &findings).unwrap_err();
        assert!(denial.message.len() <= MAX_MESSAGE, "{count} × {length}: {}", denial.message.len());
        assert!(denial.message.contains("key-0"), "{}", denial.message);
        assert!(denial.message.ends_with(SERVICE_PAGE));
        let warned = to_response(AnnotationValidation::Warn, "annotations", &object(), &findings).unwrap();
        assert!(warned.warnings.iter().map(String::len).sum::<usize>() <= MAX_MESSAGE);
        let (shown, last) = (warned.warnings.len(), warned.warnings.last().unwrap());
        assert!(shown == count || *last == format!("and {} more", count - (shown - 1)), "{count}: {last}");
    }
}

#[test]
fn a_finding_is_one_line_whatever_the_user_wrote() {
    let finding = Finding::error(&object(), "a\nb").hint("c\r\nd");
    assert_eq!(render(&finding), "a b; c  d");
}
