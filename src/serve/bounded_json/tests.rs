#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_not_too_much_is_read_as_it_is(value in any_json()) {
        let bounded: BoundedJson = serde_json::from_str(&value.to_string()).unwrap();
        let plain: Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(bounded, BoundedJson { value: plain, is_cut: false });
    }
}

#[test]
fn managed_fields_are_skipped_where_they_stand() {
    let text = r#"{"metadata": {"managedFields": [{"a": 1}], "name": "x"}, "spec": {"managedFields": 2}}"#;
    let bounded: BoundedJson = serde_json::from_str(text).unwrap();
    assert_eq!(bounded.value, json!({"metadata": {"name": "x"}, "spec": {"managedFields": 2}}));
}

/// Elements of the list at `/a`.
fn length(bounded: &BoundedJson) -> usize {
    bounded.value.get("a").and_then(Value::as_array).map_or(0, Vec::len)
}

#[test]
fn a_wide_object_is_cut_off_and_what_follows_is_still_read() {
    for item in ["0", "[]", "{\"b\":0}", "\"\"", "null"] {
        let text = format!("{{\"a\": [{item}{}]}}", format!(",{item}").repeat(2_900_000 / (item.len() + 1)));
        let (first, second): (BoundedJson, u8) = serde_json::from_str(&format!("[{text}, 7]")).unwrap();
        assert!(first.is_cut, "{item}");
        assert!(length(&first) <= MEMORY / VALUE, "{item}");
        assert_eq!(second, 7);
    }
}

#[test]
fn objects_as_large_as_a_cluster_holds_are_whole() {
    let ranges: Vec<String> = (0..90_000).map(|n| format!("10.{}.{}.0/24", n / 256 % 256, n % 256)).collect();
    let path = json!({"path": "/p", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}});
    let rule = json!({"host": "h.example.com", "http": {"paths": [path, path, path, path]}});
    for object in
        [json!({"spec": {"loadBalancerSourceRanges": ranges}}), json!({"spec": {"rules": vec![rule; 1500]}})]
    {
        let text = object.to_string();
        let bounded: BoundedJson = serde_json::from_str(&text).unwrap();
        assert!(!bounded.is_cut, "{} bytes", text.len());
        assert_eq!(bounded.value, object);
    }
}
