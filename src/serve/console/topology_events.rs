//! From one look at the topology to the events that pages get of it.
//!
//! Of what pages were told only digests are kept: items are serialised one after the other, and only those that are not as they were are
//! kept, for as long as it takes to send them. What a page needs that has nothing yet is made for it, and kept compressed until it is sent.

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read, Write};

/// About so many bytes of items are sent as one event.
const EVENT_BYTES: usize = 64 * 1024;
/// Changes of so many bytes are not kept: pages then get everything anew.
const MOST_CHANGES: usize = 512 * 1024;

/// What pages have been told: digests of all items by digests of their ids, in order, and of the head.
///
/// why: that two texts have one digest is less likely than that the machine errs
#[derive(Clone, Debug, Default)]
pub(super) struct TopologyDigests {
    items: Vec<(u64, u64)>,
    head: u64,
}

impl TopologyDigests {
    fn has(&self, item: (u64, u64)) -> bool {
        self.items.binary_search(&item).is_ok()
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// One look at the topology.
pub(super) struct TopologyPass<'d> {
    told: &'d TopologyDigests,
    seen: Vec<(u64, u64)>,
    /// `None`: they are too many.
    changes: Option<ItemEvents>,
    /// `None`: no page needs everything.
    all: Option<ItemEvents>,
}

/// What came of a look.
pub(super) struct TopologyNews {
    /// What pages have been told, once they have got this.
    pub digests: TopologyDigests,
    /// What has changed, for pages that have the rest; `None`: more than is kept.
    pub changes: Option<Vec<PageEvent>>,
    /// Everything, for pages that have nothing, if it was asked for.
    pub all: Option<Vec<PageEvent>>,
}

impl<'d> TopologyPass<'d> {
    /// `told`: what pages have been told. `all`: whether there is a page that needs everything.
    pub fn new(told: &'d TopologyDigests, all: bool) -> Self {
        let all = all.then(|| ItemEvents { is_packed: true, ..ItemEvents::default() });
        let seen = Vec::with_capacity(told.items.len());
        Self { told, seen, changes: Some(ItemEvents::default()), all }
    }

    /// An item of the topology.
    pub fn item(&mut self, id: &str, json: &[u8]) -> io::Result<()> {
        let digests = (digest(id.as_bytes()), digest(json));
        self.seen.push(digests);
        if let Some(all) = &mut self.all {
            all.item(json)?;
        }
        if !self.told.has(digests)
            && let Some(changes) = &mut self.changes
        {
            changes.item(json)?;
            if changes.bytes > MOST_CHANGES {
                self.changes = None;
            }
        }
        Ok(())
    }

    /// The end of the look. `head`: what is said of the whole. The number of items is added to it: a page that has more than these has some
    /// that are gone, which are those that nothing leads to.
    pub fn end(self, mut head: Value) -> io::Result<TopologyNews> {
        let Self { told, mut seen, changes, all } = self;
        seen.sort_unstable();
        if let Some(head) = head.as_object_mut() {
            head.insert("items".to_owned(), seen.len().into());
        }
        let text = head.to_string();
        let digests = TopologyDigests { items: seen, head: digest(text.as_bytes()) };
        let changes = match changes {
            Some(changes) if changes.is_empty() && digests.head == told.head => Some(Vec::new()),
            Some(changes) => Some(changes.end(&text)?),
            None => None,
        };
        let all = all.map(|all| all.end(&text)).transpose()?;
        Ok(TopologyNews { digests, changes, all: all.map(begun_anew) })
    }
}

/// `reset` has no data of its own and ends what was there.
fn begun_anew(mut events: Vec<PageEvent>) -> Vec<PageEvent> {
    events.insert(0, PageEvent::named("reset", "null"));
    events
}

/// Events with lists of items.
#[derive(Default)]
struct ItemEvents {
    events: Vec<PageEvent>,
    list: Vec<u8>,
    /// Of all items.
    bytes: usize,
    is_packed: bool,
}

impl ItemEvents {
    fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    fn item(&mut self, json: &[u8]) -> io::Result<()> {
        self.list.extend_from_slice(if self.list.is_empty() { b"event: items\ndata: [" } else { b"," });
        self.list.extend_from_slice(json);
        self.bytes += json.len();
        if self.list.len() > EVENT_BYTES { self.end_list() } else { Ok(()) }
    }

    fn end_list(&mut self) -> io::Result<()> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.extend_from_slice(b"]\n\n");
        let list = std::mem::take(&mut self.list);
        self.events.push(if self.is_packed {
            PageEvent::packed(&list)?
        } else {
            PageEvent::Plain(list.into())
        });
        Ok(())
    }

