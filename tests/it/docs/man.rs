//! The man pages, made of the command line.

use aws_load_balancer_controller::args::command;
use clap_mangen::Man;
use std::collections::BTreeMap;

/// Pages by file name.
fn pages() -> BTreeMap<String, String> {
    let mut program = command().disable_help_subcommand(true);
    program.build();
    let name = program.get_name().to_owned();
    let mut pages = BTreeMap::new();
    let commands: Vec<_> = program.get_subcommands().cloned().collect();
    for command in commands {
        let page = format!("{name}-{}", command.get_name());
        // why: clap takes names that live as long as the process
        let lasting: &'static str = Box::leak(page.clone().into_boxed_str());
        pages.insert(format!("{page}.1"), render(command.name(lasting).display_name(page)));
    }
    pages.insert(format!("{name}.1"), render(program));
    pages
}

/// why without version: it would change with every commit
fn render(command: clap::Command) -> String {
    let mut text = Vec::new();
    let man = Man::new(command.version("")).source("").date("");
    man.render(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[test]
fn every_command_has_a_man_page() {
    let folder = super::docs().join("man");
    let pages = pages();
    assert!(pages.len() >= 10, "{:?}", pages.keys());
    for (name, page) in &pages {
        super::compare(&folder.join(name), page);
    }
    let there: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(there.iter().all(|file| pages.contains_key(file)), "{there:?}");
    let status = &pages["aws-load-balancer-controller-status.1"];
    assert!(status.contains("Exit status") && status.contains("all\\-namespaces"), "{status}");
}
