#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (format!("{NLB_PREFIX}/{key}"), (*value).to_owned())).collect()
}

#[test]
fn maps_follow_upstreams_grammar() {
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(&str, Option<Pairs<'_>>)] = &[
        ("", Some(&[])),
        (" ", None),
        ("a=1, b = 2", Some(&[("a", "1"), ("b", "2")])),
        ("a=", Some(&[("a", "")])),
        ("a=x==, b=y=z", Some(&[("a", "x=="), ("b", "y=z")])),
        (r"a=1\,2,b=3", Some(&[("a", "1,2"), ("b", "3")])),
        ("a=1,", Some(&[("a", "1,")])),
        ("a=1,b", None),
        ("a=1,,b=2", None),
        ("=v", None),
        ("k1,k2", None),
        ("a=x,y,z=1", None),
        (r"a\=x=y", Some(&[("a", "x=y")])),
    ];
    for (text, expected) in cases {
        let expected =
            expected.map(|pairs| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        assert_eq!(parse::map(text), expected, "{text:?}");
    }
}

#[test]
fn an_address_range_has_one_reading() {
    for right in ["10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/8", "::/0", "2001:DB8::/32"] {
        assert!(parse::cidr(right).is_some(), "{right}");
    }
    for wrong in [
        "010.0.0.0/8",
        "10.0.0.0/08",
        "10.0.0.0/33",
        "10.0.0.0",
        "10.0.0.0/",
        "::/129",
        "world",
        " 10.0.0.0/8",
    ] {
        assert_eq!(parse::cidr(wrong), None, "{wrong}");
    }
}

#[test]
fn an_overlay_wins_with_its_whole_value() {
    let lower = annotations(&[("a", "x=1,y=2"), ("b", "lower")]);
    let upper = annotations(&[("a", "x=3")]);
    let view = Annotations::new(NLB_PREFIX, Some(&lower)).overlaid_by(Some(&upper));
    assert_eq!(view.map("a").unwrap().unwrap(), BTreeMap::from([("x".to_owned(), "3".to_owned())]));
    assert_eq!(view.string("b"), Some("lower"));
}

#[test]
fn errors_name_key_value_and_what_is_allowed() {
    let map = annotations(&[("flag", "yes")]);
    let error = Annotations::new(NLB_PREFIX, Some(&map)).boolean("flag").unwrap_err();
    assert_eq!(error.key, "service.beta.kubernetes.io/flag");
    assert_eq!(error.to_string(), "\"yes\" is not a boolean (true or false)");
}

/// Upstream's grammar, word for word: what is behind each comma is looked at again.
fn pairs_looked_at_again_and_again(text: &str) -> Vec<String> {
    let (mut items, mut item) = (Vec::new(), String::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => item.push(chars.next().unwrap_or('\\')),
            ',' => {
                let rest = chars.as_str().trim();
                if rest.is_empty() {
                    item.push(',');
                    continue;
                }
                items.push(std::mem::take(&mut item).trim().to_owned());
                if !rest.contains('=') {
                    items.push(rest.to_owned());
                    return items;
                }
            }
            _ => item.push(c),
        }
    }
    if !item.is_empty() {
        items.push(item.trim().to_owned());
    }
    items
}

proptest::proptest! {
    #[test]
    fn pairs_are_split_as_upstream_splits_them(text in r"[ab=,\\ \t\u{a0}é]{0,24}") {
        let items = pairs_looked_at_again_and_again(&text);
        let expected: Option<BTreeMap<String, String>> = items
            .iter()
            .map(|item| {
                let (key, value) = item.split_once('=')?;
                (!key.trim().is_empty()).then(|| (key.trim().to_owned(), value.trim().to_owned()))
            })
            .collect();
        proptest::prop_assert_eq!(parse::map(&text), expected);
    }
}
