//! Comments that ignore rules: `# lbc-lint: ignore RULE[, RULE…]`.
//!
//! Behind a line they hold for that line, alone on a line for the next line with content, and above the first line with
//! content of a document for the whole document. A rule is named by its id, or by the part of it behind the slash, with or
//! without `aws-load-balancer-`.

use super::is_blank;
use std::collections::BTreeMap;

/// What such a comment starts with.
const MARK: &str = "lbc-lint: ignore ";

/// The rules that the comments of a document ignore.
#[derive(Clone, Debug, Default)]
pub(super) struct Ignored {
    everywhere: Vec<String>,
    /// By line of the document, from 1.
    at: BTreeMap<usize, Vec<String>>,
}

impl Ignored {
    pub fn of(text: &str) -> Self {
        let mut ignored = Self::default();
        if !text.contains(MARK) {
            return ignored;
        }
        let mut waiting = Vec::new();
        let mut is_head = true;
        for (number, line) in (1..).zip(text.lines()) {
            match (is_blank(line), is_head) {
                (true, true) => ignored.everywhere.extend(rules_of(line)),
                (true, false) => waiting.extend(rules_of(line)),
                (false, _) => {
                    is_head = false;
                    let rules: Vec<String> = waiting.drain(..).chain(rules_of(line)).collect();
                    if !rules.is_empty() {
                        ignored.at.insert(number, rules);
                    }
                }
            }
        }
        ignored
    }

    /// Whether a rule is ignored at a line of the document.
    pub fn contains(&self, line: usize, rule: &str) -> bool {
        let at_line = self.at.get(&line).into_iter().flatten();
        self.everywhere.iter().chain(at_line).any(|ignored| names(ignored, rule))
    }
}

/// Whether `given` is a rule, or the part of it that tells annotations of a kind apart.
fn names(given: &str, rule: &str) -> bool {
    let short = rule.split_once('/').map(|(_, short)| short);
    let shorter = short.and_then(|short| short.strip_prefix("aws-load-balancer-"));
    [Some(rule), short, shorter].contains(&Some(given))
}

fn rules_of(line: &str) -> Vec<String> {
    let comment = line.split_once('#').and_then(|(_, comment)| comment.split_once(MARK));
    let rules = comment.map(|(_, rules)| rules).unwrap_or_default();
    rules.split([',', ' ']).filter(|rule| !rule.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
