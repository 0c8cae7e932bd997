//! TargetGroupBindings that users make, on the whole machinery: pods and nodes, target groups of their own and such that are shared
//! with another cluster. Whatever is edited and whatever fails meanwhile, targets and rules end up as after a fresh apply, another
//! cluster's targets are never touched, nothing is leaked, and then there is nothing to do.

mod town;

use crate::faults::{Hurried, hurried};
use crate::services::{cases, difference, run};
use proptest::prelude::*;
use town::{Town, edits};

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_edits_with_a_fault_end_as_a_fresh_apply_and_leave_other_clusters_alone(
        edits in proptest::collection::vec(hurried(edits()), 3..9),
    ) {
        run(async {
            let mut town = Town::open().await;
            for Hurried { edit, is_hurried } in &edits {
                town.make(edit).await;
                if !is_hurried {
                    town.settle().await.map_err(|lost| format!("{lost}\n{edits:#?}")).unwrap();
                    town.bury();
                }
            }
            town.settle().await.map_err(|lost| format!("{lost}\n{edits:#?}")).unwrap();
            town.bury();
            town.rig.aws.disarm();
            town.rest().await.map_err(|lost| format!("{lost}\n{edits:#?}")).unwrap();
            let fresh = town.fresh().await;
            assert_eq!(difference(&town.rig, &fresh), Vec::<String>::new(), "{edits:#?}");
            assert_eq!(town::records(&town.rig), town::records(&fresh), "{edits:#?}");
            assert_eq!(town.closed_gates(), Vec::<String>::new(), "{edits:#?}");

            town.rig.aws.clear_calls();
            let before = town.versions();
            town.rig.restart().await;
            town.settle().await.unwrap();
            assert_eq!((town.rig.writes(), town.versions()), (vec![], before), "a second reconcile: {edits:#?}");

            town.raze();
            town.settle().await.unwrap();
            assert_eq!(difference(&town.rig, &town.untouched()), Vec::<String>::new(), "{edits:#?}");
            assert_eq!(town::records(&town.rig).len() + town.rig.api.list("targetgroupbindings").len(), 0);
        });
    }
}
