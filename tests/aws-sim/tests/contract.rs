//! The simulator keeps every clause of the contract, in process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use aws_sim::{
    Sim, World,
    contract::{CLAUSES, TestAccount},
};
use std::sync::Arc;

async fn broken_clauses(account: impl Fn() -> TestAccount) -> Vec<String> {
    let mut broken = Vec::new();
    for clause in CLAUSES {
        if let Err(how) = (clause.check)(account()).await {
            broken.push(format!("{}: {how:?}", clause.name));
        }
    }
    broken
}

#[tokio::test]
async fn each_clause_is_kept_by_a_fresh_world() {
    let fresh = || {
        let world = World::demo();
        let ids = world.ids().clone();
        TestAccount::new(Arc::new(Sim::new(world)), ids)
    };
    assert_eq!(broken_clauses(fresh).await, Vec::<String>::new());
}

#[tokio::test]
async fn all_clauses_are_kept_by_one_world_with_short_pages() {
    let mut world = World::demo();
    world.settings.page_size = 2;
    let ids = world.ids().clone();
    let account = TestAccount::new(Arc::new(Sim::new(world)), ids);
    // A list of everything takes more than one page here, and single pages show but a part of a list.
    let in_pages = ["lists_are_paged", "rules_are_listed_by_priority_with_the_default_last"];
    for clause in CLAUSES.iter().filter(|clause| in_pages.contains(&clause.name)) {
        (clause.check)(account.clone()).await.unwrap();
    }
}
