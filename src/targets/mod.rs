//! Layer 2: which targets a target group shall have, and what one pass over a TargetGroupBinding does about it.
//!
//! Everything here is a pure decision: from views of pods, nodes and endpoints ([`view`]) to the targets wanted
//! ([`endpoints`]), from those and the targets that are there ([`target_group_state`]) to what is registered, what is deregistered
//! and what each pod is told ([`changes`], [`conditions`]), and from `spec.networking` to the rules of the targets' security
//! groups ([`networking`], [`interfaces`]). `deploy::targets` gathers and executes, `controller::binding` drives.
//!
//! Matches upstream's Go packages `pkg/backend`, `pkg/targetgroupbinding` and `pkg/networking`; the end states are the
//! same. It differs on the way there, on purpose: replacements are registered before anything is deregistered, an
//! endpoint whose pod is not in the cache is unknown instead of absent, and removing most targets at once needs a second
//! look at the API server first; and the last targets stay while nothing takes their place ([`last_targets`]).

pub mod changes;
pub mod checkpoint;
pub mod conditions;
pub mod endpoints;
pub mod interfaces;
pub mod last_targets;
pub mod mapping;
pub mod matching;
pub mod multi_cluster;
pub mod networking;
pub mod quic;
pub mod target_group_state;
pub mod view;

#[cfg(test)]
pub(crate) mod test_support;
