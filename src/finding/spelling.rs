//! What a misspelt text was probably meant to be. Words count before letters: `healthcheck-interval` lacks a word of
//! `healthcheck-interval-seconds`, and is not `healthcheck-protocol` with other letters.
//!
//! A wrong hint is worse than none: where several texts are as likely, all of them are answered, and callers that can
//! name just one name none.

/// Longest text that is compared, in bytes.
const MAX_TEXT: usize = 256;
/// Most words of a text that are compared; one bit each.
const MAX_WORDS: usize = 16;
/// What a word costs that the right text has and the given one lacks.
const MISSING: u32 = 8;
/// What a word costs that the given text has and the right one lacks.
const EXTRA: u32 = 10;
/// The same for a word that says little.
const FILLER: u32 = 1;
/// What words cost that stand in another order, or joined.
const ORDER: u32 = 1;
/// What a word costs that is plural in one text and singular in the other.
const PLURAL: u32 = 1;
/// What a wrong letter costs.
const LETTER: u32 = 2;
/// What a shortened word costs, such as `sec` for `seconds`.
const SHORTENED: u32 = 3;
/// Fewest letters of a shortened word.
const MIN_SHORTENED: usize = 3;
/// Most wrong letters of a text of several words.
const MAX_LETTERS: usize = 2;

/// The right spelling that `value` was probably meant to be, without regard to case; `None`: none or several are likely.
///
/// ```
/// use aws_load_balancer_controller::finding::nearest;
/// assert_eq!(nearest("internet-facng", ["internal", "internet-facing"]), Some("internet-facing"));
/// assert_eq!(nearest("interval", ["healthcheck-interval", "healthcheck-timeout"]), Some("healthcheck-interval"));
/// assert_eq!(nearest("healthcheck", ["healthcheck-interval", "healthcheck-timeout"]), None);
/// assert_eq!(nearest("0.0.0.0/0", ["internal", "internet-facing"]), None);
/// ```
pub fn nearest<'a>(value: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    match likely(value, allowed, &[]).as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// All right spellings that are the likeliest. `fillers`: words that say little, so that their lack counts little.
pub fn likely<'a>(value: &str, allowed: impl IntoIterator<Item = &'a str>, fillers: &[&str]) -> Vec<&'a str> {
    let Some(given) = Text::of(value.trim()) else { return Vec::new() };
    let allowed: Vec<&str> = allowed.into_iter().collect();
    let known = given.words_known_to(&allowed);
    let mut least = u32::MAX;
    let mut found = Vec::new();
    for right in allowed {
        let Some(cost) = given.cost(right, fillers, known) else { continue };
        if cost < least {
            least = cost;
            found.clear();
        }
        if cost == least && !found.contains(&right) {
            found.push(right);
        }
    }
    found
}

/// The hint that names the likeliest spellings: one or two.
pub fn did_you_mean(likely: &[&str]) -> Option<String> {
    match likely {
        [one] => Some(format!("did you mean `{one}`?")),
        [one, other] => Some(format!("did you mean `{one}` or `{other}`?")),
        _ => None,
    }
}

/// A text and its words.
struct Text<'t> {
    words: Vec<&'t str>,
    /// Letters and digits alone, in lower case.
    joined: String,
}

impl<'t> Text<'t> {
    /// `None`: it is too long to compare.
    fn of(text: &'t str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let words: Vec<&str> = words(text).collect();
        let joined = words.iter().flat_map(|word| word.chars()).flat_map(char::to_lowercase).collect();
        Some(Self { words, joined })
    }

    /// Bits of the words that stand in one of the right texts: these are not misspelt.
    fn words_known_to(&self, allowed: &[&str]) -> u32 {
        let mut known = 0;
        for right in allowed.iter().flat_map(|right| words(right)) {
            for (at, _) in self
                .words
                .iter()
                .take(MAX_WORDS)
                .enumerate()
                .filter(|(_, word)| right.eq_ignore_ascii_case(word))
            {
                known |= 1 << at;
            }
        }
        known
    }

    /// How much a text differs from a right one; `None`: too much to be meant.
    fn cost(&self, right: &str, fillers: &[&str], known: u32) -> Option<u32> {
        let right = Text::of(right)?;
        if self.joined == right.joined {
            return Some(0);
        }
        // why: a text of nothing but known words lacks words, and is not one with other letters
        let is_known =
            self.words.len() <= MAX_WORDS && (0..self.words.len()).all(|at| known & (1 << at) != 0);
        let by_letters = if is_known { None } else { self.cost_of_letters(&right) };
        let by_words = self.cost_of_words(&right, fillers, known);
        by_letters.into_iter().chain(by_words).min()
    }

    fn cost_of_letters(&self, right: &Text<'_>) -> Option<u32> {
        let length = right.joined.chars().count();
        let most = match (self.words.len(), right.words.len()) {
            (1, 1) => (length / 3).max(1),
            (given, right) if given == right => (length / 4).min(MAX_LETTERS),
            // why: a word that is missing is more than a letter
            _ => (length / 4).min(1),
        };
        let distance = distance(&self.joined, &right.joined, most)?;
        Some(ORDER + LETTER * distance)
    }

