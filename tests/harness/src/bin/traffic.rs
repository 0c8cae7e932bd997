//! `make traffic`: requests under load while things change, and how many are lost.
#![allow(clippy::disallowed_methods)]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use aws_sim::PlaneSettings;
use harness::{
    traffic::{Results, SCENARIOS, Stage, write_table},
    walkthrough::{Walkthrough, progress::Progress},
};

const USAGE: &str = "usage: traffic run --out FILE [--name NAME] [--controller BINARY] [--chart FOLDER] [--drain] \
                     [--propagation SECONDS] [--only SCENARIO[,SCENARIO]…]\n       traffic table PAGE FILE…";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((command, rest)) if command == "run" => run(rest).await,
        Some((command, rest)) if command == "table" => table(rest),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What to run.
struct Order {
    out: PathBuf,
    name: String,
    controller: Option<PathBuf>,
    chart: Option<PathBuf>,
    drain: bool,
    propagation: Duration,
    only: Vec<String>,
}

impl Order {
    fn read(args: &[String]) -> Result<Self> {
        let mut order = Self {
            out: PathBuf::new(),
            name: "this controller".to_owned(),
            controller: None,
            chart: None,
            drain: false,
            propagation: Duration::from_secs(2),
            only: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            if flag == "--drain" {
                order.drain = true;
                continue;
            }
            let value = args.next().with_context(|| format!("{flag} needs a value\n{USAGE}"))?;
            match flag.as_str() {
                "--out" => order.out = value.into(),
                "--name" => order.name.clone_from(value),
                "--controller" => order.controller = Some(value.into()),
                "--chart" => order.chart = Some(value.into()),
                "--propagation" => order.propagation = Duration::try_from_secs_f64(value.parse()?)?,
                "--only" => order.only = value.split(',').map(str::to_owned).collect(),
                other => bail!("{other} is no flag\n{USAGE}"),
            }
        }
        let known = |id: &String| SCENARIOS.iter().any(|scenario| scenario.id == id);
        if let Some(unknown) = order.only.iter().find(|id| !known(id)) {
            let all: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.id).collect();
            bail!("--only: {unknown} is no scenario; they are {}", all.join(", "));
        }
        ensure!(!order.out.as_os_str().is_empty(), "--out is missing\n{USAGE}");
        Ok(order)
    }
}

async fn run(args: &[String]) -> Result<()> {
    let order = Order::read(args)?;
    let progress = Progress::terminal();
    let settings = PlaneSettings { propagation: order.propagation, ..PlaneSettings::default() };
    let mut walk = Walkthrough::start_with(progress, Some(settings)).await?;
    walk.patience = Duration::from_mins(3);
    walk.binary.clone_from(&order.controller);
    if let Some(chart) = &order.chart {
        walk.chart.clone_from(chart);
    }
    let values: &[&str] = if order.drain { &["podDrain.enabled=true"] } else { &[] };
    walk.install_with(values).await?;
    let mut results = Results::of(&order.name);
    let wanted = |id: &str| order.only.is_empty() || order.only.iter().any(|only| only == id);
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(scenario.id)) {
        let outcome = progress.watch(scenario.title, Stage::play(&walk, scenario, order.drain)).await;
        match &outcome {
            Ok(report) => progress.note(&format!(
                "{} requests, {} failed {:?}, longest gap {} ms",
                report.requests,
                report.failed(),
                report.failures,
                report.longest_gap.as_millis()
            )),
            Err(error) => progress.note(&format!("{error:#}")),
        }
        results.note(scenario.id, &outcome);
        results.save(&order.out)?;
        if outcome.is_err() {
            walk.cluster.keep_logs();
        }
    }
    Ok(())
}

fn table(args: &[String]) -> Result<()> {
    let (page, files) = args.split_first().context(USAGE)?;
    let all: Vec<Results> = files.iter().map(|file| Results::load(file.as_ref())).collect::<Result<_>>()?;
    write_table(page.as_ref(), &all)
}
