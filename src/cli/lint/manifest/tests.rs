#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn objects(text: &str) -> Vec<Manifest> {
    parse_manifests(text).into_iter().map(Result::unwrap).collect()
}

#[test]
fn fields_are_found_by_their_path_in_every_style() {
    let block = "\
# a comment
metadata:
  name: web
  annotations:
    example.com/long: >-
      folded
      text
    example.com/key: x
spec:
  rules:
  - host: a
    http:
      paths:
      - path: /
      - path: /b
        backend: {service: {name: web,
          port: {number: 80}}}
  - host: b
";
    let manifest = &objects(block)[0];
    let cases = [
        (None, 3),
        (Some("example.com/long"), 5),
        (Some("example.com/key"), 8),
        (Some("spec.rules[0].http.paths[1]"), 15),
        (Some("spec.rules[0].http.paths[1].backend.service.port"), 17),
        (Some("spec.rules[1].host"), 18),
        (Some("spec.rules[0].http.paths[7].backend"), 13),
        (Some("spec.ports"), 9),
        (Some("example.com/missing"), 3),
        (Some("metadata.annotations[example.com/key]"), 8),
    ];
    for (field, line) in cases {
        assert_eq!(manifest.line_of(field), line, "{field:?}");
    }
    let json = "{\"metadata\": {\n  \"name\": \"web\",\n  \"annotations\": {\n    \"a/b\": \"c\"\n}}}";
    assert_eq!(objects(json)[0].line_of(Some("a/b")), 4);
}

#[test]
fn every_item_of_a_list_has_its_own_lines() {
    let text = "\
---
kind: ConfigMap
metadata: {name: first}
---
kind: ServiceList
items:
- metadata:
    name: web
    annotations: {a/b: c}
- metadata:
    name: web
    annotations: {a/b: d}
";
    let found = objects(text);
    let lines: Vec<usize> = found.iter().map(|manifest| manifest.line_of(Some("a/b"))).collect();
    assert_eq!(lines, [3, 9, 12]);
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let found = parse_manifests("a: 1\n---\nb: [unclosed\n---\n# empty\n---\nc: 3\n");
    let lines: Vec<_> = found.iter().map(|found| found.as_ref().map_err(|broken| broken.line)).collect();
    assert!(matches!(lines.as_slice(), [Ok(_), Err(3..), Ok(_)]), "{lines:?}");
}
