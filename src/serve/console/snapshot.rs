//! The topology as pages get it: items in JSON, by id.
//!
//! It is kept as text, because that is what it is sent as, what it is compared by, and a fraction of what typed items would take.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that is there, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopologySnapshot {
    /// What is said of the whole, as JSON: `{"roots": […ids], "withoutAws"?}`.
    pub head: Bytes,
    /// Items as JSON, by id.
    pub items: BTreeMap<String, Bytes>,
}

/// How many bytes of items are sent as one event.
const EVENT_BYTES: usize = 64 * 1024;

impl TopologySnapshot {
    /// A snapshot of a head and of items with their ids.
    pub fn new<'a, I: Serialize + 'a>(
        head: &Value,
        items: impl IntoIterator<Item = (&'a String, &'a I)>,
    ) -> Result<Self, serde_json::Error> {
        let text = |(id, item): (&String, &I)| Ok((id.clone(), Bytes::from(serde_json::to_vec(item)?)));
        let items = items.into_iter().map(text).collect::<Result<_, serde_json::Error>>()?;
        Ok(Self { head: head.to_string().into(), items })
    }

    /// The events that make this of what a page has; `None`: it has nothing yet.
    ///
    /// `reset` has no data of its own and ends what was there; `items` has a list of items; `removed` a list of ids; `head` comes last,
    /// and then the page shows what it has.
    pub fn events(&self, old: Option<&Self>) -> Vec<Bytes> {
        let mut events = Vec::new();
        if old.is_none() {
            events.push(event("reset", "null"));
        }
        let is_news = |(id, item): &(&String, &Bytes)| old.and_then(|old| old.items.get(*id)) != Some(*item);
        let mut list = String::new();
        for (_, item) in self.items.iter().filter(is_news) {
            list.push(if list.is_empty() { '[' } else { ',' });
            list.push_str(&String::from_utf8_lossy(item));
            if list.len() > EVENT_BYTES {
                list.push(']');
                events.push(event("items", &list));
                list.clear();
            }
        }
        if !list.is_empty() {
            list.push(']');
            events.push(event("items", &list));
        }
        let gone =
            old.into_iter().flat_map(|old| old.items.keys()).filter(|id| !self.items.contains_key(*id));
        let gone: Vec<Value> = gone.map(|id| Value::from(id.as_str())).collect();
        if !gone.is_empty() {
            events.push(event("removed", &Value::from(gone).to_string()));
        }
        if old.is_none_or(|old| old.head != self.head) || !events.is_empty() {
            events.push(event("head", &String::from_utf8_lossy(&self.head)));
        }
        events
    }
}

/// An event of a stream. JSON of `serde_json` has no line breaks.
pub(super) fn event(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshot(items: &[(&str, u32)]) -> TopologySnapshot {
        let items: BTreeMap<String, Value> =
            items.iter().map(|(id, value)| ((*id).to_owned(), json!({"id": id, "value": value}))).collect();
        TopologySnapshot::new(&json!({"roots": ["a"]}), &items).unwrap()
    }

    fn names(events: &[Bytes]) -> Vec<String> {
        let name = |event: &Bytes| String::from_utf8_lossy(event).lines().next().unwrap()[7..].to_owned();
        events.iter().map(name).collect()
    }

    #[test]
    fn a_page_gets_everything_once_and_then_what_changes() {
        let (one, two) = (snapshot(&[("a", 1), ("b", 1)]), snapshot(&[("a", 1), ("c", 1)]));
        assert_eq!(names(&one.events(None)), ["reset", "items", "head"]);
        assert_eq!(names(&one.events(Some(&one))), Vec::<String>::new());
        let events = two.events(Some(&one));
        assert_eq!(names(&events), ["items", "removed", "head"]);
        let text = String::from_utf8_lossy(&events[0]).into_owned();
        assert!(text.contains("\"c\"") && !text.contains("\"a\""), "{text}");
    }

    #[test]
    fn large_lists_are_sent_in_parts() {
        let many: Vec<(String, u32)> = (0..10_000).map(|number| (format!("target/{number}"), 1)).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|(id, value)| (id.as_str(), *value)).collect();
        let events = snapshot(&many).events(None);
        assert!(events.len() > 5 && events.iter().all(|event| event.len() < 2 * EVENT_BYTES));
    }
}
