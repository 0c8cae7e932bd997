//! Wildcards and regular expressions of conditions and rewrites.

use parking_lot::Mutex;
use regex::{Regex, RegexBuilder};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Case {
    /// They do.
    Matters,
    /// They do not.
    Ignored,
}

/// Compiled expressions; the same few are asked for again and again.
static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);
type Compiled = HashMap<(String, Case), Option<Arc<Regex>>>;

/// A regular expression; `None` if it is none, which then matches nothing.
pub(super) fn expression(text: &str, case: Case) -> Option<Arc<Regex>> {
    let compile = || {
        let compiled = RegexBuilder::new(text).case_insensitive(case == Case::Ignored).build();
        compiled.ok().map(Arc::new)
    };
    COMPILED.lock().entry((text.to_owned(), case)).or_insert_with(compile).clone()
}

/// Whether the whole text is as a pattern says, in which `*` stands for any text and `?` for one character.
pub(super) fn matches_wildcards(pattern: &str, text: &str, case: Case) -> bool {
    let same = |a: char, b: char| match case {
        Case::Matters => a == b,
        Case::Ignored => a.eq_ignore_ascii_case(&b),
    };
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Ends of the text's beginnings that the pattern so far matches.
    let mut reached = vec![false; text.len() + 1];
    reached.iter_mut().take(1).for_each(|start| *start = true);
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        if wanted == '*' {
            let mut open = false;
            for (place, was) in next.iter_mut().zip(&reached) {
                open |= *was;
                *place = open;
            }
        } else {
            let steps = next.iter_mut().skip(1).zip(&reached).zip(&text);
            for ((place, was), letter) in steps {
                *place = *was && (wanted == '?' || same(wanted, *letter));
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_texts() {
        for (pattern, text, matters, ignored) in [
            ("", "", true, true),
            ("", "a", false, false),
            ("*", "", true, true),
            ("*", "anything", true, true),
            ("?", "", false, false),
            ("?", "a", true, true),
            ("a?c", "abc", true, true),
            ("a?c", "ac", false, false),
            ("a*c", "ac", true, true),
            ("a*c", "abbc", true, true),
            ("a*c", "abcd", false, false),
            ("*.example.com", "www.example.com", true, true),
            ("*.example.com", "example.com", false, false),
            ("Abc", "abc", false, true),
            ("/img/*", "/img", false, false),
            ("/img/*", "/img/", true, true),
            ("**a**", "bab", true, true),
            ("a.c", "abc", false, false),
        ] {
            assert_eq!(matches_wildcards(pattern, text, Case::Matters), matters, "{pattern} {text}");
            assert_eq!(matches_wildcards(pattern, text, Case::Ignored), ignored, "{pattern} {text}");
        }
    }
}
