//! TargetGroupBindings that users make, on the whole machinery: pods and nodes, target groups of their own and such that are shared
//! with another cluster. Whatever is edited and whatever fails meanwhile, targets and rules end up as after a fresh apply, another
//! cluster's targets are never touched, nothing is leaked, and then there is nothing to do.

mod scenario;

use crate::faults::{Hurried, hurried};
use crate::services::{cases, difference, run};
use proptest::prelude::*;
use scenario::{Scenario, edits};

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_edits_with_a_fault_end_as_a_fresh_apply_and_leave_other_clusters_alone(
        edits in proptest::collection::vec(hurried(edits()), 3..9),
    ) {
        run(async {
            let mut scenario = Scenario::open().await;
            for Hurried { edit, is_hurried } in &edits {
                scenario.make(edit).await;
                if !is_hurried {
                    scenario.run_until_idle().await.map_err(|lost| format!("{lost}\n{edits:#?}")).unwrap();
                    scenario.delete_services();
                }
            }
            scenario.run_until_idle().await.map_err(|lost| format!("{lost}\n{edits:#?}")).unwrap();
            scenario.delete_services();
            scenario.rig.aws.disarm();
            scenario.quiesce().await.map_err(|lost| format!("{lost}\n{edits:#?}")).unwrap();
            let fresh = scenario.fresh().await;
            assert_eq!(difference(&scenario.rig, &fresh), Vec::<String>::new(), "{edits:#?}");
            assert_eq!(scenario::records(&scenario.rig), scenario::records(&fresh), "{edits:#?}");
            assert_eq!(scenario.closed_gates(), Vec::<String>::new(), "{edits:#?}");

            scenario.rig.aws.clear_calls();
            let before = scenario.versions();
            scenario.rig.restart().await;
            scenario.run_until_idle().await.unwrap();
            assert_eq!((scenario.rig.writes(), scenario.versions()), (vec![], before), "a second reconcile: {edits:#?}");

            scenario.remove_all();
            scenario.run_until_idle().await.unwrap();
            assert_eq!(difference(&scenario.rig, &scenario.untouched()), Vec::<String>::new(), "{edits:#?}");
            assert_eq!(scenario::records(&scenario.rig).len() + scenario.rig.api.list("targetgroupbindings").len(), 0);
        });
    }
}
