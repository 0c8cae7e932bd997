//! One table: a condition, a request, and whether it holds.

use super::*;
use http::HeaderValue;

fn values(all: &[&str]) -> ValuesOrRegexes {
    ValuesOrRegexes { values: all.iter().map(|one| (*one).to_owned()).collect(), regexes: Vec::new() }
}

fn regexes(all: &[&str]) -> ValuesOrRegexes {
    ValuesOrRegexes { values: Vec::new(), regexes: all.iter().map(|one| (*one).to_owned()).collect() }
}

fn host(all: &[&str]) -> RuleCondition {
    RuleCondition::HostHeader(values(all))
}

fn path(all: &[&str]) -> RuleCondition {
    RuleCondition::PathPattern(values(all))
}

fn header(name: &str, values: ValuesOrRegexes) -> RuleCondition {
    RuleCondition::HttpHeader { name: name.to_owned(), values }
}

fn query(key: Option<&str>, value: &str) -> RuleCondition {
    RuleCondition::QueryString(vec![(key.map(str::to_owned), value.to_owned())])
}

fn method(all: &[&str]) -> RuleCondition {
    RuleCondition::HttpRequestMethod(all.iter().map(|one| (*one).to_owned()).collect())
}

fn source(all: &[&str]) -> RuleCondition {
    RuleCondition::SourceIp(all.iter().map(|one| (*one).to_owned()).collect())
}

