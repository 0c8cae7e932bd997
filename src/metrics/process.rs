//! What the process itself uses, read from `/proc` when metrics are asked for. Elsewhere than on Linux there is nothing.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::fs;

/// Bytes in a page of memory, on every platform the controller is built for.
const PAGE_BYTES: i64 = 4096;
/// Ticks of the kernel's clock in a second, on all of them.
const TICKS_PER_SECOND: u16 = 100;

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
            ("process_start_time_seconds", "When the process started, in seconds since 1970", start_time()),
        ];
        for (name, help, value) in rows {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let (name, help) = ("process_cpu_seconds", "Time on processors");
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// A field of `/proc/self/stat` by its number in proc(5), from the third on.
fn stat(number: usize) -> Option<i64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // why: the second field is a name in parentheses, which may hold anything
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds() -> Option<f64> {
    let ticks = u32::try_from(stat(14)?.checked_add(stat(15)?)?).ok()?;
    Some(f64::from(ticks) / f64::from(TICKS_PER_SECOND))
}

fn start_time() -> Option<i64> {
    let stats = fs::read_to_string("/proc/stat").ok()?;
    let booted = stats.lines().find_map(|line| line.strip_prefix("btime "))?;
    booted.trim().parse::<i64>().ok()?.checked_add(stat(22)?.checked_div(TICKS_PER_SECOND.into())?)
}

/// A column of `/proc/self/statm`, in bytes.
fn memory(column: usize) -> Option<i64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_whitespace().nth(column)?.parse::<i64>().ok()?.checked_mul(PAGE_BYTES)
}

fn open_files() -> Option<i64> {
    fs::read_dir("/proc/self/fd").ok().and_then(|entries| i64::try_from(entries.count()).ok())
}
