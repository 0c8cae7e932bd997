//! Cookies that keep a client with its target or target group.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions>

use super::Place;
use crate::elb::TargetKey;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, header::COOKIE};
use std::{sync::LazyLock, time::Duration};
use tokio::time::Instant;

/// Keeps a client with its target.
pub(super) const TARGET: &str = "AWSALB";
/// The same, made by the application's own cookie.
pub(super) const APPLICATION: &str = "AWSALBAPP-0";
/// Keeps a client with its target group.
pub(super) const GROUP: &str = "AWSALBTG";

/// When this process began to make cookies; what they say of time is counted from it.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The value of a cookie in a request.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
}

/// What a cookie says that is valid for so long from now.
pub(super) fn seal(content: &str, valid: Duration) -> String {
    let until = (BEGINNING.elapsed() + valid).as_millis();
    BASE64_URL_SAFE_NO_PAD.encode(format!("{until}|{content}"))
}

/// What a cookie says; `None` once it has expired, or if it is not one of ours.
pub(super) fn open(value: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
    let (until, content) = text.split_once('|')?;
    let until: u128 = until.parse().ok()?;
    (BEGINNING.elapsed().as_millis() < until).then(|| content.to_owned())
}

/// What a cookie says of a target.
pub(super) fn write_place((arn, key): &Place) -> String {
    format!("{arn}|{}|{}", key.id, key.port)
}

/// The target that a cookie names.
pub(super) fn read_place(content: &str) -> Option<Place> {
    let mut parts = content.splitn(3, '|');
    let (arn, id, port) = (parts.next()?, parts.next()?, parts.next()?);
    Some((arn.to_owned(), TargetKey { id: id.to_owned(), port: port.parse().ok()? }))
}

/// The `Set-Cookie` headers of a cookie: with its twin for requests from other sites.
pub(super) fn set(name: &str, value: &str, secure: bool) -> Vec<String> {
    let twin = |name: &str| {
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}CORS={value}; Path=/; SameSite=None{secure}")
    };
    let own = format!("{name}={value}; Path=/");
    if name == APPLICATION { vec![own] } else { vec![own, twin(name)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cookie_is_valid_for_its_time() {
        let place: Place = ("arn:x".into(), TargetKey { id: "10.0.0.1".into(), port: 80 });
        let cookie = seal(&write_place(&place), Duration::from_secs(5));
        assert_eq!(open(&cookie).as_deref().and_then(read_place), Some(place));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(open(&cookie), None);
        assert_eq!(open("nonsense"), None);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        for line in ["a=1; AWSALB=x", "b=2;AWSALBTG=y; c"] {
            headers.append(COOKIE, line.parse().unwrap());
        }
        for (name, value) in [("a", Some("1")), (TARGET, Some("x")), (GROUP, Some("y")), ("c", None)] {
            assert_eq!(read(&headers, name), value, "{name}");
        }
    }
}
