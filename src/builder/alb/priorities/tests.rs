#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::model::Rule;

fn candidates(retained: &[Option<i32>]) -> Vec<CandidateRule> {
    let rule = Rule {
        conditions: Vec::new(),
        actions: Vec::new(),
        transforms: Vec::new(),
        tags: crate::aws_api::Tags::new(),
    };
    retained
        .iter()
        .map(|retained| CandidateRule {
            contributor: 0,
            rule: rule.clone(),
            position: None,
            retained: *retained,
        })
        .collect()
}

#[test]
fn rules_are_numbered_in_turn_and_refused_ones_leave_their_priorities_free() {
    type Row<'r> = (&'r str, &'r [Option<i32>], i32, Option<(i32, i32)>, &'r [i32], i32);
    let rows: &[Row<'_>] = &[
        ("a sound member", &[None, None], 4, None, &[4, 5], 6),
        ("a broken member", &[Some(9), Some(12)], 4, None, &[4, 5], 6),
        ("refused, and none of its rules is there", &[], 4, Some((4, 6)), &[], 7),
        ("refused, and its first rule is missing", &[Some(5), Some(6)], 4, Some((4, 6)), &[5, 6], 7),
        ("refused, and others came before it meanwhile", &[Some(5)], 5, Some((4, 6)), &[6], 8),
        ("refused, and its rules stand elsewhere", &[Some(9), Some(12)], 4, Some((4, 6)), &[4, 5], 7),
        ("refused, and has more than it wants", &[Some(4), Some(5)], 4, Some((4, 4)), &[4, 5], 6),
    ];
    for (name, retained, next, reserved, priorities, after) in rows {
        let found = priorities_of(&candidates(retained), *next, reserved.as_ref());
        assert_eq!(found, (priorities.to_vec(), *after), "{name}");
    }
}
