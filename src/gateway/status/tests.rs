use super::*;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn moment(generation: i64, second: i64) -> StatusTime {
    StatusTime { generation, now: at(second) }
}

/// `type=status reason message` and when, of every condition.
pub(super) fn describe(conditions: &[Condition]) -> Vec<String> {
    let one = |condition: &Condition| {
        format!("{}={} {} {:?}", condition.type_, condition.status, condition.reason, condition.message)
    };
    conditions.iter().map(one).collect()
}

fn old(type_: &str, status: &str, second: i64) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: "Old".to_owned(),
        message: "old".to_owned(),
        observed_generation: Some(1),
        last_transition_time: Time(at(second)),
    }
}

#[test]
fn the_time_of_a_condition_moves_with_its_status() {
    let wanted = [Wanted::new("Accepted", true, "New", "new")];
    let cases = [
        (vec![], 100),
        (vec![old("Accepted", "True", 5)], 5),
        (vec![old("Accepted", "False", 5)], 100),
        (vec![old("Accepted", "Unknown", 5)], 100),
        (vec![old("Other", "True", 5)], 100),
    ];
    for (before, since) in cases {
        let merged = merge(&before, &wanted, moment(7, 100));
        assert_eq!(merged[0].last_transition_time, Time(at(since)), "{before:?}");
        assert_eq!((merged[0].observed_generation, merged[0].reason.as_str()), (Some(7), "New"));
    }
}

#[test]
fn conditions_of_others_stay() {
    let before = [old("Other", "True", 5), old("Accepted", "True", 6)];
    let merged = merge(&before, &[Wanted::new("Accepted", false, "New", "")], moment(7, 100));
    assert_eq!(describe(&merged), ["Accepted=False New \"\"", "Other=True Old \"old\""]);
    assert_eq!(merged[1], before[0]);
}

#[test]
fn long_messages_are_cut_between_letters() {
    assert_eq!(shorten("short"), "short");
    let longest = "ä".repeat(LONGEST);
    assert_eq!(shorten(&longest), longest);
    assert_eq!(shorten(&format!("{longest}x")), format!("{longest}..."));
}

#[test]
fn the_order_of_members_does_not_count() {
    assert!(same_members(&[1, 2, 3], &[3, 1, 2]));
    assert!(!same_members(&[1, 2], &[1, 2, 3]));
    assert!(!same_members(&[1, 2, 4], &[1, 2, 3]));
}
