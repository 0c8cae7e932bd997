use super::super::super::fixture::{LENIENT, STRICT};
use super::*;

fn transforms(filters: &str, found: &str, options: GatewayOptions) -> Result<Vec<String>, String> {
    let filters: Vec<HttpRouteFilter> = serde_saphyr::from_str(filters).unwrap();
    let found: Option<HttpRouteMatch> = serde_saphyr::from_str(found).unwrap();
    let one = |transform: Transform| match transform {
        Transform::Url(rewrite) => format!("url {} {}", rewrite.regex, rewrite.replace),
        Transform::Host(rewrite) => format!("host {} {}", rewrite.regex, rewrite.replace),
    };
    let transforms = of_filters(&filters, found.as_ref(), options);
    transforms.map(|found| found.into_iter().map(one).collect()).map_err(|problem| problem.message)
}

#[test]
fn filters_become_transforms() {
    let prefix = "{path: {type: PathPrefix, value: /m}}";
    let rewrite = |rest: &str| format!("[{{type: URLRewrite, urlRewrite: {rest}}}]");
    let redirect = |rest: &str| format!("[{{type: RequestRedirect, requestRedirect: {rest}}}]");
    let cases: &[(String, &str, &[&str])] = &[
        ("[]".into(), prefix, &[]),
        (rewrite("{}"), prefix, &[]),
        (rewrite("{path: {replaceFullPath: /new}}"), prefix, &["url ^([^?]*) /new"]),
        (rewrite("{path: {replacePrefixMatch: /new}}"), prefix, &["url (^/m(/)?) /new$2"]),
        (rewrite("{path: {replacePrefixMatch: /new/}}"), prefix, &["url (^/m(/)?) /new/"]),
        (rewrite("{path: {replacePrefixMatch: ''}}"), prefix, &["url (^/m(/)?) /"]),
        (rewrite("{path: {replacePrefixMatch: /new}}"), "null", &["url (^/(/)?) /new$2"]),
        (
            rewrite("{hostname: a.com, path: {replaceFullPath: /new}}"),
            prefix,
            &["url ^([^?]*) /new", "host .* a.com"],
        ),
        (redirect("{path: {replacePrefixMatch: /new}}"), prefix, &["url (^/m(/)?) /new$2"]),
        (redirect("{path: {replaceFullPath: /new}, hostname: a.com}"), prefix, &[]),
        (redirect("{}"), prefix, &[]),
    ];
    for (filters, found, expected) in cases {
        assert_eq!(transforms(filters, found, LENIENT).unwrap(), *expected, "{filters} {found}");
    }
    let error = transforms(
        &rewrite("{path: {replacePrefixMatch: /new}}"),
        "{path: {type: Exact, value: /m}}",
        LENIENT,
    );
    assert_eq!(error.unwrap_err(), "ReplacePrefixMatch needs a path match of type PathPrefix, got Exact");
}

#[test]
fn strictly_a_prefix_is_no_regular_expression_and_keeps_its_slash() {
    let filters = "[{type: URLRewrite, urlRewrite: {path: {replacePrefixMatch: /new}}}]";
    let cases = [
        ("/", "url (^/(/)?) /new$2", "url (^(/)?) /new$2"),
        ("/m/", "url (^/m/(/)?) /new$2", "url (^/m(/)?) /new$2"),
        ("/a.b", "url (^/a.b(/)?) /new$2", r"url (^/a\.b(/)?) /new$2"),
    ];
    for (prefix, lenient, strict) in cases {
        let found = format!("{{path: {{value: {prefix}}}}}");
        assert_eq!(transforms(filters, &found, LENIENT).unwrap(), [lenient]);
        assert_eq!(transforms(filters, &found, STRICT).unwrap(), [strict]);
    }
}
