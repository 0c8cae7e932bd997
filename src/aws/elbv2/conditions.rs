//! Conditions of listener rules.

use crate::aws::sdk::{each, some};
use crate::aws_api::elbv2::{RuleCondition, ValuesOrRegexes};
use aws_sdk_elasticloadbalancingv2::types;

/// Conditions as a call takes them.
pub(super) fn to_sdk(conditions: Vec<RuleCondition>) -> Vec<types::RuleCondition> {
    conditions.into_iter().map(to_condition).collect()
}

/// Conditions as AWS describes them; a field this version does not know is left out, so that the diff replaces it.
pub(super) fn from_sdk(conditions: Option<Vec<types::RuleCondition>>) -> Vec<RuleCondition> {
    conditions.unwrap_or_default().into_iter().filter_map(condition).collect()
}

fn to_condition(condition: RuleCondition) -> types::RuleCondition {
    let builder = types::RuleCondition::builder().field(condition.field());
    match condition {
        RuleCondition::HostHeader(hosts) => builder.host_header_config(
            types::HostHeaderConditionConfig::builder()
                .set_values(some(hosts.values))
                .set_regex_values(some(hosts.regexes))
                .build(),
        ),
        RuleCondition::PathPattern(paths) => builder.path_pattern_config(
            types::PathPatternConditionConfig::builder()
                .set_values(some(paths.values))
                .set_regex_values(some(paths.regexes))
                .build(),
        ),
        RuleCondition::HttpHeader { name, values } => builder.http_header_config(
            types::HttpHeaderConditionConfig::builder()
                .http_header_name(name)
                .set_values(some(values.values))
                .set_regex_values(some(values.regexes))
                .build(),
        ),
        RuleCondition::HttpRequestMethod(methods) => builder.http_request_method_config(
            types::HttpRequestMethodConditionConfig::builder().set_values(some(methods)).build(),
        ),
        RuleCondition::QueryString(pairs) => builder.query_string_config(
            types::QueryStringConditionConfig::builder()
                .set_values(some(pairs.into_iter().map(to_query_pair).collect()))
                .build(),
        ),
        RuleCondition::SourceIp(cidrs) => builder
            .source_ip_config(types::SourceIpConditionConfig::builder().set_values(some(cidrs)).build()),
    }
    .build()
}

fn to_query_pair((key, value): (Option<String>, String)) -> types::QueryStringKeyValuePair {
    types::QueryStringKeyValuePair::builder().set_key(key).value(value).build()
}

fn condition(sdk: types::RuleCondition) -> Option<RuleCondition> {
    // why: for these two fields AWS may answer with the older flat lists only
    let flat = ValuesOrRegexes {
        values: sdk.values.unwrap_or_default(),
        regexes: sdk.regex_values.unwrap_or_default(),
    };
    match sdk.field.as_deref()? {
        "host-header" => Some(RuleCondition::HostHeader(
            sdk.host_header_config.map_or(flat, |hosts| either(hosts.values, hosts.regex_values)),
        )),
        "path-pattern" => Some(RuleCondition::PathPattern(
            sdk.path_pattern_config.map_or(flat, |paths| either(paths.values, paths.regex_values)),
        )),
        "http-header" => sdk.http_header_config.map(|header| RuleCondition::HttpHeader {
            name: header.http_header_name.unwrap_or_default(),
            values: either(header.values, header.regex_values),
        }),
        "http-request-method" => sdk
            .http_request_method_config
            .map(|methods| RuleCondition::HttpRequestMethod(methods.values.unwrap_or_default())),
        "query-string" => sdk.query_string_config.map(|query| {
            RuleCondition::QueryString(each(query.values, |pair| (pair.key, pair.value.unwrap_or_default())))
        }),
        "source-ip" => {
            sdk.source_ip_config.map(|sources| RuleCondition::SourceIp(sources.values.unwrap_or_default()))
        }
        _ => None,
    }
}

fn either(values: Option<Vec<String>>, regexes: Option<Vec<String>>) -> ValuesOrRegexes {
    ValuesOrRegexes { values: values.unwrap_or_default(), regexes: regexes.unwrap_or_default() }
}
