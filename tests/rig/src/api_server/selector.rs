//! Which objects a list or a watch is about.

use serde_json::Value;

/// A namespace, labels, a name, and of events who reports them; what is not given matches everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    pub namespace: Option<String>,
    pub labels: Vec<(String, String)>,
    pub name: Option<String>,
    pub source: Option<String>,
}

impl Selector {
    pub fn of(namespace: Option<&str>, query: &[(String, String)]) -> Self {
        let given = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let pairs = |text: &str| -> Vec<(String, String)> {
            let pair =
                |item: &str| item.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
            text.split(',').filter_map(pair).collect()
        };
        let fields = given("fieldSelector").map(pairs).unwrap_or_default();
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Self {
            namespace: namespace.map(str::to_owned),
            labels: given("labelSelector").map(pairs).unwrap_or_default(),
            name: field("metadata.name"),
            source: field("source"),
        }
    }

    pub fn matches(&self, object: &Value) -> bool {
        let meta = &object["metadata"];
        let is = |field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| meta[field].as_str() == Some(wanted))
        };
        let labelled = |(key, value): &(String, String)| meta["labels"][key].as_str() == Some(value);
        let component = object["source"]["component"].as_str();
        is("namespace", &self.namespace)
            && is("name", &self.name)
            && self.source.as_ref().is_none_or(|wanted| component == Some(wanted))
            && self.labels.iter().all(labelled)
    }
}
