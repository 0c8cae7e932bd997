//! Any text as the JSON of actions, conditions and the other structured annotations.
#![no_main]

mod limit;

use aws_load_balancer_controller::annotations::table::rows;
use aws_load_balancer_controller::annotations::value::ValueKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for row in rows().filter(|row| matches!(row.value, ValueKind::Json(_))) {
        let key = format!("{}/{}", row.prefix, row.suffix.example());
        limit::within_limit(|| drop(row.value.check(&key, text)));
    }
});
