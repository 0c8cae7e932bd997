//! Measures the controller: `measure` in virtual time, at the pace of AWS; `measure process BINARY` and
//! `measure gateways BINARY` in real time.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program for a terminal, which takes time"
)]

#[path = "measure/gateways.rs"]
mod gateways;
#[path = "measure/paced.rs"]
mod paced;
#[path = "measure/process.rs"]
mod process;
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
        other => {
            bail!("{other:?}: expected nothing, `quick`, `process BINARY [SERVICES]` or `gateways BINARY`")
        }
    }
}
