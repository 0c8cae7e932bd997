//! Deployments against the simulated AWS: whatever happens on the way, they converge, leak nothing, and then rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "converge/stacks.rs"]
mod stacks;
#[path = "converge/test_bed.rs"]
mod test_bed;

use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::deploy::FailureClass;
use aws_load_balancer_controller::deploy::audit::{AuditPeriods, CallBudget, audit};
use aws_load_balancer_controller::model::Stack;
use aws_sim::{Calls, Effect, Fault};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use test_bed::{TestBed, run};

/// The stacks that every single call is made to fail for.
fn walkthroughs() -> Vec<(&'static str, Stack)> {
    let nlb = stacks::Wish { is_alb: false, listeners: vec![0], target_groups: 1, ..stacks::Wish::plain() };
    let alb = stacks::Wish {
        listeners: vec![0, 1],
        certificates: vec![0, 1],
        rules: vec![(0, 0), (1, 1), (2, 0)],
        target_groups: 2,
        ..stacks::Wish::plain()
    };
    vec![("nlb", stacks::build(&nlb)), ("alb", stacks::build(&alb))]
}

#[test]
fn a_deployed_stack_costs_no_call() {
    for (name, stack) in walkthroughs() {
        run(async {
            let test_bed = TestBed::new();
            test_bed.deploy(&stack).await;
            test_bed.sim.clear_calls();
            let again = test_bed.deployer().deploy(&stack).await.unwrap();
            assert!(!again.is_news, "{name}");
            assert_eq!(again.load_balancers.len(), 1, "{name}");
            assert_eq!(test_bed.sim.calls().len(), 0, "{name}");
        });
    }
}

#[test]
fn what_no_object_calls_for_is_counted_once_aws_has_been_looked_through() {
    for (name, stack) in walkthroughs() {
        run(async {
            let mut test_bed = TestBed::new();
            test_bed.deploy(&stack).await;
            test_bed.restart();
            test_bed.sweep().await;
            let beyond = |wanted: &[_]| {
                let wanted = wanted.iter().cloned().collect();
                test_bed.deployer().resource_cache().count_beyond(&wanted, |_| true).map(|(_, count)| count)
            };
            assert_eq!(beyond(std::slice::from_ref(&stack.id)), [0, 0, 0], "{name}");
            let all = [stack.load_balancers.len(), stack.target_groups.len(), stack.security_groups.len()];
            assert_eq!(beyond(&[]), all, "{name}");
        });
    }
}

#[test]
fn a_restart_costs_no_write() {
    for (name, stack) in walkthroughs() {
        run(async {
            let mut test_bed = TestBed::new();
            test_bed.deploy(&stack).await;
            test_bed.restart();
            test_bed.sim.clear_calls();
            test_bed.deploy(&stack).await;
            assert_eq!(test_bed.writes(), Vec::<Action>::new(), "{name}");
        });
    }
}

#[test]
fn a_crash_at_any_write_leaks_nothing() {
    for_every_write(|k| Fault::on(Calls::Writes, Effect::CrashBefore).at(k));
    for_every_write(|k| Fault::on(Calls::Writes, Effect::CrashAfter).at(k));
}

#[test]
fn a_lost_answer_to_any_write_leaks_nothing() {
    for_every_write(|k| Fault::on(Calls::Writes, Effect::LoseAnswer).at(k));
}

#[test]
fn throttling_at_any_call_only_costs_time() {
    for_every_write(|k| Fault::on(Calls::All, Effect::Throttle).at(k).times(3));
}

#[test]
fn a_refusal_of_any_write_is_overcome() {
    for_every_write(|k| Fault::on(Calls::Writes, Effect::fail("ValidationError")).at(k));
    for_every_write(|k| Fault::on(Calls::Writes, Effect::fail("ServiceUnavailable")).at(k));
}

