//! Any text as the value of any annotation: first byte chooses the row, the rest is the value.
#![no_main]

mod limit;

use aws_load_balancer_controller::annotations::table::rows;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let (Ok(value), Some(row)) = (std::str::from_utf8(rest), rows().nth(usize::from(*first))) else { return };
    let key = format!("{}/{}", row.prefix, row.suffix.example());
    limit::within_limit(|| drop(row.value.check(&key, value)));
});
