//! What goes wrong while many pods change costs no healthy target. `make scale` does the same with thousands of load balancers.

use crate::services::run;
use rig::faults::{Cluster, MISHAPS};
use std::time::Duration;

const LOAD_BALANCERS: usize = 40;
const CHANGES: usize = 16;
/// Longer than a lease lasts, AWS's refusals are waited for, and pauses between watches take.
const SOON: Duration = Duration::from_mins(3);

#[test]
fn whatever_happens_while_pods_change_no_healthy_target_is_lost_and_all_is_well_soon() {
    run(async {
        let mut cluster = Cluster::of(LOAD_BALANCERS).await;
        for mishap in MISHAPS {
            let after = cluster.suffer(mishap, CHANGES).await;
            println!("{}: {after:?}", mishap.name());
            assert_eq!(
                (after.lost, after.missing, after.left_behind),
                (0, 0, 0),
                "{}: {after:?}",
                mishap.name()
            );
            assert!(after.steady <= SOON, "{}: {after:?}", mishap.name());
        }
    });
}