    /// `head` comes last, and then the page shows what it has.
    fn end(mut self, head: &str) -> io::Result<Vec<PageEvent>> {
        self.end_list()?;
        self.events.push(PageEvent::named("head", head));
        Ok(self.events)
    }
}

/// An event that waits for a page. Pages share it.
#[derive(Clone, Debug)]
pub(super) enum PageEvent {
    /// As it is sent.
    Plain(Bytes),
    /// Compressed.
    Packed(Bytes),
}

impl PageEvent {
    /// An event of a name. JSON of `serde_json` has no line breaks.
    pub fn named(name: &str, data: &str) -> Self {
        Self::Plain(format!("event: {name}\ndata: {data}\n\n").into())
    }

    fn packed(text: &[u8]) -> io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text)?;
        Ok(Self::Packed(Bytes::from(encoder.finish()?.into_boxed_slice())))
    }

    /// Bytes that it takes in memory.
    pub fn held(&self) -> usize {
        let (Self::Plain(bytes) | Self::Packed(bytes)) = self;
        bytes.len()
    }

    /// As it is sent.
    pub fn text(self) -> io::Result<Bytes> {
        match self {
            Self::Plain(text) => Ok(text),
            Self::Packed(packed) => {
                let mut text = Vec::with_capacity(EVENT_BYTES);
                GzDecoder::new(&*packed).read_to_end(&mut text)?;
                Ok(text.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn look(told: &TopologyDigests, all: bool, items: &[(&str, u32)]) -> TopologyNews {
        let mut pass = TopologyPass::new(told, all);
        for (id, value) in items {
            pass.item(id, json!({"id": id, "value": value}).to_string().as_bytes()).unwrap();
        }
        pass.end(json!({"roots": ["a"]})).unwrap()
    }

    fn texts(events: Vec<PageEvent>) -> Vec<String> {
        let text = |event: PageEvent| String::from_utf8(event.text().unwrap().to_vec()).unwrap();
        events.into_iter().map(text).collect()
    }

    fn names(texts: &[String]) -> Vec<&str> {
        texts.iter().map(|text| &text.lines().next().unwrap()[7..]).collect()
    }

    #[test]
    fn a_page_gets_everything_once_and_then_what_changes() {
        let one = look(&TopologyDigests::default(), true, &[("a", 1), ("b", 1)]);
        assert_eq!(names(&texts(one.all.unwrap())), ["reset", "items", "head"]);
        let same = look(&one.digests, false, &[("b", 1), ("a", 1)]);
        assert_eq!(names(&texts(same.changes.unwrap())), Vec::<&str>::new());
        assert!(same.all.is_none());
        let other = texts(look(&one.digests, false, &[("a", 1), ("c", 1)]).changes.unwrap());
        assert_eq!(names(&other), ["items", "head"]);
        assert!(other[0].contains("\"c\"") && !other[0].contains("\"a\""), "{other:?}");
    }

    #[test]
    fn a_page_is_told_when_something_is_gone() {
        let one = look(&TopologyDigests::default(), true, &[("a", 1), ("b", 1)]);
        let less = texts(look(&one.digests, false, &[("a", 1)]).changes.unwrap());
        assert_eq!(names(&less), ["head"]);
        assert!(less[0].contains("\"items\":1"), "{less:?}");
    }

    #[test]
    fn large_lists_are_sent_in_parts_and_kept_small() {
        let many: Vec<(String, u32)> = (0..10_000).map(|number| (format!("target/{number}"), 1)).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|(id, value)| (id.as_str(), *value)).collect();
        let all = look(&TopologyDigests::default(), true, &many).all.unwrap();
        let held: usize = all.iter().map(PageEvent::held).sum();
        let texts = texts(all);
        assert!(texts.len() > 5 && texts.iter().all(|text| text.len() < 2 * EVENT_BYTES));
        assert!(held * 4 < texts.iter().map(String::len).sum::<usize>(), "{held} bytes are kept");
    }

    #[test]
    fn of_many_changes_none_is_kept() {
        let long = "x".repeat(1000);
        let many: Vec<(String, u32)> = (0..1000).map(|number| (format!("{long}/{number}"), 1)).collect();
        let many: Vec<(&str, u32)> = many.iter().map(|(id, value)| (id.as_str(), *value)).collect();
        assert!(look(&TopologyDigests::default(), false, &many).changes.is_none());
    }
}