/// Makes the k-th call fail, for every k, on the way up and on the way down.
fn for_every_write(fault: impl Fn(usize) -> Fault) {
    for (name, stack) in walkthroughs() {
        for k in 1..200 {
            let is_last = run(async {
                let mut test_bed = TestBed::new();
                test_bed.sim.arm(fault(k));
                test_bed.converge(&stack).await;
                test_bed.check(&stack, &format!("{name}, call {k}"));
                let struck_up = test_bed.sim.calls().len() >= k;
                test_bed.restart();
                test_bed.sim.clear_calls();
                test_bed.sim.disarm();
                test_bed.sim.arm(fault(k));
                test_bed.converge(&Stack::empty(stack.id.clone())).await;
                test_bed.check_nothing_left(&format!("{name} deleted, call {k}"));
                !struck_up
            });
            if is_last {
                break;
            }
        }
    }
}

#[test]
fn a_load_balancer_made_by_a_lost_call_goes_with_its_owner() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.arm(Fault::on(Calls::Of(Action::CreateLoadBalancer), Effect::LoseAnswer).at(1));
        test_bed.deployer().deploy(&stack).await.unwrap_err();
        test_bed.deploy(&Stack::empty(stack.id.clone())).await;
        test_bed.check_nothing_left("deleted right after the answer was lost");
    });
}

#[test]
fn deletion_protection_set_elsewhere_is_overcome() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stack).await;
        test_bed.protect_load_balancers();
        test_bed.deploy(&Stack::empty(stack.id.clone())).await;
        test_bed.check_nothing_left("deleted although protected");
    });
}

#[test]
fn security_groups_that_aws_still_uses_are_waited_for() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.world(|world| world.settings.delays.interface_release = Duration::from_secs(30));
        test_bed.deploy(&stack).await;
        let empty = Stack::empty(stack.id.clone());
        let early = test_bed.deployer().deploy(&empty).await.unwrap_err();
        assert!(early.failures.is_empty() && early.revisit.is_some(), "{early:?}");
        test_bed.sim.advance(Duration::from_secs(31));
        test_bed.deploy(&empty).await;
        test_bed.check_nothing_left("deleted after the interfaces went");
    });
}

#[test]
fn a_change_of_scheme_makes_the_new_load_balancer_first() {
    let wish = stacks::Wish { rules: vec![(0, 0)], target_groups: 1, ..stacks::Wish::plain() };
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stacks::build(&wish)).await;
        test_bed.sim.clear_calls();
        let other = stacks::build(&stacks::Wish { is_internal: !wish.is_internal, ..wish.clone() });
        test_bed.deploy(&other).await;
        test_bed.check(&other, "scheme changed");
        let writes = test_bed.writes();
        let created = writes.iter().position(|action| *action == Action::CreateLoadBalancer);
        let deleted = writes.iter().position(|action| *action == Action::DeleteLoadBalancer);
        assert!(created < deleted, "{writes:?}");
    });
}

#[test]
fn a_full_listener_reaches_its_end_state_by_freeing_first() {
    let before =
        stacks::Wish { rules: (0..5).map(|content| (content, 0)).collect(), ..stacks::Wish::plain() };
    let after = stacks::Wish { rules: (5..10).map(|content| (content, 0)).rev().collect(), ..before.clone() };
    let mut after = stacks::build(&after);
    stacks::shift_priorities(&mut after, 5);
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.world(|world| world.settings.quotas.rules = 5);
        test_bed.deploy(&stacks::build(&before)).await;
        test_bed.deploy(&after).await;
        test_bed.check(&after, "all rules exchanged on a full listener");
    });
}

#[test]
fn rules_that_do_not_fit_are_named_and_the_others_are_made() {
    let wish = stacks::Wish { rules: (0..8).map(|content| (content, 0)).collect(), ..stacks::Wish::plain() };
    let stack = stacks::build(&wish);
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.world(|world| world.settings.quotas.rules = 5);
        let failure = test_bed.deployer().deploy(&stack).await.unwrap_err();
        assert_eq!(failure.failures.len(), 3, "{failure}");
        assert!(failure.to_string().contains("rule 6 of listener 80: quota of"), "{failure}");
        assert_eq!(test_bed.counts().rules, 5);
        assert_eq!(failure.deployed.load_balancers.len(), 1);
    });
}

