#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(level: LogLevel, work: impl FnOnce()) -> Vec<Value> {
    let buffer = Buffer::default();
    let written = buffer.clone();
    tracing::subscriber::with_default(subscriber(level, move || buffer.clone()), work);
    let bytes = written.0.lock().unwrap().clone();
    let lines = String::from_utf8(bytes).unwrap();
    let parse = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let mut lines: Vec<_> = lines.lines().map(parse).collect();
    for line in &mut lines {
        let ts = line.as_object_mut().unwrap().remove("ts").unwrap();
        ts.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
    lines
}

#[test]
fn a_line_has_the_keys_of_zap_and_the_fields_of_its_spans() {
    let lines = logged(LogLevel::Info, || {
        let span = tracing::info_span!("reconcile", reconcileID = "r", attempt = tracing::field::Empty);
        span.record("attempt", 2);
        let _entered = span.enter();
        let error: &dyn std::error::Error = &std::io::Error::other("no");
        tracing::error!(target: "controllers.ingress", error, count = 3, "failed {}", "badly");
        tracing::info!(ok = true, "done");
    });
    let expected = [
        json!({"level": "error", "logger": "controllers.ingress", "msg": "failed badly", "reconcileID": "r",
               "attempt": 2, "error": "no", "count": 3}),
        json!({"level": "info", "logger": "telemetry.tests", "msg": "done", "reconcileID": "r", "attempt": 2, "ok": true}),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn level_and_time_come_first() {
    let buffer = Buffer::default();
    let written = buffer.clone();
    tracing::subscriber::with_default(subscriber(LogLevel::Info, move || buffer.clone()), || {
        tracing::info!(target: "setup", a = 1, "version");
    });
    let line = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(line.starts_with(r#"{"level":"info","ts":""#), "{line}");
    assert!(line.ends_with("\"logger\":\"setup\",\"msg\":\"version\",\"a\":1}\n"), "{line}");
}

#[test]
fn debug_is_silent_unless_asked_for_and_libraries_are_heard_from_warnings_on() {
    let talk = || {
        tracing::debug!("ours");
        tracing::info!(target: "hyper::client", "theirs");
        tracing::warn!(target: "aws_smithy_runtime::x", "their warning");
    };
    let messages = |level| -> Vec<String> {
        logged(level, talk).iter().map(|line| line["msg"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(messages(LogLevel::Info), ["their warning"]);
    assert_eq!(messages(LogLevel::Debug), ["ours", "their warning"]);
}

#[test]
fn any_level_but_debug_is_info() {
    assert_eq!(LogLevel::from_flag("debug"), LogLevel::Debug);
    for text in ["info", "", "DEBUG", "trace"] {
        assert_eq!(LogLevel::from_flag(text), LogLevel::Info);
    }
}