type Headers = &'static [(&'static str, &'static str)];
/// Method, host, path, query, headers, client.
type Request = (&'static str, &'static str, &'static str, &'static str, Headers, &'static str);

fn get(host: &'static str, path: &'static str, query: &'static str) -> Request {
    ("GET", host, path, query, &[], "192.0.2.7")
}

fn with(headers: Headers) -> Request {
    ("GET", "h", "/", "", headers, "192.0.2.7")
}

fn by(method: &'static str) -> Request {
    (method, "h", "/", "", &[], "192.0.2.7")
}

fn from(client: &'static str) -> Request {
    ("GET", "h", "/", "", &[], client)
}

#[test]
fn each_kind_of_condition_holds_as_documented() {
    let rows: &[(RuleCondition, Request, bool)] = &[
        (host(&["a.example"]), get("a.example", "/", ""), true),
        (host(&["a.example"]), get("A.Example", "/", ""), true),
        (host(&["A.EXAMPLE"]), get("a.example", "/", ""), true),
        (host(&["a.example"]), get("b.example", "/", ""), false),
        (host(&["a.example"]), get("a.example:1234", "/", ""), false),
        (host(&["a.example", "b.example"]), get("b.example", "/", ""), true),
        (host(&["*.example"]), get("a.example", "/", ""), true),
        (host(&["*.example"]), get("a.b.example", "/", ""), true),
        (host(&["*.example"]), get("example", "/", ""), false),
        (host(&["?.example"]), get("a.example", "/", ""), true),
        (host(&["?.example"]), get("ab.example", "/", ""), false),
        (RuleCondition::HostHeader(regexes(&["^a\\.example$"])), get("A.example", "/", ""), true),
        (
            RuleCondition::HostHeader(regexes(&["^a\\.example(:[0-9]+)?$"])),
            get("a.example:1234", "/", ""),
            true,
        ),
        (RuleCondition::HostHeader(regexes(&["example"])), get("an-example.org", "/", ""), true),
        (path(&["/a"]), get("h", "/a", ""), true),
        (path(&["/a"]), get("h", "/A", ""), false),
        (path(&["/a"]), get("h", "/a/", ""), false),
        (path(&["/a"]), get("h", "/a", "q=1"), true),
        (path(&["/a*"]), get("h", "/ab/c", ""), true),
        (path(&["/a/*"]), get("h", "/a", ""), false),
        (path(&["/a/*"]), get("h", "/a/", ""), true),
        (path(&["/*/c"]), get("h", "/a/b/c", ""), true),
        (path(&["/?"]), get("h", "/a", ""), true),
        (path(&["/?"]), get("h", "/", ""), false),
        (path(&["/", "/b"]), get("h", "/b", ""), true),
        (path(&["/*.png"]), get("h", "/x/y.png", ""), true),
        (path(&["/a~b"]), get("h", "/a%7Eb", ""), true),
        (path(&["/a b"]), get("h", "/a%20b", ""), false),
        (path(&["/b"]), get("h", "/a/../b", ""), true),
        (path(&["/a/b"]), get("h", "/a/./b", ""), true),
        (path(&["/a/"]), get("h", "/a/b/..", ""), true),
        (path(&["/"]), get("h", "/..", ""), true),
        (RuleCondition::PathPattern(regexes(&["^/v[0-9]+/"])), get("h", "/v12/x", ""), true),
        (RuleCondition::PathPattern(regexes(&["^/v[0-9]+/"])), get("h", "/V12/x", ""), false),
        (RuleCondition::PathPattern(regexes(&["("])), get("h", "/(", ""), false),
        (header("x-env", values(&["prod"])), with(&[("X-Env", "prod")]), true),
        (header("X-Env", values(&["prod"])), with(&[("x-env", "PROD")]), true),
        (header("x-env", values(&["prod"])), with(&[("x-env", "production")]), false),
        (header("x-env", values(&["prod*"])), with(&[("x-env", "production")]), true),
        (header("x-env", values(&["prod"])), with(&[]), false),
        (header("x-env", values(&["*"])), with(&[]), false),
        (header("x-env", values(&["a", "b"])), with(&[("x-env", "b")]), true),
        (header("x-env", values(&["b"])), with(&[("x-env", "a"), ("x-env", "b")]), true),
        (header("user-agent", values(&["*Chrome*"])), with(&[("user-agent", "Mozilla chrome/1")]), true),
        (header("x-env", regexes(&["^(a|b)$"])), with(&[("x-env", "B")]), true),
        (header("x-env", regexes(&["^(a|b)$"])), with(&[("x-env", "ab")]), false),
        (method(&["GET"]), by("GET"), true),
        (method(&["GET"]), by("POST"), false),
        (method(&["GET", "POST"]), by("POST"), true),
        (method(&["PURGE"]), by("PURGE"), true),
        (method(&["GET"]), by("HEAD"), false),
        (query(Some("v"), "1"), get("h", "/", "v=1"), true),
        (query(Some("v"), "1"), get("h", "/", "v=2"), false),
        (query(Some("v"), "1"), get("h", "/", "a=1&v=1"), true),
        (query(Some("v"), "1"), get("h", "/", "V=1"), true),
        (query(Some("v"), "abc"), get("h", "/", "v=ABC"), true),
        (query(Some("v"), "1"), get("h", "/", ""), false),
        (query(None, "1"), get("h", "/", "x=1"), true),
        (query(None, "1"), get("h", "/", "1=x"), false),
        (query(Some("v"), "*"), get("h", "/", "v"), true),
        (query(Some("v"), "1*"), get("h", "/", "v=123"), true),
        (query(Some("v?"), "1"), get("h", "/", "vx=1"), true),
        (query(Some("v"), "a b"), get("h", "/", "v=a%20b"), false),
        (query(Some("v"), "a=b"), get("h", "/", "v=a=b"), true),
        (source(&["192.0.2.0/24"]), from("192.0.2.7"), true),
        (source(&["192.0.2.7/32"]), from("192.0.2.7"), true),
        (source(&["192.0.2.9/24"]), from("192.0.2.7"), true),
        (source(&["198.51.100.0/24"]), from("192.0.2.7"), false),
        (source(&["198.51.100.0/24", "192.0.2.0/24"]), from("192.0.2.7"), true),
        (source(&["2001:db8::/32"]), from("192.0.2.7"), false),
        (source(&["2001:db8::/32"]), from("2001:db8::1"), true),
        (source(&["0.0.0.0/0"]), from("192.0.2.7"), true),
    ];
    for (condition, (method, host, path, query, headers, client), wanted) in rows {
        let mut all = HeaderMap::new();
        for (name, value) in *headers {
            let name = http::HeaderName::from_bytes(name.to_lowercase().as_bytes()).unwrap();
            all.append(name, HeaderValue::from_str(value).unwrap());
        }
        let client = client.parse().unwrap();
        let asked = Asked { method, host, path, query, headers: &all, client };
        assert_eq!(
            holds(condition, &asked),
            *wanted,
            "{condition:?} of {method} {host} {path}?{query} {headers:?} {client}"
        );
    }
}

#[test]
fn all_conditions_of_the_first_rule_have_to_hold() {
    let rule = |priority, conditions| Rule {
        arn: format!("{priority:?}"),
        priority,
        conditions,
        actions: Vec::new(),
        transforms: Vec::new(),
    };
    let rules = [
        rule(Some(1), vec![host(&["a"]), path(&["/x"])]),
        rule(Some(2), vec![host(&["a"])]),
        rule(Some(3), vec![path(&["/*"]), method(&["POST"])]),
        rule(None, vec![]),
    ];
    let headers = HeaderMap::new();
    for (method, host, path, wanted) in [
        ("GET", "a", "/x", Some(1)),
        ("GET", "a", "/y", Some(2)),
        ("POST", "a", "/y", Some(2)),
        ("POST", "b", "/x", Some(3)),
        ("GET", "b", "/x", None),
    ] {
        let client = "192.0.2.7".parse().unwrap();
        let asked = Asked { method, host, path, query: "", headers: &headers, client };
        assert_eq!(choose(&rules, &asked).unwrap().priority, wanted, "{method} {host} {path}");
    }
}
