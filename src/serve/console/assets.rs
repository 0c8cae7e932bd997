//! The files of the page. They are compressed when the binary is built, and served from it as they are.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::io::Read;

/// A file: its name, its type, an ETag, and its text as gzip has it.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    etag: &'static str,
    gzip: &'static [u8],
}

/// Written by `build.rs` from `src/serve/console/assets`.
const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/console_assets.rs"));

/// A file, as `/static/NAME`.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(&headers),
        None => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
    }
}

/// The page, whatever the path.
pub(super) async fn page(headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == "index.html") {
        Some(asset) => asset.answer(&headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Asset {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let has = |name, what: &str| {
            headers.get_all(name).iter().any(|value| value.to_str().is_ok_and(|text| text.contains(what)))
        };
        let common = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (header::ETAG, HeaderValue::from_static(self.etag)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if has(header::IF_NONE_MATCH, self.etag) {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        if has(header::ACCEPT_ENCODING, "gzip") {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (common, encoding, Body::from(Bytes::from_static(self.gzip))).into_response();
        }
        let mut text = Vec::new();
        match GzDecoder::new(self.gzip).read_to_end(&mut text) {
            Ok(_) => (common, text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_small_and_whole() {
        let all: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(all < 300 * 1024, "{all} bytes");
        for asset in ASSETS {
            let mut text = String::new();
            GzDecoder::new(asset.gzip).read_to_string(&mut text).unwrap();
            assert!(
                !text.is_empty() && text.is_ascii() || asset.content_type.contains("utf-8"),
                "{}",
                asset.name
            );
        }
        assert!(
            ["index.html", "app.js", "style.css"]
                .iter()
                .all(|name| ASSETS.iter().any(|asset| asset.name == *name))
        );
    }
}
