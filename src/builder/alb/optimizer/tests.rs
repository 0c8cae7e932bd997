#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::elbv2::FixedResponseAction;
use proptest::prelude::*;

fn values(prefix: &'static str) -> impl Strategy<Value = Option<ValuesOrRegexes>> {
    let values = proptest::collection::vec(0..4_u8, 0..8).prop_map(move |numbers| {
        let name = |number: &u8| if *number == 3 { "/*".to_owned() } else { format!("{prefix}{number}") };
        ValuesOrRegexes { values: numbers.iter().map(name).collect(), regexes: Vec::new() }
    });
    proptest::option::weighted(0.8, values)
}

fn rule() -> impl Strategy<Value = Rule> {
    let parts = (values("h"), values("/p"), any::<bool>(), proptest::bool::weighted(0.2));
    parts.prop_map(|(hosts, paths, redirects, by_address)| {
        let action = if redirects {
            ListenerAction::Redirect(RedirectAction {
                status_code: "HTTP_301".into(),
                ..RedirectAction::default()
            })
        } else {
            ListenerAction::FixedResponse(FixedResponseAction {
                status_code: "200".into(),
                ..FixedResponseAction::default()
            })
        };
        let address = by_address.then(|| RuleCondition::SourceIp(vec!["10.0.0.0/8".into()]));
        let conditions =
            hosts.map(RuleCondition::HostHeader).into_iter().chain(paths.map(RuleCondition::PathPattern));
        let conditions = conditions.chain(address).collect();
        Rule { conditions, actions: vec![action], transforms: Vec::new(), tags: BTreeMap::default() }
    })
}

proptest! {
    #[test]
    fn a_rule_is_hidden_as_if_each_earlier_one_were_looked_at(rules in proptest::collection::vec(rule(), 0..12), last in rule()) {
        let mut hiding = EarlierRedirects::default();
        for rule in &rules {
            hiding.note(rule);
        }
        let hides = |earlier: &Rule| redirect(earlier).is_some() && covers(earlier, &last);
        prop_assert_eq!(hiding.hides(&last), rules.iter().any(hides));
    }
}
