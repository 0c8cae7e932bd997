use super::*;

#[test]
fn all_stacks_are_due_within_the_period() {
    let (minute, hour) = (Duration::from_mins(1), Duration::from_hours(1));
    let cases = [(0, 0), (1, 1), (60, 1), (61, 2), (300, 5)];
    for (stacks, due) in cases {
        assert_eq!(portion(stacks, minute, hour), due, "{stacks} stacks");
    }
    assert_eq!(portion(7, hour, minute), 7, "a period shorter than the interval");
}
