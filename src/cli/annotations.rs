//! `annotations`: the annotation table for people, on the terminal and as the reference page.

use crate::annotations::attributes::ResourceKind;
use crate::annotations::table::{FILLERS, Row, rows};
use crate::annotations::value::heading_of;
use crate::finding::{did_you_mean, likely};
use std::fmt::Write;

const RESOURCE_KINDS: [ResourceKind; 6] = [
    ResourceKind::Network,
    ResourceKind::NetworkTargets,
    ResourceKind::NetworkListener,
    ResourceKind::Application,
    ResourceKind::ApplicationTargets,
    ResourceKind::ApplicationListener,
];

/// Explains annotations whose key contains a text, all of them without one; `Err`: there is none, and what was meant.
pub fn explain(name: Option<&str>) -> Result<String, String> {
    let Some(name) = name else { return Ok(overview()) };
    let found: Vec<&Row> = rows().filter(|row| row.key() == name || row.suffix.stem() == name).collect();
    let found =
        if found.is_empty() { rows().filter(|row| row.key().contains(name)).collect() } else { found };
    if found.is_empty() {
        let stems: Vec<&str> = rows().map(|row| row.suffix.stem()).collect();
        let short = name.rsplit('/').next().unwrap_or(name);
        let meant = did_you_mean(&likely(short, stems, FILLERS)).map(|hint| format!("; {hint}"));
        return Err(format!("there is no annotation {name:?}{}", meant.unwrap_or_default()));
    }
    Ok(found.iter().map(|row| describe(row)).collect::<Vec<_>>().join("\n"))
}

fn overview() -> String {
    let width = rows().map(|row| row.key().len()).max().unwrap_or_default();
    let lines: Vec<String> = rows().map(|row| format!("{:width$}  {}", row.key(), row.about)).collect();
    lines.join("\n") + "\n"
}

fn describe(row: &Row) -> String {
    let plain = |text: &str| text.replace('`', "");
    let mut lines =
        vec![row.key(), format!("  {}", plain(row.about)), format!("  on       {}", row.on.join(", "))];
    lines.push(format!("  value    {}", plain(&row.value.describe())));
    if !row.default.is_empty() {
        lines.push(format!("  default  {}", plain(row.default)));
    }
    lines.extend(row.needs.map(|needs| format!("  needs    {}", plain(needs))));
    lines.extend(row.instead.map(|instead| format!("  deprecated, use {instead}")));
    lines.extend(row.examples.iter().map(|example| format!("  example  {example}")));
    lines.push(String::new());
    lines.join("\n")
}

/// The reference page.
pub fn reference() -> String {
    let mut page = String::from(
        "# Annotations\n\n\
         Every annotation that the controller reads, generated from the table that also drives the admission checks, `lint` and \
         `aws-load-balancer-controller annotations NAME`.\n",
    );
    for (title, prefix, on) in [
        ("Services", crate::annotations::NLB_PREFIX, "Service"),
        ("Ingresses", crate::annotations::ALB_PREFIX, "Ingress"),
    ] {
        let _ = write!(page, "\n## {title}\n\nKeys start with `{prefix}/`.\n");
        rows()
            .filter(|row| row.prefix == prefix && row.is_read_from(on))
            .for_each(|row| page.push_str(&section(row)));
    }
    page.push_str("\n## Others\n");
    let is_other = |row: &&Row| {
        let of_alb = row.is_read_from("Ingress") && row.prefix == crate::annotations::ALB_PREFIX;
        !(of_alb || row.is_read_from("Service"))
    };
    rows().filter(is_other).for_each(|row| page.push_str(&section(row)));
    page.push_str(
        "\n## Attributes\n\nAWS adds attributes; unknown ones that are well-formed only bring a warning.\n",
    );
    for resource_kind in RESOURCE_KINDS {
        page.push_str(&attributes(resource_kind));
    }
    page
}

fn section(row: &Row) -> String {
    let mut lines = vec![
        String::new(),
        format!("### `{}`", row.suffix.show()),
        String::new(),
        row.about.to_owned(),
        String::new(),
    ];
    if let Some(instead) = row.instead {
        lines.push(format!("- **deprecated**: use `{instead}`"));
    }
    if row.on.len() > 1 {
        lines.push(format!("- on: {}; where several have it, the Service's counts", row.on.join(", ")));
    }
    lines.push(format!("- value: {}", row.value.describe()));
    if !row.default.is_empty() {
        lines.push(format!("- default: {}", row.default));
    }
    lines.extend(row.needs.map(|needs| format!("- needs: {needs}")));
    let examples: Vec<String> = row.examples.iter().map(|example| format!("`{example}`")).collect();
    lines.push(format!("- for example: {}", examples.join(", ")));
    lines.push(String::new());
    lines.join("\n")
}

fn attributes(resource_kind: ResourceKind) -> String {
    let mut text = format!("\n### {}\n\n| attribute | value |\n|---|---|\n", heading_of(resource_kind));
    for attribute in resource_kind.attributes() {
        let _ = writeln!(text, "| `{}` | {} |", attribute.key, attribute.accepts);
    }
    text
}

#[cfg(test)]
mod tests;
