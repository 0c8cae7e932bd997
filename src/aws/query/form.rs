//! Parameters of a Query call: flat names with positions that count from 1.

use crate::aws_api::Tags;
use crate::aws_api::ec2::Filter;

/// The parameters of one call, in the order they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::aws) struct Form(Vec<(String, String)>);

impl Form {
    /// Adds a parameter.
    pub(in crate::aws) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter that may be absent.
    pub(in crate::aws) fn maybe(self, name: impl Into<String>, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a list of values: `name.1`, `name.2`, …
    pub(in crate::aws) fn list(self, name: &str, values: &[String]) -> Self {
        (1..).zip(values).fold(self, |form, (n, value)| form.with(format!("{name}.{n}"), value))
    }

    /// Adds filters: `Filter.1.Name`, `Filter.1.Value.1`, …
    pub(in crate::aws) fn filters(self, filters: &[Filter]) -> Self {
        (1..).zip(filters).fold(self, |form, (n, filter)| {
            form.with(format!("Filter.{n}.Name"), &filter.name)
                .list(&format!("Filter.{n}.Value"), &filter.values)
        })
    }

    /// Adds tags: `prefix.1.Key`, `prefix.1.Value`, …
    pub(in crate::aws) fn tags(self, prefix: &str, tags: &Tags) -> Self {
        (1..).zip(tags).fold(self, |form, (n, (key, value))| {
            form.with(format!("{prefix}.{n}.Key"), key).with(format!("{prefix}.{n}.Value"), value)
        })
    }

    /// The form as a request body, with the action and API version in front.
    pub(in crate::aws) fn encode(&self, action: &str, version: &str) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("Action", action).append_pair("Version", version);
        for (name, value) in &self.0 {
            body.append_pair(name, value);
        }
        body.finish()
    }
}
