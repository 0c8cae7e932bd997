#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn comments_hold_for_their_line_for_the_next_or_for_the_document() {
    let ignored = Ignored::of(
        "# lbc-lint: ignore object\n\nkind: Service\nscheme: x # lbc-lint: ignore scheme,a.b/c\n# lbc-lint: ignore spec.ports\n\n# other\nports: []\n",
    );
    assert!(ignored.contains(3, "object") && ignored.contains(8, "object"));
    assert!(ignored.contains(4, "alb.ingress.kubernetes.io/scheme") && ignored.contains(4, "a.b/c"));
    assert!(!ignored.contains(3, "scheme") && !ignored.contains(8, "scheme"));
    assert!(ignored.contains(8, "spec.ports") && !ignored.contains(4, "spec.ports"));
}

#[test]
fn other_comments_ignore_nothing() {
    let ignored = Ignored::of("kind: Service # lbc-lint: keep scheme\na: b # ignore scheme\n");
    assert!(!ignored.contains(1, "scheme") && !ignored.contains(2, "scheme"));
}
