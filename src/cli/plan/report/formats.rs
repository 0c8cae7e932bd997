//! A plan for programs and for comments on pull requests.

use super::{AcceleratorReport, PlanReport, StackReport};
use crate::cli::finding_to_json;
use crate::cli::plan::accelerators::{op_of, render};
use crate::global_accelerator::plan::AcceleratorStep;
use crate::plan::render::sign;
use crate::plan::{Op, Step};
use serde_json::{Map, Value, json};
use std::fmt::Write;

pub(super) fn to_json(report: &PlanReport) -> Value {
    let PlanReport { stacks, accelerators, shared, problems, skipped, exit_code: _ } = report;
    json!({
        "summary": report.summary(),
        "stacks": stacks.iter().map(stack_to_json).collect::<Vec<_>>(),
        "accelerators": accelerators.iter().map(accelerator_to_json).collect::<Vec<_>>(),
        "sharedBackendSecurityGroup": shared,
        "problems": problems.iter().map(finding_to_json).collect::<Vec<_>>(),
        "notPlanned": skipped,
        "changes": report.steps(),
        "changedStacks": report.changed(),
        "mistakes": report.mistakes(),
    })
}

fn stack_to_json(stack: &StackReport) -> Value {
    let StackReport { id: _, findings, plan, failure } = stack;
    let steps = plan.iter().flat_map(|plan| &plan.steps).map(step_to_json);
    json!({
        "name": stack.title(),
        "findings": findings.iter().map(finding_to_json).collect::<Vec<_>>(),
        "failure": failure,
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn accelerator_to_json(report: &AcceleratorReport) -> Value {
    let plan = report.plan.as_ref().ok();
    let step = |step: &AcceleratorStep| {
        let op = op_of(step);
        json!({
            "action": action(&op),
            "call": op.verb(),
            "place": step.place,
            "details": details(&op),
        })
    };
    json!({
        "name": report.title(),
        "failure": report.plan.as_ref().err(),
        "steps": plan.iter().flat_map(|plan| &plan.steps).map(step).collect::<Vec<_>>(),
        "waiting": plan.map(|plan| &plan.waiting),
    })
}

fn action(op: &Op) -> &'static str {
    match sign(op) {
        '+' => "create",
        '-' => "delete",
        '.' => "wait",
        _ => "change",
    }
}

fn details(op: &Op) -> Value {
    let details = op.details().into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
    Value::Object(details.collect::<Map<_, _>>())
}

fn step_to_json(step: &Step) -> Value {
    json!({
        "action": action(&step.op),
        "call": step.op.verb(),
        "resource": step.resource.to_string(),
        "why": step.why,
        "traffic": step.traffic_impact(),
        "details": details(&step.op),
    })
}

/// The summary, then a list of mistakes and a diff for each stack that has any.
pub(super) fn to_markdown(report: &PlanReport) -> String {
    let mut text = format!("### {}\n", report.summary());
    for skipped in &report.skipped {
        add_line(&mut text, &format!("- {skipped}: not planned, no load balancer is built from it"));
    }
    for problem in &report.problems {
        add_line(&mut text, &format!("- {problem}"));
    }
    if !report.shared.is_empty() {
        add_line(&mut text, "\n#### Shared backend security group\n");
        add_diff(&mut text, &report.shared.join("\n"));
    }
    for stack in report.stacks.iter().filter(|stack| stack.steps() > 0 || stack.has_problems()) {
        add_line(&mut text, &format!("\n#### {}\n", stack.title()));
        for finding in &stack.findings {
            add_line(&mut text, &format!("- {finding}"));
        }
        if let Some(failure) = &stack.failure {
            add_line(&mut text, &format!("- {failure}"));
        }
        if let Some(plan) = stack.plan.as_ref().filter(|plan| !plan.steps.is_empty()) {
            add_diff(&mut text, plan.to_string().trim_end());
        }
    }
    for accelerator in report.told_accelerators() {
        add_line(&mut text, &format!("\n#### {}\n", accelerator.title()));
        match &accelerator.plan {
            Ok(plan) => add_diff(&mut text, &render(plan)),
            Err(problem) => add_line(&mut text, &format!("- {problem}")),
        }
    }
    text
}

fn add_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// why the longer fence: a value may hold the usual one
fn add_diff(text: &mut String, diff: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "````diff\n{diff}\n````");
}
