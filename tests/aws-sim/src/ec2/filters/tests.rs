use super::wildcard;

#[test]
fn wildcards_match_as_documented() {
    for (pattern, text, expected) in [
        ("abc", "abc", true),
        ("abc", "abd", false),
        ("a*", "abc", true),
        ("a*c", "abbc", true),
        ("a*c", "abb", false),
        ("*", "", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*b*", "abc", true),
    ] {
        assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
    }
}
