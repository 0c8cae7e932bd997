#![allow(clippy::unwrap_used)]

use super::*;
use crate::serve::bodies::LARGEST;

fn table(connections: usize, opening: usize, share: usize) -> Connections {
    let limits = ConnectionLimits { connections, opening, share, ..ConnectionLimits::default() };
    Connections::new(limits, ConnectionMeter::default())
}

fn source(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn idle(table: &Connections, from: u8) -> ConnectionSlot {
    let place = table.enter(source(from)).unwrap();
    place.connection.opened(false);
    place
}

fn is_closing(place: &ConnectionSlot) -> bool {
    place.connection.closing.is_cancelled()
}

/// Lets time pass, so that connections have ages.
async fn pass() {
    tokio::time::advance(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_makes_room() {
    let table = table(3, 3, 3);
    let mut places = Vec::new();
    for _ in 0..3 {
        places.push(idle(&table, 1));
        pass().await;
    }
    drop(places[0].connection.begin());
    let new = table.enter(source(1)).unwrap();
    let closing: Vec<bool> = places.iter().map(is_closing).collect();
    assert_eq!(closing, [false, true, false], "the first was used in between");
    assert!(!is_closing(&new));
}

#[tokio::test(start_paused = true)]
async fn who_has_not_finished_the_handshake_goes_before_the_idle() {
    let table = table(3, 3, 3);
    let old = idle(&table, 1);
    pass().await;
    let (first, second) = (table.enter(source(2)).unwrap(), table.enter(source(2)).unwrap());
    pass().await;
    let _new = table.enter(source(3)).unwrap();
    assert_eq!([&old, &first, &second].map(is_closing), [false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_and_a_request_that_have_just_begun_stay() {
    let table = table(4, 4, 1);
    let (idle, sending) = (idle(&table, 1), idle(&table, 1));
    pass().await;
    let exchange = sending.connection.begin();
    let (first, second) = (table.enter(source(2)).unwrap(), table.enter(source(2)).unwrap());
    let _new = table.enter(source(3)).unwrap();
    assert_eq!([&idle, &sending, &first, &second].map(is_closing), [true, false, false, false]);
    drop(exchange);
}

#[tokio::test(start_paused = true)]
async fn who_never_asked_goes_before_who_did() {
    let table = table(2, 2, 2);
    let asked = idle(&table, 1);
    asked.connection.begin().0.complete();
    pass().await;
    let silent = idle(&table, 1);
    pass().await;
    let new = table.enter(source(1)).unwrap();
    assert_eq!([&asked, &silent].map(is_closing), [false, true]);
    new.connection.opened(false);
    let _newest = table.enter(source(1)).unwrap();
    assert_eq!(
        [&asked, &new].map(is_closing),
        [true, false],
        "the first request of the new one is on its way"
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_request_of_a_connection_that_was_served_stays_as_long_as_it_is_fresh() {
    let table = table(2, 2, 1);
    let (served, silent) = (idle(&table, 1), idle(&table, 2));
    for place in [&served, &silent] {
        drop(place.connection.begin());
    }
    pass().await;
    assert!(served.connection.received(1));
    let new = idle(&table, 3);
    assert_eq!([&served, &silent].map(is_closing), [false, true]);
    pass().await;
    let _newest = table.enter(source(4)).unwrap();
    assert_eq!([&served, &new].map(is_closing), [true, false], "its head did not come to an end in a second");
}

#[tokio::test(start_paused = true)]
async fn unfinished_handshakes_have_a_limit_of_their_own() {
    let table = table(100, 2, 100);
    let opening: Vec<ConnectionSlot> = (0..5).map(|_| table.enter(source(1)).unwrap()).collect();
    let closing: Vec<bool> = opening.iter().map(is_closing).collect();
    assert_eq!(closing, [true, true, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_source_keeps_its_share_against_one_with_more() {
    let table = table(6, 6, 2);
    let small: Vec<ConnectionSlot> = (0..2).map(|_| idle(&table, 1)).collect();
    pass().await;
    let mut large = Vec::new();
    for _ in 0..50 {
        large.push(idle(&table, 2));
        pass().await;
    }
    assert!(!small.iter().any(is_closing), "they have been idle the longest");
    assert_eq!(large.iter().filter(|place| !is_closing(place)).count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_complete_request_is_never_closed() {
    let table = table(2, 2, 2);
    let places = [idle(&table, 1), idle(&table, 1)];
    let exchanges: Vec<Exchange> = places.iter().map(|place| place.connection.begin()).collect();
    for place in &places {
        place.connection.complete();
    }
    assert!(table.enter(source(2)).is_none());
    drop(exchanges);
    assert!(table.enter(source(2)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_closed_and_an_idle_connection_stays() {
    let table = table(10, 10, 10);
    let (slow, idle) = (idle(&table, 1), idle(&table, 1));
    assert!(slow.connection.received(1));
    tokio::time::advance(HEAD_TIMEOUT + Duration::from_secs(1)).await;
    table.sweep();
    assert!(is_closing(&slow) && !is_closing(&idle));
}

#[tokio::test(start_paused = true)]
async fn bytes_without_requests_end_a_connection() {
    let table = table(10, 10, 10);
    let place = table.enter(source(1)).unwrap();
    place.connection.opened(true);
    let (silent, asking) = (256 * 1024, 20 * 1024 * 1024);
    assert!(asking > LARGEST);
    assert!(place.connection.received(silent) && !place.connection.received(1));
    let _exchange = place.connection.begin();
    assert!(place.connection.received(asking) && !place.connection.received(1));
}
