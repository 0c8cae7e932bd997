//! Where in the deployed state a stack stands, and what is known of what stands there.

use super::{Records, StoredShard};
use crate::deploy::resource_cache::StackRecord;
use crate::plan::Digest;
use std::collections::BTreeMap;

/// The most that is written down in one shard, in bytes: a little less than the API server takes. What is beyond costs reads.
const CAPACITY: usize = 900 * 1024;
/// Bytes of a shard on average, beyond which there are twice as many shards.
const FULL: usize = 64 * 1024;
/// Shards there are at most: room for 20,000 stacks at [`FULL`], and for 280,000 at [`CAPACITY`].
const MOST: usize = 64;
/// About the bytes of a line beside the name of its stack.
const LINE: usize = 150;

/// One shard, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    /// What a restart now would believe of it, at most.
    pub(super) believed: Records,
    /// Whether just that stands there. Not so after a write of unknown end.
    pub(super) is_certain: bool,
}

/// All shards. Their number is a power of two, and written in the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Shards(Vec<Shard>);

impl Shard {
    /// One of which just this was read or written.
    pub(super) fn certain(believed: Records) -> Self {
        Self { believed, is_certain: true }
    }

    /// These records are about to be written: either what stood there or they will be believed. What may be believed of a
    /// stack that is in a known state in one of them must be taken off before it is changed.
    pub(super) fn expect(&mut self, records: &Records) {
        self.is_certain = false;
        for (name, record) in records {
            let is_weaker = |believed: &StackRecord| believed.is_synced() && !record.is_synced();
            if !self.believed.get(name).is_some_and(is_weaker) {
                self.believed.insert(name.clone(), record.clone());
            }
        }
    }
}

impl Shards {
    /// So many shards, with what was read of each.
    pub(super) fn new(read: Vec<Records>) -> Self {
        Self(read.into_iter().map(Shard::certain).collect())
    }

    /// How many there are; none before the deployed state was read.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Shard> {
        self.0.get(number)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Shard> {
        self.0.get_mut(number)
    }

    /// The number of the shard in which a stack stands.
    pub(super) fn place_of(&self, name: &str) -> usize {
        place_of(name, self.count())
    }

    /// Whether a restart now may believe that a stack is in a known state. Where it is not known which number of shards the first one
    /// tells, it may.
    pub(super) fn may_be_believed(&self, name: &str) -> bool {
        let is_certain = |shard: &&Shard| shard.is_certain;
        let Some(shard) = self.get(self.place_of(name)).filter(is_certain) else { return true };
        let is_layout_certain = self.0.first().is_some_and(|first| first.is_certain);
        !is_layout_certain || shard.believed.get(name).is_some_and(StackRecord::is_synced)
    }

    /// The shards in which something else stands, or may stand, than is remembered, each with what is remembered of it.
    pub(super) fn outdated(&self, remembered: &Records) -> BTreeMap<usize, Vec<String>> {
        let mut of_each: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for name in remembered.keys() {
            of_each.entry(self.place_of(name)).or_default().push(name.clone());
        }
        let is_outdated = |number: usize, shard: &Shard| {
            let names = of_each.get(&number).map(Vec::as_slice).unwrap_or_default();
            let is_there = |name: &String| shard.believed.get(name) == remembered.get(name);
            !shard.is_certain || shard.believed.len() != names.len() || !names.iter().all(is_there)
        };
        let numbered = self.0.iter().enumerate();
        let outdated: Vec<usize> = numbered
            .filter(|(number, shard)| is_outdated(*number, shard))
            .map(|(number, _)| number)
            .collect();
        outdated.into_iter().map(|number| (number, of_each.remove(&number).unwrap_or_default())).collect()
    }

    /// How many shards there should be for so much; never fewer than there are.
    pub(super) fn wanted(&self, remembered: &Records) -> usize {
        let bytes: usize = remembered.keys().map(|name| name.len() + LINE).sum();
        let mut count = self.count().max(1);
        while count < MOST && bytes > count * FULL {
            count *= 2;
        }
        count
    }

    /// These records in so many shards, none of which has been written yet.
    pub(super) fn divided(records: &Records, count: usize) -> Self {
        let mut divided = Self(vec![Shard::default(); count]);
        for (name, record) in records {
            if let Some(shard) = divided.get_mut(place_of(name, count)) {
                shard.believed.insert(name.clone(), record.clone());
            }
        }
        divided
    }

    /// Nothing is believed of the shards that are not certain.
    pub(super) fn forget_uncertain(&mut self) {
        self.0.iter_mut().filter(|shard| !shard.is_certain).for_each(|shard| shard.believed.clear());
    }

    /// Says of no shard any more that it is certain.
    pub(super) fn mark_all_uncertain(&mut self) {
        self.0.iter_mut().for_each(|shard| shard.is_certain = false);
    }
}

/// The shard, of so many, in which a stack stands: the same in every process. A version that would say something else would
/// find nothing, and read AWS.
pub(super) fn place_of(name: &str, count: usize) -> usize {
    let count = u128::try_from(count.max(1)).unwrap_or(1);
    usize::try_from(Digest::of(name).number() % count).unwrap_or(0)
}

/// How many shards the first one tells: where none is there, one. What is no power of two was written by somebody else.
pub(super) fn count_told(first: Option<&StoredShard>) -> usize {
    first.map_or(1, |first| first.count).clamp(1, MOST).next_power_of_two()
}

/// One line a stack: its record, a tab, its name.
pub(super) fn render(records: &Records) -> String {
    let mut text = String::new();
    for (name, record) in records {
        // why: a record is plain data, which always has a form in JSON
        let Ok(record) = serde_json::to_string(record) else { continue };
        if text.len() + record.len() + name.len() + 2 <= CAPACITY {
            text.push_str(&record);
            text.push('\t');
            text.push_str(name);
            text.push('\n');
        }
    }
    text
}

/// The lines of a shard that can be read, of the stacks that stand there. One that tells another number of shards than the first
/// one was left by an earlier division: others have been written since, and nothing of it is believed.
pub(super) fn parse(stored: Option<StoredShard>, number: usize, count: usize) -> Records {
    let Some(stored) = stored.filter(|stored| number == 0 || stored.count == count) else {
        return Records::new();
    };
    let line = |line: &str| {
        let (record, name) = line.split_once('\t')?;
        // why: what is not in the deployed state is compared in full
        Some((name.to_owned(), serde_json::from_str(record).ok()?))
    };
    let records = stored.text.lines().filter_map(line);
    records.filter(|(name, _)| place_of(name, count) == number).collect()
}
