//! Patterns of AWS's rules: `*` stands for any text, `?` for one character.

/// Whether every text that `inner` matches is matched by `outer`. Never yes where it is not so.
///
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>
pub fn contains(outer: &str, inner: &str) -> bool {
    let (outer, inner): (Vec<char>, Vec<char>) = (outer.chars().collect(), inner.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Where to go on when what follows the last `*` of `outer` does not fit: behind the `*`, and at which place of `inner`.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(wanted) = inner.get(of) {
        match outer.get(at) {
            Some('*') => {
                at += 1;
                retry = Some((at, of));
            }
            Some(given) if stands_for(*given, *wanted) => {
                at += 1;
                of += 1;
            }
            _ => match retry {
                Some((behind, from)) => {
                    at = behind;
                    of = from + 1;
                    retry = Some((behind, of));
                }
                None => return false,
            },
        }
    }
    outer.iter().skip(at).all(|rest| *rest == '*')
}

/// Whether a character of one pattern, which is no `*`, takes the place of one of the other.
fn stands_for(given: char, wanted: char) -> bool {
    match given {
        '?' => wanted != '*',
        given => given == wanted,
    }
}

/// Whether there may be a text that both match. Never no where there is one.
pub fn may_meet(one: &str, other: &str) -> bool {
    let fixed = |text: &str| text.split(['*', '?']).next().unwrap_or_default().to_owned();
    let has_wildcard = |text: &str| text.contains(['*', '?']);
    match (has_wildcard(one), has_wildcard(other)) {
        (false, false) => one == other,
        (true, false) => contains(one, other),
        (false, true) => contains(other, one),
        (true, true) => {
            let (one, other) = (fixed(one), fixed(other));
            one.starts_with(&other) || other.starts_with(&one)
        }
    }
}

/// The form of a pattern, for looking up what contains another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternForm<'p> {
    /// Everything.
    Any,
    /// A text without wildcards in front of a single `*`.
    Prefix(&'p str),
    /// A single `*` in front of a text without wildcards.
    Suffix(&'p str),
    /// A text without wildcards.
    Plain(&'p str),
    /// Anything else.
    Other(&'p str),
}

impl<'p> PatternForm<'p> {
    /// The form of a pattern.
    pub fn of(pattern: &'p str) -> Self {
        let is_plain = |text: &str| !text.contains(['*', '?']);
        if pattern == "*" {
            return Self::Any;
        }
        match (pattern.strip_suffix('*'), pattern.strip_prefix('*')) {
            _ if is_plain(pattern) => Self::Plain(pattern),
            (Some(stem), _) if is_plain(stem) => Self::Prefix(stem),
            (_, Some(stem)) if is_plain(stem) => Self::Suffix(stem),
            _ => Self::Other(pattern),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_contains_what_is_narrower() {
        let yes = [
            ("/*", "/"),
            ("/*", "/a/*"),
            ("*", ""),
            ("/a*", "/a"),
            ("/a*c", "/abc*c"),
            ("/?", "/?"),
            ("*.example.com", "*.a.example.com"),
            ("/a/*/b/*", "/a/x/y/b/"),
            ("/*/*", "/a/*/b"),
        ];
        for (outer, inner) in yes {
            assert!(contains(outer, inner), "{outer} contains {inner}");
        }
        let no =
            [("/", "/*"), ("/a/*", "/a"), ("/?", "/*"), ("/a?", "/a"), ("/a*c", "/ab"), ("*.b.c", "b.c")];
        for (outer, inner) in no {
            assert!(!contains(outer, inner), "{outer} does not contain {inner}");
        }
    }

    #[test]
    fn forms_are_told_apart() {
        let forms = [
            ("*", PatternForm::Any),
            ("/a", PatternForm::Plain("/a")),
            ("/a*", PatternForm::Prefix("/a")),
            ("*.a", PatternForm::Suffix(".a")),
            ("/a*b", PatternForm::Other("/a*b")),
            ("*a*", PatternForm::Other("*a*")),
            ("a?", PatternForm::Other("a?")),
        ];
        for (pattern, form) in forms {
            assert_eq!(PatternForm::of(pattern), form, "{pattern}");
        }
    }

    proptest! {
        /// A text that the narrower pattern matches is matched by the wider one.
        #[test]
        fn containment_is_never_claimed_falsely(outer in "[ab*?]{0,6}", inner in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            if contains(&outer, &inner) && contains(&inner, &text) {
                prop_assert!(contains(&outer, &text));
            }
        }

        /// Patterns that match one text may meet.
        #[test]
        fn meeting_is_never_denied_falsely(one in "[ab*?]{0,6}", other in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            if contains(&one, &text) && contains(&other, &text) {
                prop_assert!(may_meet(&one, &other));
            }
        }
    }
}
