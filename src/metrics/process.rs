//! What the process itself uses, read from `/proc` when metrics are asked for. Elsewhere than on Linux there is nothing.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::fs;

/// Bytes in a page of memory, on every platform the controller is built for.
const PAGE_BYTES: i64 = 4096;

/// Adds the metrics of the process to a registry.
pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let rows = [
            ("process_virtual_memory_bytes", "Address space", memory(0)),
            ("process_resident_memory_bytes", "Memory in use", memory(1)),
            ("process_open_fds", "Open files and connections", open_files()),
        ];
        for (name, help, value) in rows {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        Ok(())
    }
}

/// A column of `/proc/self/statm`, in bytes.
fn memory(column: usize) -> Option<i64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_whitespace().nth(column)?.parse::<i64>().ok()?.checked_mul(PAGE_BYTES)
}

fn open_files() -> Option<i64> {
    fs::read_dir("/proc/self/fd").ok().and_then(|entries| i64::try_from(entries.count()).ok())
}
