//! Regular expressions of rules.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html>, which names what AWS's
//! do not have: look-around, backreferences and the like. What remains is what `regex-syntax` reads.

use super::ValueFinding;
use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{self, ErrorKind};

/// What is wrong with a regular expression.
///
/// Refused is only what is wrong in every dialect, or what AWS says it does not have.
pub fn check(pattern: &str) -> Option<ValueFinding> {
    let error = Parser::new().parse(pattern).err()?;
    let problem = format!("{pattern:?} is not a regular expression that AWS takes: {}", error.kind());
    Some(if is_certain(&error) { ValueFinding::error(problem) } else { ValueFinding::warning(problem) })
}

fn is_certain(error: &ast::Error) -> bool {
    match error.kind() {
        ErrorKind::ClassUnclosed
        | ErrorKind::ClassRangeInvalid
        | ErrorKind::EscapeUnexpectedEof
        | ErrorKind::GroupUnclosed
        | ErrorKind::GroupUnopened
        | ErrorKind::RepetitionCountInvalid
        | ErrorKind::UnsupportedLookAround
        | ErrorKind::UnsupportedBackreference => true,
        // why: some dialects take a brace that repeats nothing as it stands
        ErrorKind::RepetitionMissing => {
            let operator = error.pattern().get(error.span().start.offset..).unwrap_or_default();
            operator.starts_with(['*', '+', '?'])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]

    use super::*;
    use crate::finding::Severity;

    #[test]
    fn only_what_no_dialect_takes_is_refused() {
        for right in ["^/api/(.*)$", "", "[]a]", "a{2,3}?", "(?i)x", r"\.html$", r"/a\-b\/c", "^/(?:a|b)+$"] {
            assert_eq!(check(right), None, "{right}");
        }
        for (pattern, severity) in [
            ("/(a", Severity::Error),
            ("a)", Severity::Error),
            ("[a", Severity::Error),
            ("[z-a]", Severity::Error),
            ("*.html", Severity::Error),
            ("a{3,2}", Severity::Error),
            ("a\\", Severity::Error),
            ("^(?!/api)", Severity::Error),
            (r"(a)\1", Severity::Error),
            ("{3}", Severity::Warning),
            (r"\h", Severity::Warning),
        ] {
            let value_finding = check(pattern).expect(pattern);
            assert_eq!(value_finding.severity, severity, "{}", value_finding.problem);
        }
    }

    #[test]
    fn depth_does_no_harm() {
        assert!(check(&"(".repeat(1000)).is_some());
    }
}