    fn cost_of_words(&self, right: &Text<'_>, fillers: &[&str], known: u32) -> Option<u32> {
        if self.words.len() > MAX_WORDS || right.words.len() > MAX_WORDS {
            return None;
        }
        let mut pairs = Pairs { right: &right.words, fillers, taken: 0, last: None, cost: 0, matched: 0 };
        let places = self.words.iter().enumerate();
        let mut rest: Vec<(usize, &&str)> = places.filter(|(_, word)| !pairs.pair(word, plural)).collect();
        let unpaired = rest.len();
        rest.retain(|(_, word)| !is_filler(word, fillers));
        pairs.cost += FILLER * u32::try_from(unpaired - rest.len()).ok()?;
        if rest.len() == 1 {
            rest.retain(|(at, word)| known & (1 << at) != 0 || !pairs.pair(word, near));
        }
        pairs.conclude(rest.len())
    }
}

/// Words of two texts that belong together.
struct Pairs<'p, 'r> {
    right: &'p [&'r str],
    fillers: &'p [&'p str],
    /// Bits of the right words that have a counterpart.
    taken: u32,
    /// Place of the last right word that was paired.
    last: Option<usize>,
    cost: u32,
    /// Words paired that say something.
    matched: usize,
}

impl Pairs<'_, '_> {
    /// Pairs a word with the first free one that it is equal to, by a measure of how much they differ.
    fn pair(&mut self, word: &str, measure: fn(&str, &str) -> Option<u32>) -> bool {
        let free = self.right.iter().enumerate().filter(|(at, _)| self.taken & (1 << at) == 0);
        let best = free.filter_map(|(at, right)| Some((measure(word, right)?, at))).min();
        let Some((cost, at)) = best else { return false };
        self.taken |= 1 << at;
        let is_behind = self.last.is_some_and(|last| last > at);
        self.cost += cost + if is_behind { ORDER } else { 0 };
        self.last = Some(at);
        self.matched += usize::from(self.right.get(at).is_some_and(|right| !is_filler(right, self.fillers)));
        true
    }

    /// `extra`: words of the given text without counterpart.
    fn conclude(self, extra: usize) -> Option<u32> {
        let free = self.right.iter().enumerate().filter(|(at, _)| self.taken & (1 << at) == 0);
        let (fillers, missing): (Vec<&str>, Vec<&str>) =
            free.map(|(_, word)| *word).partition(|word| is_filler(word, self.fillers));
        let is_meant = match (extra, missing.len()) {
            (0, missing) => missing <= self.matched && missing <= 2,
            // why: what has a word too many must have said enough with the others
            (1, 0) => self.matched >= 2,
            _ => false,
        };
        let count = |words: usize| u32::try_from(words).unwrap_or(u32::MAX);
        let words = MISSING * count(missing.len()) + EXTRA * count(extra);
        (is_meant && self.matched > 0).then_some(self.cost + words + FILLER * count(fillers.len()))
    }
}

/// Runs of letters and digits; a capital behind a small letter begins a new one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
    runs.flat_map(|run| {
        let mut was_small = false;
        let mut starts = vec![0];
        for (at, letter) in run.char_indices() {
            if was_small && letter.is_uppercase() {
                starts.push(at);
            }
            was_small = letter.is_lowercase();
        }
        let ends = starts.clone().into_iter().skip(1).chain([run.len()]);
        starts.into_iter().zip(ends).filter_map(|(start, end)| run.get(start..end)).collect::<Vec<_>>()
    })
}

fn is_filler(word: &str, fillers: &[&str]) -> bool {
    fillers.iter().any(|filler| filler.eq_ignore_ascii_case(word))
}

/// Equal words, one is the plural of the other, or numbers with and without leading zeros.
fn plural(given: &str, right: &str) -> Option<u32> {
    if given.eq_ignore_ascii_case(right) {
        return Some(0);
    }
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(given) && is_number(right) {
        return (given.trim_start_matches('0') == right.trim_start_matches('0')).then_some(PLURAL);
    }
    let is_plural = |one: &str, many: &str| {
        let stem = many.strip_suffix(['s', 'S']).filter(|stem| !stem.is_empty());
        stem.is_some_and(|stem| stem.eq_ignore_ascii_case(one))
    };
    (is_plural(given, right) || is_plural(right, given)).then_some(PLURAL)
}

/// Words that differ in few letters, or of which one is the other's beginning.
fn near(given: &str, right: &str) -> Option<u32> {
    let (given, right) = (given.to_lowercase(), right.to_lowercase());
    let length = right.chars().count();
    let by_letters = distance(&given, &right, (length / 4).max(usize::from(length > 3))).map(|d| LETTER * d);
    let is_shortened = given.len() >= MIN_SHORTENED && right.starts_with(&given);
    by_letters.or_else(|| is_shortened.then_some(SHORTENED))
}

/// Insertions, deletions, replacements and transpositions from one text to the other, if they are at most `most`.
fn distance(one: &str, other: &str, most: usize) -> Option<u32> {
    if one == other {
        return Some(0);
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let is_far = one.chars().count().abs_diff(other.chars().count()) > most;
    // why: another number is another thing
    if most == 0 || is_far || digits(one) != digits(other) {
        return None;
    }
    let distance = strsim::damerau_levenshtein(one, other);
    u32::try_from(distance).ok().filter(|_| distance <= most)
}

#[cfg(test)]
mod tests;
