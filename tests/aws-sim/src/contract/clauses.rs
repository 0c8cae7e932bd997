//! The list of clauses.

use super::{Clause, listeners, load_balancers, rules, security_groups, target_groups, targets};

macro_rules! clauses {
    ($($module:ident { $($name:ident)* })*) => {
        /// Every clause.
        pub const CLAUSES: &[Clause] = &[
            $($(Clause { name: stringify!($name), check: |account| Box::pin($module::$name(account)) },)*)*
        ];
    };
}

clauses! {
    load_balancers {
        an_alb_gets_an_arn_and_a_dns_name_of_its_kind
        an_nlb_gets_a_dns_name_with_its_arns_id
        the_same_request_twice_makes_one_load_balancer
        a_name_belongs_to_one_load_balancer
        an_alb_needs_two_zones
        two_subnets_of_a_zone_are_refused
        an_unknown_subnet_is_refused
        names_are_checked
        a_protected_load_balancer_stays
        deleting_twice_succeeds
        attributes_begin_with_defaults_and_keep_what_is_set
        unknown_attributes_are_refused
        a_change_of_attributes_names_some
        an_nlb_without_groups_cannot_get_them_later
        an_elastic_ip_serves_one_load_balancer
        tags_are_added_and_removed
        lists_are_paged
        capacity_can_be_reserved_and_reset
    }
    target_groups {
        a_target_group_gets_the_defaults_of_its_protocol
        a_name_belongs_to_one_target_group
        the_same_target_group_twice_is_one
        health_checks_keep_what_is_not_changed
        health_checks_are_checked
        a_target_group_in_use_stays
        a_target_group_serves_one_load_balancer
        protocols_must_match_the_listener
        client_ip_preservation_is_a_must_for_udp
    }
    targets {
        targets_of_an_unused_group_are_unused
        targets_of_a_used_group_are_checked
        targets_are_told_apart_by_id_and_port
        registering_twice_is_once
        unknown_targets_are_not_registered
        addresses_outside_the_vpc_need_a_zone
        instances_must_exist
        an_alb_target_needs_its_listener
    }
    listeners {
        a_port_belongs_to_one_listener
        the_same_listener_twice_is_one
        tls_needs_a_certificate
        https_gets_the_default_policy
        more_certificates_can_be_added_but_the_default_stays
        deleting_a_load_balancer_deletes_its_listeners
        a_listener_can_change_protocol
        a_trust_store_is_needed_to_verify_clients
        a_redirect_to_itself_is_refused
        oidc_secrets_are_never_shown
    }
    rules {
        a_priority_belongs_to_one_rule
        priorities_are_swapped_at_once
        rules_are_listed_by_priority_with_the_default_last
        the_default_rule_cannot_be_deleted
        too_many_condition_values_are_refused
        a_rule_keeps_its_target_group_in_use
        modifying_without_transforms_removes_them
        sticky_targets_need_a_sticky_group
        a_default_rule_has_tags_of_its_own
    }
    security_groups {
        a_rule_exists_once_whatever_its_description
        a_missing_rule_cannot_be_revoked
        host_bits_of_cidrs_are_cleared
        a_name_belongs_to_one_group
        a_group_named_by_a_rule_stays
        a_group_of_a_load_balancer_stays
        a_group_of_a_node_stays
        groups_are_found_by_tag
        tags_are_deleted_by_key_and_value
        malformed_and_unknown_groups_differ
    }
}