#[test]
fn one_rule_that_aws_refuses_does_not_stop_the_others() {
    let wish = stacks::Wish { rules: (0..4).map(|content| (content, 0)).collect(), ..stacks::Wish::plain() };
    let stack = stacks::build(&wish);
    run(async {
        let test_bed = TestBed::new();
        test_bed
            .sim
            .arm(Fault::on(Calls::Of(Action::CreateRule), Effect::fail("InvalidConfigurationRequest")).at(2));
        let failure = test_bed.deployer().deploy(&stack).await.unwrap_err();
        assert_eq!(failure.failures.len(), 1, "{failure}");
        assert_eq!(failure.failures[0].resource.to_string(), "80:2");
        assert_eq!(test_bed.counts().rules, 3);
    });
}

#[test]
fn what_others_change_is_found_by_the_next_sweep() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stack).await;
        assert_eq!(test_bed.sweep().await, Vec::new(), "the first sweep only takes note");
        assert_eq!(test_bed.sweep().await, Vec::new(), "nothing has changed");
        test_bed.delete_target_groups();
        assert_eq!(test_bed.sweep().await, vec![stack.id.clone()]);
        test_bed.deploy(&stack).await;
        test_bed.check(&stack, "target groups were deleted by hand");
    });
}

#[test]
fn editing_one_rule_of_a_hundred_takes_one_call() {
    let wish =
        stacks::Wish { rules: (0..100).map(|content| (content, 0)).collect(), ..stacks::Wish::plain() };
    let mut edited = wish.clone();
    edited.rules[49] = (200, 0);
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stacks::build(&wish)).await;
        test_bed.sim.clear_calls();
        test_bed.deploy(&stacks::build(&edited)).await;
        assert_eq!(test_bed.writes(), vec![Action::ModifyRule]);
    });
}

#[test]
fn what_is_remembered_over_a_restart_saves_all_but_the_sweep() {
    run(async {
        let mut test_bed = TestBed::new();
        let stacks: Vec<Stack> = (0..40).map(stacks::numbered).collect();
        test_bed.allow_many();
        for stack in &stacks {
            test_bed.deploy(stack).await;
        }
        test_bed.sweep().await;
        let remembered = serde_json::to_string(&test_bed.deployer().resource_cache().records()).unwrap();
        test_bed.restart();
        test_bed
            .deployer()
            .resource_cache()
            .restore(serde_json::from_str::<BTreeMap<_, _>>(&remembered).unwrap());
        test_bed.sim.clear_calls();
        for stack in &stacks {
            assert!(!test_bed.deploy(stack).await.is_news);
        }
        // 2 lists, 2 of security groups, and the tags of 80 resources, 20 a call
        assert_eq!(test_bed.sim.calls().len(), 8);
    });
}

#[test]
fn what_changed_while_nobody_looked_is_found_in_spite_of_memory() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let mut test_bed = TestBed::new();
        test_bed.deploy(&stack).await;
        test_bed.sweep().await;
        let remembered = test_bed.deployer().resource_cache().records();
        test_bed.delete_target_groups();
        test_bed.restart();
        test_bed.deployer().resource_cache().restore(remembered);
        test_bed.deploy(&stack).await;
        test_bed.check(&stack, "target groups were deleted while the controller was away");
    });
}

#[test]
fn a_security_group_that_does_not_exist_is_told_at_once() {
    let mut stack = stacks::build(&stacks::Wish::plain());
    for load_balancer in stack.load_balancers.values_mut() {
        load_balancer.security_groups = vec!["sg-0123456789abcdef0".into()];
    }
    run(async {
        let test_bed = TestBed::new();
        let failure = test_bed.deployer().deploy(&stack).await.unwrap_err();
        assert_eq!(failure.class(), FailureClass::UserMustAct, "{failure}");
        assert_eq!(failure.stage().unwrap().label(), "*elbv2.loadBalancerSynthesizer");
    });
}

#[test]
fn a_listener_that_aws_has_not_heard_of_everywhere_is_waited_for() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let test_bed = TestBed::new();
        let early = Fault::on(Calls::Of(Action::CreateRule), Effect::fail("ListenerNotFound")).times(2);
        test_bed.sim.arm(early);
        test_bed.deployer().deploy(&stack).await.unwrap();
        test_bed.check(&stack, "two rules came too early");
    });
}

