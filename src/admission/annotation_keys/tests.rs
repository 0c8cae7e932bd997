#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn told(kind: &'static str, key: &str) -> Option<String> {
    let object = ObjectRef { kind, namespace: "shop".into(), name: "web".into() };
    let annotations = BTreeMap::from([(key.to_owned(), "x".to_owned())]);
    let finding = check(&object, Some(&annotations)).pop()?;
    Some(format!("{}; {}", finding.message, finding.hint.unwrap_or_default()))
}

#[test]
fn keys_that_mean_nothing_are_told_with_what_was_probably_meant() {
    let nlb = |suffix: &str| format!("{NLB_PREFIX}/{suffix}");
    let alb = |suffix: &str| format!("{ALB_PREFIX}/{suffix}");
    let cases = [
        ("Service", nlb("aws-load-balancer-scheme"), None),
        (
            "Service",
            nlb("aws-load-balancer-subnet"),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-subnets`?"),
        ),
        (
            "Service",
            nlb("asw-load-balancer-scheme"),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-scheme`?"),
        ),
        (
            "Service",
            "service.kubernetes.io/aws-load-balancer-scheme".to_owned(),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-scheme`?"),
        ),
        (
            "Service",
            nlb("aws-load-balancer-target-group-attribute.443"),
            Some("did you mean `service.beta.kubernetes.io/aws-load-balancer-target-group-attributes.443`?"),
        ),
        (
            "Service",
            nlb("aws-load-balancer-extra-security-groups"),
            Some("use aws-load-balancer-security-groups"),
        ),
        (
            "Service",
            nlb("aws-load-balancer-quic-enabled-containers"),
            Some("read from a Pod, not from a Service"),
        ),
        ("Service", nlb("azure-load-balancer-internal"), None),
        ("Service", alb("target-type"), None),
        ("Service", alb("listen-ports"), Some("read from an Ingress, not from a Service")),
        ("Ingress", alb("action.web"), Some("did you mean `alb.ingress.kubernetes.io/actions.web`?")),
        ("Ingress", alb("something-else-entirely"), Some("is not a known annotation and has no effect; ")),
        ("Ingress", alb("web-acl-id"), Some("is deprecated; use wafv2-acl-arn")),
        (
            "Ingress",
            "alb.ingres.kubernetes.io/scheme".to_owned(),
            Some("did you mean `alb.ingress.kubernetes.io/scheme`?"),
        ),
        ("Ingress", "nginx.ingress.kubernetes.io/backend-protocol".to_owned(), None),
    ];
    for (kind, key, expected) in cases {
        match (told(kind, &key), expected) {
            (None, None) => {}
            (Some(text), Some(expected)) => assert!(text.contains(expected), "{kind} {key}: {text}"),
            (text, expected) => panic!("{kind} {key}: {text:?}, expected {expected:?}"),
        }
    }
}

/// What became of the hints for typos of one sort.
#[derive(Default, Debug)]
struct Tally {
    right: usize,
    none: usize,
    wrong: Vec<String>,
}

fn words_of(suffix: &str) -> Vec<&str> {
    suffix.split('-').collect()
}

fn without_each_word(suffix: &str) -> Vec<String> {
    let words = words_of(suffix);
    let all = |skip: usize| words.iter().enumerate().filter(move |(at, _)| *at != skip);
    let text = |at| all(at).map(|(_, word)| *word).collect::<Vec<_>>().join("-");
    (0..words.len()).filter(|_| words.len() > 1).map(text).collect()
}

fn with_words_swapped(suffix: &str) -> Vec<String> {
    let words = words_of(suffix);
    let swapped = |at: usize| {
        let mut words = words.clone();
        words.swap(at, at - 1);
        words.join("-")
    };
    (1..words.len()).map(swapped).collect()
}

fn with_other_numbers(suffix: &str) -> Vec<String> {
    let words = words_of(suffix);
    let changed = |at: usize| {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let word = words[at].clone();
        words[at] = word.strip_suffix('s').map_or_else(|| format!("{word}s"), str::to_owned);
        words.join("-")
    };
    (0..words.len()).map(changed).collect()
}

fn with_other_separators(suffix: &str) -> Vec<String> {
    ["", "_", "."].map(|separator| suffix.replace('-', separator)).to_vec()
}

fn with_wrong_letters(suffix: &str) -> Vec<String> {
    let letters: Vec<char> = suffix.chars().collect();
    let mut typos = Vec::new();
    for at in 0..letters.len() {
        let (before, after) = (&letters[..at], &letters[at + 1..]);
        let join = |middle: &[char]| before.iter().chain(middle).chain(after).collect::<String>();
        typos.extend([join(&[]), join(&[letters[at], letters[at]]), join(&['q'])]);
        if let Some((next, rest)) = after.split_first() {
            typos.push(before.iter().chain([next, &letters[at]]).chain(rest).collect());
        }
    }
    typos
}

fn with_beginning_of_other_kind(suffix: &str) -> Vec<String> {
    vec![suffix.strip_prefix(NLB_STEM).map_or_else(|| format!("{NLB_STEM}{suffix}"), str::to_owned)]
}

/// The sorts of typos, and the least share of them in percent that must be told what was meant.
type Sort = (&'static str, fn(&str) -> Vec<String>, usize);

const SORTS: [Sort; 6] = [
    ("a word is missing", without_each_word, 70),
    ("two words are swapped", with_words_swapped, 85),
    ("singular or plural", with_other_numbers, 97),
    ("other separators", with_other_separators, 97),
    ("letters", with_wrong_letters, 97),
    ("the beginning of the other kind", with_beginning_of_other_kind, 95),
];

#[test]
fn typos_of_every_key_are_told_what_was_meant_and_never_something_else() {
    for (sort, typos, least) in SORTS {
        let mut tally = Tally::default();
        for row in table::rows().filter(|row| table::is_our_prefix(row.prefix)) {
            for kind in row.on.iter().filter(|kind| own_prefix(kind) == Some(row.prefix)) {
                for typo in typos(row.suffix.stem()) {
                    count(&mut tally, kind, row, &typo);
                }
            }
        }
        let all = tally.right + tally.none + tally.wrong.len();
        assert!(tally.wrong.is_empty(), "{sort}: {} of {all}: {:#?}", tally.wrong.len(), tally.wrong);
        assert!(
            tally.right * 100 >= all * least,
            "{sort}: {} right, {} without hint",
            tally.right,
            tally.none
        );
    }
}

fn count(tally: &mut Tally, kind: &&'static str, row: &Row, typo: &str) {
    let example = row.suffix.example();
    let rest = example.strip_prefix(row.suffix.stem()).unwrap();
    let given = format!("{}/{typo}{rest}", row.prefix);
    if typo.is_empty() || table::find(&given).is_some() {
        return;
    }
    let object = ObjectRef { kind, namespace: "shop".into(), name: "web".into() };
    let annotations = BTreeMap::from([(given.clone(), row.examples.first().unwrap_or(&"").to_string())]);
    let hint = check(&object, Some(&annotations)).pop().and_then(|finding| finding.hint);
    let right = format!("{}/{example}", row.prefix);
    match hint {
        None => tally.none += 1,
        Some(hint) if hint.contains(&format!("`{right}`")) => tally.right += 1,
        Some(hint) => tally.wrong.push(format!("{given}: {hint}")),
    }
}

#[test]
fn words_count_before_letters() {
    let cases = [
        ("healthcheck-interval", "10", Some("healthcheck-interval-seconds`?")),
        ("healthcheck-timeout", "10", Some("healthcheck-timeout-seconds`?")),
        ("group", "shop", Some("group.name`?")),
        ("group-name", "shop", Some("group.name`?")),
        ("healthcheck-success-codes", "200", Some("/success-codes`?")),
        ("ssl-redirect-port", "443", Some("/ssl-redirect`?")),
        ("wafv2-acl", "none", Some("wafv2-acl-name` or `alb.ingress.kubernetes.io/wafv2-acl-arn`?")),
        ("healthcheck", "/", None),
        ("frontend-nlb", "true", None),
    ];
    for (suffix, value, expected) in cases {
        let object = ObjectRef { kind: "Ingress", namespace: "shop".into(), name: "web".into() };
        let annotations = BTreeMap::from([(format!("{ALB_PREFIX}/{suffix}"), value.to_owned())]);
        let hint = check(&object, Some(&annotations)).pop().and_then(|finding| finding.hint);
        match (&hint, expected) {
            (None, None) => {}
            (Some(hint), Some(expected)) => assert!(hint.ends_with(expected), "{suffix}: {hint}"),
            _ => panic!("{suffix}: {hint:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn the_same_setting_of_another_kind_of_object_is_named() {
    let hint = |kind, key: &str| told(kind, key).unwrap_or_default();
    assert!(
        hint("Service", "alb.ingress.kubernetes.io/scheme")
            .ends_with("use service.beta.kubernetes.io/aws-load-balancer-scheme")
    );
    assert!(
        hint("Ingress", "service.beta.kubernetes.io/aws-load-balancer-subnets")
            .ends_with("use alb.ingress.kubernetes.io/subnets")
    );
    assert!(hint("Service", "alb.ingress.kubernetes.io/listen-ports").ends_with("not from a Service; "));
}

#[test]
fn of_many_unknown_keys_each_is_told_and_the_first_with_what_was_meant() {
    let object = ObjectRef { kind: "Service", namespace: "shop".into(), name: "web".into() };
    let letters =
        ('f'..='z').flat_map(|one| ('a'..='z').map(move |two| [one, two].iter().collect::<String>()));
    let keys = letters
        .take(2 * HINTED)
        .map(|end| (format!("{NLB_PREFIX}/aws-load-balancer-target-group-attribut{end}"), "x".to_owned()));
    let findings = check(&object, Some(&keys.collect()));
    assert_eq!(findings.len(), 2 * HINTED);
    assert_eq!(findings.iter().filter(|finding| finding.hint.is_some()).count(), HINTED);
}
