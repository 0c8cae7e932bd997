//! Measures the controller: `measure`, `measure scale` and `measure faults` in virtual time, at the pace of AWS;
//! `measure process BINARY`, `measure gateways BINARY`, `measure console BINARY` and `measure start BINARY` in real time.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for a terminal, which takes time"
)]

#[path = "measure/console.rs"]
mod console;
#[path = "measure/gateways.rs"]
mod gateways;
#[path = "measure/paced.rs"]
mod paced;
#[path = "measure/process.rs"]
mod process;
#[path = "measure/scale.rs"]
mod scale;
#[path = "measure/start.rs"]
mod start;
#[path = "measure/table.rs"]
mod table;

use anyhow::{Result, bail};
use std::path::Path;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => paced::run(1000, 300),
        ["quick"] => paced::run(100, 30),
        ["process", binary] => process::run(Path::new(binary), 1000, 10),
        ["process", binary, services] => process::run(Path::new(binary), services.parse()?, 10),
        ["gateways", binary] => gateways::run(Path::new(binary), 200),
        ["console", binary] => console::run(Path::new(binary), 300),
        ["console", binary, load_balancers] => console::run(Path::new(binary), load_balancers.parse()?),
        ["scale"] => scale::run(5000, 500),
        ["scale", load_balancers, changes] => scale::run(load_balancers.parse()?, changes.parse()?),
        ["faults"] => scale::run_faults(5000, 500),
        ["faults", load_balancers, changes] => scale::run_faults(load_balancers.parse()?, changes.parse()?),
        ["start", binary] => start::run(Path::new(binary), 50_000),
        ["start", binary, pods] => start::run(Path::new(binary), pods.parse()?),
        ["write", document, files @ ..] => table::write_into(Path::new(document), files),
        other => {
            bail!(
                "{other:?}: expected nothing, `quick`, `scale`, `faults`, `process BINARY [SERVICES]`, \
                   `gateways BINARY`, `console BINARY [LOAD_BALANCERS]`, `start BINARY [PODS]` or `write DOCUMENT FILE…`"
            )
        }
    }
}
