#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_message_is_short_and_keeps_its_ends(text in ".{0,400}", times in 1..40_usize) {
        let text = text.repeat(times);
        let short = shorten(text.clone());
        prop_assert!(short.len() <= MAX_MESSAGE, "{} bytes", short.len());
        prop_assert!(text.len() > MAX_MESSAGE || short == text);
        let start: String = text.chars().take(50).collect();
        let end: String = text.chars().skip(text.chars().count().saturating_sub(50)).collect();
        prop_assert!(short.starts_with(&start) && short.ends_with(&end));
    }
}

#[test]
fn only_the_first_mistakes_are_compared_with_right_spellings() {
    let many = vec!["right"; 100_000];
    assert_eq!(compared(0, many.iter().copied()).count(), CANDIDATES);
    assert_eq!(compared(SUGGESTIONS, many.iter().copied()).count(), 0);
}
