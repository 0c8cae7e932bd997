//! Requests that set several values of one resource, of which AWS takes all or none.

use super::{Attributes, Request, Tags};
use std::collections::BTreeMap;

/// Ends the beginning that all attributes of one kind of logs share.
const OF_LOGS: &str = "_logs.s3.";

impl Request {
    /// The keys of the values that it sets; those that AWS judges together stand together. Empty: it sets no such values.
    pub fn value_keys(&self) -> Vec<Vec<String>> {
        match self {
            Self::ModifyLoadBalancerAttributes(request) => families(&request.attributes),
            Self::ModifyListenerAttributes(request) => families(&request.attributes),
            Self::AddTags(request) => each(&request.tags),
            Self::CreateTags(request) => each(&request.tags),
            Self::AddListenerCertificate(request) => vec![vec![request.certificate_arn.to_string()]],
            _ => Vec::new(),
        }
    }

    /// The same request with the values of these keys only.
    #[must_use]
    pub fn with_values(&self, keys: &[String]) -> Self {
        let mut request = self.clone();
        let values = match &mut request {
            Self::ModifyLoadBalancerAttributes(request) => &mut request.attributes,
            Self::ModifyListenerAttributes(request) => &mut request.attributes,
            Self::AddTags(request) => &mut request.tags,
            Self::CreateTags(request) => &mut request.tags,
            _ => return request,
        };
        values.retain(|key, _| keys.contains(key));
        request
    }
}

/// why: AWS takes logs for switched on only together with the bucket that they go to
fn families(attributes: &Attributes) -> Vec<Vec<String>> {
    let mut families: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for key in attributes.keys() {
        let family = key.find(OF_LOGS).and_then(|end| key.get(..end)).unwrap_or(key);
        families.entry(family).or_default().push(key.clone());
    }
    families.into_values().collect()
}

fn each(tags: &Tags) -> Vec<Vec<String>> {
    tags.keys().map(|key| vec![key.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_api::Ref;
    use crate::aws_api::elbv2::{AddTags, DeleteRule, ModifyLoadBalancerAttributes};

    #[test]
    fn values_of_a_request_can_be_sent_apart_but_for_those_that_need_each_other() {
        let keys = ["access_logs.s3.bucket", "access_logs.s3.enabled", "idle_timeout.timeout_seconds"];
        let attributes = keys.map(|key| (key.to_owned(), "1".to_owned())).into();
        let request = Request::from(ModifyLoadBalancerAttributes { arn: Ref::default(), attributes });
        let found = request.value_keys();
        assert_eq!(found, [keys[..2].to_vec(), keys[2..].to_vec()]);
        let halves = found.iter().map(|keys| request.with_values(keys).value_keys().concat());
        assert_eq!(halves.collect::<Vec<_>>(), found);
    }

    #[test]
    fn tags_stand_alone_and_a_deletion_sets_nothing() {
        let tags = ["a", "b"].map(|key| (key.to_owned(), "1".to_owned())).into();
        let tagging = Request::from(AddTags { arn: Ref::default(), tags });
        assert_eq!(tagging.value_keys(), [["a"], ["b"]]);
        assert!(Request::from(DeleteRule { arn: Ref::default() }).value_keys().is_empty());
    }
}
