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
/// The largest 64-bit number, as far as a fraction can hold it.
const UNLIMITED: f64 = 18_446_744_073_709_551_615.0;

/// Adds the metrics of the process to a registry.
pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(ProcessCollector));
}

#[derive(Debug)]
struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let gauges = [
            ("process_virtual_memory_bytes", "Address space", memory(0)),
            ("process_resident_memory_bytes", "Memory in use", memory(1)),
            ("process_open_fds", "Open files and connections", open_files()),
            ("process_start_time_seconds", "When the process started, in seconds since 1970", start_time()),
        ];
        let limits = [
            ("process_virtual_memory_max_bytes", "Limit of the address space", limit("Max address space")),
            ("process_max_fds", "Limit of open files and connections", limit("Max open files")),
        ];
        let counters = [
            ("process_cpu_seconds", "Time on processors", cpu_seconds()),
            ("process_network_receive_bytes", "Bytes received by the pod", octets("InOctets")),
            ("process_network_transmit_bytes", "Bytes sent by the pod", octets("OutOctets")),
        ];
        gauges.into_iter().try_for_each(|row| add(&mut encoder, row, ConstGauge::new))?;
        limits.into_iter().try_for_each(|row| add(&mut encoder, row, ConstGauge::new))?;
        counters.into_iter().try_for_each(|row| add(&mut encoder, row, ConstCounter::new))
    }
}

/// Adds a metric, if there is a value.
fn add<T, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder,
    (name, help, value): (&str, &str, Option<T>),
    metric: fn(T) -> M,
) -> fmt::Result {
    let Some(metric) = value.map(metric) else { return Ok(()) };
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
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

/// The soft limit of this name; without one, what Go's process collector says then.
fn limit(name: &str) -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    match limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()? {
        "unlimited" => Some(UNLIMITED),
        number => number.parse().ok(),
    }
}

/// A column of the line of IP counters.
fn octets(column: &str) -> Option<f64> {
    let counters = fs::read_to_string("/proc/self/net/netstat").ok()?;
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let position = names.split_whitespace().position(|name| name == column)?;
    values.split_whitespace().nth(position)?.parse().ok()
}

fn open_files() -> Option<i64> {
    fs::read_dir("/proc/self/fd").ok().and_then(|entries| i64::try_from(entries.count()).ok())
}
