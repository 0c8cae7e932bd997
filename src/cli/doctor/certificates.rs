//! How long the certificates that something uses are still good.

use super::Check;
use crate::aws::{Cloud, pages};
use crate::aws_api::acm::{CertificateSummary, ListCertificates};
use jiff::Timestamp;

const SUBJECT: &str = "Certificates";
/// Days before its end from which a certificate is pointed out, and from which it is a failure.
const SOON: i64 = 14;
const TOO_SOON: i64 = 3;
const SECONDS_A_DAY: i64 = 24 * 60 * 60;
/// So many are named.
const NAMED: usize = 5;

/// Looks at every certificate of the region that something uses: those that are named, found, imported or made.
pub(super) async fn check(cloud: &dyn Cloud, now: Timestamp) -> Check {
    let request = ListCertificates { any_status: true, ..ListCertificates::default() };
    match pages::all(cloud, request).await {
        Ok(all) => judge(&all, now.as_second()),
        Err(error) => Check::fail(SUBJECT, error.to_string()),
    }
}

/// `now`: seconds since 1970.
fn judge(all: &[CertificateSummary], now: i64) -> Check {
    let days_of = |one: &CertificateSummary| Some((one.not_after? - now).div_euclid(SECONDS_A_DAY));
    let in_use = all.iter().filter(|one| one.is_in_use);
    let mut ends: Vec<(i64, &CertificateSummary)> =
        in_use.clone().filter_map(|one| Some((days_of(one)?, one))).collect();
    ends.sort_by_key(|(days, one)| (*days, one.arn.as_str()));
    let Some((first, _)) = ends.first().copied() else {
        return Check::ok(SUBJECT, format!("{} in use", in_use.count()));
    };
    if first > SOON {
        return Check::ok(SUBJECT, format!("{} in use; the first one ends in {first} days", in_use.count()));
    }
    let close: Vec<String> = ends.iter().filter(|(days, _)| *days <= SOON).map(told).collect();
    let mut detail = close.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if close.len() > NAMED {
        detail = format!("{detail}; and {} more", close.len() - NAMED);
    }
    let check = if first > TOO_SOON { Check::warn(SUBJECT, detail) } else { Check::fail(SUBJECT, detail) };
    check.remedy(
        "import a new one under the same ARN; what ACM issued it renews by itself, as long as the records of all names stand",
    )
}

fn told((days, one): &(i64, &CertificateSummary)) -> String {
    let CertificateSummary { arn, kind, domains, .. } = one;
    let name = domains.first().map_or("no name", String::as_str);
    let end = match days {
        ..0 => "has ended".to_owned(),
        0 => "ends today".to_owned(),
        1 => "ends in 1 day".to_owned(),
        days => format!("ends in {days} days"),
    };
    format!("{arn} ({kind}, {name}) {end}")
}

#[cfg(test)]
mod tests {
    use super::super::CheckResult;
    use super::*;

    fn certificate(name: &str, days: i64, is_in_use: bool) -> CertificateSummary {
        CertificateSummary {
            arn: name.to_owned(),
            kind: "IMPORTED".into(),
            domains: vec!["a.example.com".to_owned()],
            is_in_use,
            not_after: Some(days * SECONDS_A_DAY + 60),
            ..CertificateSummary::default()
        }
    }

    #[test]
    fn certificates_in_use_that_end_soon_are_named() {
        let cases = [
            (vec![], CheckResult::Ok, "0 in use"),
            (
                vec![certificate("a", 90, true), certificate("b", 40, true)],
                CheckResult::Ok,
                "2 in use; the first one ends in 40 days",
            ),
            (
                vec![certificate("a", 1, false), certificate("b", 40, true)],
                CheckResult::Ok,
                "1 in use; the first one ends in 40 days",
            ),
            (vec![certificate("a", 15, true)], CheckResult::Ok, "1 in use; the first one ends in 15 days"),
            (
                vec![certificate("a", 14, true)],
                CheckResult::Warn,
                "a (IMPORTED, a.example.com) ends in 14 days",
            ),
            (
                vec![certificate("a", 5, true), certificate("b", 1, true), certificate("c", 50, true)],
                CheckResult::Fail,
                "b (IMPORTED, a.example.com) ends in 1 day; a (IMPORTED, a.example.com) ends in 5 days",
            ),
            (vec![certificate("a", -2, true)], CheckResult::Fail, "a (IMPORTED, a.example.com) has ended"),
        ];
        for (all, result, detail) in cases {
            let check = judge(&all, 0);
            assert_eq!((check.result, check.detail.as_str()), (result, detail));
            assert_eq!(check.remedy.is_some(), result != CheckResult::Ok);
        }
    }

    #[test]
    fn many_are_counted() {
        let all: Vec<_> = (0..9).map(|number| certificate(&number.to_string(), 10, true)).collect();
        assert!(judge(&all, 0).detail.ends_with("; and 4 more"));
    }

    #[test]
    fn a_certificate_without_an_end_is_counted_and_not_judged() {
        let all = [CertificateSummary { not_after: None, ..certificate("a", 0, true) }];
        assert_eq!(judge(&all, 0), Check::ok(SUBJECT, "1 in use"));
    }
}