#[test]
fn an_audit_finds_a_rule_that_somebody_deleted() {
    let (_, stack) = walkthroughs().remove(1);
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stack).await;
        test_bed.delete_one_rule();
        let woken = parking_lot::Mutex::new(Vec::new());
        let pace = AuditPeriods::default();
        let budget = CallBudget::new(&pace);
        let audit = audit(test_bed.deployer(), pace, &budget, |stack, _| woken.lock().push(stack));
        let _ = tokio::time::timeout(Duration::from_mins(5), audit).await;
        assert_eq!(*woken.lock(), vec![stack.id.clone()]);
        test_bed.deploy(&stack).await;
        test_bed.check(&stack, "a rule was deleted by hand");
    });
}

#[test]
fn a_full_account_exchanges_target_groups_by_freeing_first() {
    let before = stacks::build(&stacks::Wish { rules: vec![(0, 0)], ..stacks::Wish::plain() });
    let mut after = stacks::build(&stacks::Wish { target_groups: 2, rules: vec![], ..stacks::Wish::plain() });
    stacks::drop_target_group(&mut after, 0);
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.world(|world| world.settings.quotas.target_groups = 1);
        test_bed.deploy(&before).await;
        test_bed.deploy(&after).await;
        test_bed.check(&after, "the only target group was exchanged");
    });
}

#[test]
fn a_full_load_balancer_exchanges_certificates_by_freeing_first() {
    let before = stacks::Wish { listeners: vec![1], certificates: vec![0, 1], ..stacks::Wish::plain() };
    let after = stacks::build(&stacks::Wish { certificates: vec![0, 2], ..before.clone() });
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stacks::build(&before)).await;
        test_bed.sim.world(|world| world.settings.quotas.certificates = 2);
        test_bed.deploy(&after).await;
        test_bed.check(&after, "one of two certificates was exchanged");
    });
}

#[test]
fn a_full_security_group_exchanges_rules_by_freeing_first() {
    let before = stacks::Wish { source_ranges: vec![0, 1, 2], ..stacks::Wish::plain() };
    let after = stacks::build(&stacks::Wish { source_ranges: vec![2, 3, 4], ..before.clone() });
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.world(|world| world.settings.quotas.rules_per_security_group = 3);
        test_bed.deploy(&stacks::build(&before)).await;
        test_bed.deploy(&after).await;
        test_bed.check(&after, "two of three rules were exchanged");
    });
}

#[test]
fn capacity_waits_for_the_load_balancer_and_nothing_else_does() {
    let mut stack = stacks::build(&stacks::Wish::plain());
    for load_balancer in stack.load_balancers.values_mut() {
        load_balancer.minimum_capacity_units = Some(3000);
    }
    run(async {
        let test_bed = TestBed::new();
        test_bed.sim.world(|world| world.settings.delays.provisioning = Duration::from_mins(3));
        for soon in [Duration::from_secs(1), Duration::from_mins(2)] {
            let early = test_bed.deployer().deploy(&stack).await.unwrap();
            assert_eq!(early.revisit, Some(soon));
            assert_eq!(early.load_balancers.len(), 1, "its name can be published");
        }
        test_bed.sim.advance(Duration::from_mins(4));
        test_bed.sim.clear_calls();
        test_bed.deploy(&stack).await;
        assert_eq!(test_bed.writes(), vec![Action::ModifyCapacityReservation]);
    });
}

#[test]
fn an_alb_behind_an_nlb_comes_and_goes() {
    let stack = stacks::with_frontend_nlb();
    run(async {
        let mut test_bed = TestBed::new();
        test_bed.converge(&stack).await;
        test_bed.check(&stack, "an ALB behind an NLB");
        test_bed.restart();
        test_bed.sim.clear_calls();
        test_bed.deploy(&stack).await;
        assert_eq!(test_bed.writes(), Vec::<Action>::new());
        test_bed.converge(&Stack::empty(stack.id.clone())).await;
        test_bed.check_nothing_left("an ALB behind an NLB was deleted");
    });
}

