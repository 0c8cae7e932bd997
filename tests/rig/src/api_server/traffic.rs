//! What clients ask of the API server, counted.

use std::collections::BTreeMap;

/// Requests of one kind, and what was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// How many requests.
    pub requests: usize,
    /// Bytes of the answers to reads, and of the requests to write.
    pub bytes: usize,
}

/// Requests by verb (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`) and plural.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic(pub BTreeMap<(&'static str, String), Served>);

impl Traffic {
    /// Counts a request; the bytes of a watch come later.
    pub(super) fn count(&mut self, verb: &'static str, plural: &str) {
        self.0.entry((verb, plural.to_owned())).or_default().requests += 1;
    }

    /// Counts what is answered, or sent.
    pub(super) fn count_bytes(&mut self, verb: &'static str, plural: &str, bytes: usize) {
        self.0.entry((verb, plural.to_owned())).or_default().bytes += bytes;
    }

    /// Everything of these verbs.
    pub fn of(&self, verbs: &[&str]) -> Served {
        self.sum(|verb, _| verbs.contains(&verb))
    }

    /// Everything of these verbs that is about one kind.
    pub fn of_kind(&self, verbs: &[&str], plural: &str) -> Served {
        self.sum(|verb, of| verbs.contains(&verb) && of == plural)
    }

    fn sum(&self, is_counted: impl Fn(&str, &str) -> bool) -> Served {
        let counted = self.0.iter().filter(|((verb, plural), _)| is_counted(verb, plural));
        counted.fold(Served::default(), |sum, (_, served)| Served {
            requests: sum.requests + served.requests,
            bytes: sum.bytes + served.bytes,
        })
    }
}
