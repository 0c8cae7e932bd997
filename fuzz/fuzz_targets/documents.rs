//! Any text as the JSON of actions, conditions and the other structured annotations.
#![no_main]

use aws_load_balancer_controller::annotations::table::rows;
use aws_load_balancer_controller::annotations::value::ValueKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for row in rows().filter(|row| matches!(row.value, ValueKind::Json(_))) {
        let _ = row.value.check(&format!("{}/{}", row.prefix, row.suffix.example()), text);
    }
});