#[test]
fn replaced_target_groups_have_their_targets_before_they_get_traffic() {
    let wish = stacks::Wish { rules: vec![(0, 0)], ..stacks::Wish::plain() };
    let other = stacks::build(&stacks::Wish { tls_targets: true, ..wish.clone() });
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stacks::build(&wish)).await;
        let plan = test_bed.deployer().plan(&other).await.unwrap();
        let place = |verb: &str| plan.steps.iter().position(|step| step.op.verb() == verb).unwrap();
        let order = [
            "CreateTargetGroup",
            "CreateTargetGroupBinding",
            "AwaitTargets",
            "ModifyRule",
            "DeleteTargetGroupBinding",
            "AwaitTargetGroupBindingGone",
            "DeleteTargetGroup",
        ];
        assert!(order.map(place).is_sorted(), "{plan}");
    });
}

#[test]
fn a_rule_that_stays_as_it_was_keeps_its_target_group() {
    let wish = stacks::Wish { rules: vec![(0, 0)], ..stacks::Wish::plain() };
    let other = stacks::build(&stacks::Wish { tls_targets: true, ..wish.clone() });
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stacks::build(&wish)).await;
        test_bed
            .sim
            .arm(Fault::on(Calls::Of(Action::ModifyRule), Effect::fail("InvalidConfigurationRequest")));
        test_bed.deployer().deploy(&other).await.unwrap_err();
        let deletes = [Action::DeleteTargetGroup, Action::DeleteRule];
        assert!(!test_bed.writes().iter().any(|action| deletes.contains(action)), "{:?}", test_bed.writes());
        assert_eq!(test_bed.counts().bindings, 2, "the old targets still serve");
    });
}

#[test]
fn a_new_client_secret_is_sent_once_and_an_unknown_one_is_not() {
    let (before, after) = (stacks::with_oidc("before"), stacks::with_oidc("after"));
    run(async {
        let mut test_bed = TestBed::new();
        test_bed.deploy(&before).await;
        test_bed.restart();
        test_bed.sim.clear_calls();
        test_bed.deploy(&before).await;
        assert_eq!(test_bed.writes(), Vec::<Action>::new(), "a restart");
        test_bed.deploy(&after).await;
        assert_eq!(test_bed.writes(), vec![Action::ModifyListener], "another secret");
        test_bed.deploy(&after).await;
        assert_eq!(test_bed.writes(), vec![Action::ModifyListener], "the same secret");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_stack_becomes_any_other_and_then_nothing(
        wishes in proptest::collection::vec(stacks::wish(), 1..4),
        restart in any::<bool>(),
    ) {
        run(async {
            let mut test_bed = TestBed::new();
            for wish in &wishes {
                let stack = stacks::build(wish);
                test_bed.converge(&stack).await;
                test_bed.check(&stack, &format!("{wishes:#?}"));
                if restart {
                    test_bed.restart();
                }
                test_bed.sim.clear_calls();
                test_bed.deploy(&stack).await;
                assert_eq!(test_bed.writes(), Vec::<Action>::new(), "{wishes:#?}");
            }
            test_bed.converge(&Stack::empty(stacks::id())).await;
            test_bed.check_nothing_left(&format!("{wishes:#?}"));
        });
    }

    #[test]
    fn a_fault_on_the_way_from_any_stack_to_any_other_is_overcome(
        from in stacks::wish(),
        to in stacks::wish(),
        k in 1_usize..30,
        effect in prop_oneof![
            Just(Effect::CrashBefore),
            Just(Effect::CrashAfter),
            Just(Effect::LoseAnswer),
            Just(Effect::Throttle),
            Just(Effect::fail("InternalFailure")),
        ],
    ) {
        run(async {
            let mut test_bed = TestBed::new();
            test_bed.converge(&stacks::build(&from)).await;
            test_bed.sim.arm(Fault::on(Calls::Writes, effect.clone()).at(k));
            let stack = stacks::build(&to);
            test_bed.converge(&stack).await;
            test_bed.check(&stack, &format!("{from:#?} to {to:#?}, {effect:?} at {k}"));
            test_bed.converge(&Stack::empty(stacks::id())).await;
            test_bed.check_nothing_left(&format!("{from:#?} to {to:#?}, {effect:?} at {k}"));
        });
    }
}
