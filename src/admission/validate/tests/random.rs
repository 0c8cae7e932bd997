//! No text in any annotation makes a check panic, and whatever is found can be told.

use super::*;
use crate::admission::response::to_response;
use crate::annotations::table::rows;
use crate::config::AnnotationValidation;
use proptest::prelude::*;

/// Any text, or a right value with a few characters changed.
fn value(example: &'static str) -> impl Strategy<Value = String> {
    let mangled = (0..=example.chars().count(), any::<char>(), 0..4_usize).prop_map(move |(at, new, cut)| {
        let mut chars: Vec<char> = example.chars().collect();
        chars.drain(at..(at + cut).min(chars.len()));
        chars.insert(at, new);
        chars.into_iter().collect()
    });
    prop_oneof![any::<String>(), mangled]
}

fn annotation() -> impl Strategy<Value = (String, String)> {
    let all: Vec<&'static Row> = rows().collect();
    (0..all.len()).prop_flat_map(move |at| {
        let row = all[at];
        let key = format!("{}/{}", row.prefix, row.suffix.example());
        (Just(key), value(row.examples[0]))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_annotation_makes_a_check_panic(pairs in proptest::collection::vec(annotation(), 0..5), key in any::<String>()) {
        let mut pairs: Vec<(String, String)> = pairs;
        pairs.push((key, "x".to_owned()));
        let borrowed: Vec<(String, &str)> = pairs.iter().map(|(key, value)| (key.clone(), value.as_str())).collect();
        for kind in ["Service", "Ingress"] {
            let findings = findings_of(kind, &borrowed);
            let object = ObjectRef { kind, namespace: "shop".into(), name: "web".into() };
            match to_response(AnnotationValidation::Enforce, "annotations", &object, &findings) {
                Ok(admitted) => prop_assert!(errors(&findings).is_empty(), "{:?}", admitted),
                Err(denial) => prop_assert!(denial.message.len() <= 2048),
            }
        }
    }
}
