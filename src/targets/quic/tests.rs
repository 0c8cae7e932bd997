#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn an_injected_id_becomes_the_id_elbv2_wants() {
    assert_eq!(parse_server_id("HHF+gAAAFQU=").as_deref(), Some("0x1c717e8000001505"));
    assert_eq!(parse_server_id("").as_deref(), Some("0x"));
    assert_eq!(parse_server_id("not base64!"), None);
}

#[test]
fn a_declared_port_has_its_own_id_and_others_have_the_first() {
    let ids = QuicServerIds { by_port: [(443, "0x01".into())].into(), fallback: Some("0x02".into()) };
    assert_eq!(ids.for_port(443), Some("0x01"));
    assert_eq!(ids.for_port(8443), Some("0x02"));
    assert_eq!(QuicServerIds::default().for_port(443), None);
}
