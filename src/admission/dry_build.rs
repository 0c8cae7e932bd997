//! Dry builds: what the real builder finds wrong with an object that AWS would do everything for.
//!
//! The builder stops at the first mistake. To find all of them, the annotation it blames is taken out (or set right, where the
//! builder says how), and it builds again, as often as the size of the object allows ([`AttemptBudget`]). Of values that are
//! known to be wrong only the first few are taken out one by one ([`ONE_BY_ONE`]); the others count as read.

use super::permissive_facts::{KnownServices, PermissiveAws};
use crate::annotations::table;
use crate::api::{Ingress, IngressClassParams, IntOrString, ObjectKey, Service, ServicePort};
use crate::aws_api::elbv2::{LoadBalancerType, Scheme};
use crate::builder::ingress::{BuiltGroup, MemberOutcome};
use crate::builder::{self, Built};
use crate::config::Config;
use crate::facts::group::{IngressGroup, Member, backends, group_of, parse_order};
use crate::facts::object_refs::{ingress_ref, service_ref};
use crate::facts::{BuildError, Facts};
use crate::finding::{Finding, ObjectRef, Part, Severity};
use crate::model::Stack;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often a small object is built at most: far more than anybody makes mistakes.
const MAX_ATTEMPTS: usize = 128;
/// How often the largest is built at least: as it is, and without what its values are warned about for.
const MIN_ATTEMPTS: usize = 4;
/// Values known to be wrong that are taken out one by one, as builds stumble on them. Then all the others are taken out at once:
/// each is told as wrong already, and one build for each would take time by the square of their number.
const ONE_BY_ONE: usize = 8;
/// What all attempts together may cost, in units of [`AttemptBudget::of_one`].
const ALL_ATTEMPTS: usize = 400_000;
/// Node ports that a Service will be given.
const FIRST_NODE_PORT: i32 = 30_000;

/// What came of a dry build.
#[derive(Clone, Debug, Default)]
pub struct DryBuild {
    /// What the builder has to say.
    pub findings: Vec<Finding>,
    /// What is built once its mistakes are taken away; `None`: they cannot be.
    pub stack: Option<Stack>,
    /// Annotations with a warning without which the same is built: nothing reads their values.
    pub unread: BTreeSet<String>,
}

/// How a dry build is made.
#[derive(Clone, Copy, Debug)]
pub struct DryBuildOptions<'s> {
    /// Settings of the controller.
    pub config: &'s Config,
    /// Whether there is no load balancer yet.
    pub is_new: bool,
    /// Services that are known as they are.
    pub others: &'s Arc<KnownServices>,
    /// Annotations whose values are warned about.
    pub invalid_keys: &'s BTreeSet<String>,
}

impl DryBuild {
    /// What prevents the build.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Annotations without which the same is built, and on whose values no build has stumbled.
    ///
    /// They are taken out all at once, then in halves of what makes a difference: one that is read costs the logarithm of
    /// their number in builds, all that are not cost one. Those for which no attempt is left count as read.
    fn unread_among<K: kube::Resource + Clone>(
        &self,
        invalid_keys: &BTreeSet<String>,
        object: &K,
        attempts_left: &mut AttemptBudget,
        attempt: impl Fn(&K) -> BuildOutcome,
    ) -> BTreeSet<String> {
        if self.stack.is_none() {
            return BTreeSet::new();
        }
        let blamed: BTreeSet<&str> = self.errors().filter_map(|finding| finding.field.as_deref()).collect();
        let present = object.meta().annotations.as_ref();
        let is_there = |key: &&String| present.is_some_and(|all| all.contains_key(*key));
        let rest = invalid_keys.iter().filter(|key| !blamed.contains(key.as_str())).filter(is_there);
        let mut unread = BTreeSet::new();
        let mut pending = vec![rest.cloned().collect::<Vec<_>>()];
        while let Some(keys) = pending.pop() {
            if keys.is_empty() || !attempts_left.spend() {
                continue;
            }
            let mut without = object.clone();
            take_out(&mut without, &keys);
            if attempt(&without).is_ok_and(|(_, built)| built == self.stack) {
                unread.extend(keys);
            } else if keys.len() > 1 {
                let (first, second) = keys.split_at(keys.len() / 2);
                pending.extend([second.to_vec(), first.to_vec()]);
            }
        }
        unread
    }
}

fn take_out<'k, K: kube::Resource>(object: &mut K, keys: impl IntoIterator<Item = &'k String>) {
    if let Some(all) = object.meta_mut().annotations.as_mut() {
        for key in keys {
            all.remove(key);
        }
    }
}

/// Whether right values of an annotation make no difference either. why: a wrong value that counts as absent is read all the
/// same. One for which no attempt is left counts as read.
fn is_unread_when_right<K: kube::Resource + Clone>(
    key: &str,
    object: &K,
    stack: Option<&Stack>,
    attempts_left: &mut AttemptBudget,
    attempt: impl Fn(&K) -> BuildOutcome,
) -> bool {
    right_values(key).iter().all(|value| {
        if !attempts_left.spend() {
            return false;
        }
        let mut right = object.clone();
        right.meta_mut().annotations.get_or_insert_default().insert(key.to_owned(), (*value).to_owned());
        attempt(&right).is_ok_and(|(_, built)| built.as_ref() == stack)
    })
}

/// Right values of an annotation whose wrong values count as absent.
fn right_values(key: &str) -> &'static [&'static str] {
    table::find(key).filter(|row| row.is_lenient).map_or(&[], |row| row.examples)
}

/// How many attempts are left.
///
/// A build takes time in proportion to the object. So the larger the object, the fewer mistakes of it are found at a time.
#[derive(Clone, Copy, Debug)]
struct AttemptBudget(usize);

impl AttemptBudget {
    /// For an object of so many bytes of annotations and so many backends, ports and ranges.
    fn for_object(bytes: usize, parts: usize) -> Self {
        Self((ALL_ATTEMPTS / Self::of_one(bytes, parts)).clamp(MIN_ATTEMPTS, MAX_ATTEMPTS))
    }

    /// What one attempt costs: about a microsecond each.
    fn of_one(bytes: usize, parts: usize) -> usize {
        1 + bytes / 32 + parts * 8
    }

    fn of_service(service: &Service) -> Self {
        let spec = service.spec.as_ref();
        let ports = spec.and_then(|spec| spec.ports.as_ref()).map_or(0, Vec::len);
        let ranges = spec.and_then(|spec| spec.load_balancer_source_ranges.as_ref()).map_or(0, Vec::len);
        Self::for_object(bytes(service), ports + ranges)
    }

    fn of_ingress(ingress: &Ingress) -> Self {
        Self::for_object(bytes(ingress), backends(ingress).len())
    }

    fn is_spent(self) -> bool {
        self.0 == 0
    }

    /// Whether there is one left; then it is used.
    fn spend(&mut self) -> bool {
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        is_left
    }
}

fn bytes<K: kube::Resource>(object: &K) -> usize {
    object.meta().annotations.iter().flatten().map(|(key, value)| key.len() + value.len()).sum()
}

/// What one build came to: what it has to say and what it makes, or the mistake that stopped it.
type BuildOutcome = Result<(Vec<Finding>, Option<Stack>), Box<Finding>>;

/// Builds a Service until nothing is wrong any more.
pub fn dry_build_service(service: &Service, options: &DryBuildOptions<'_>) -> DryBuild {
    let completed = completed(service);
    with_known_services(&service_ref(service), options.others, |others| {
        let permissive_aws =
            |service: &Service| PermissiveAws::for_service(service).with_known_services(others);
        let attempts_left = AttemptBudget::of_service(service);
        collect_errors(&mut completed.clone(), options.invalid_keys, attempts_left, |service| {
            let existing = |scheme, has_groups| {
                permissive_aws(service).with_existing(LoadBalancerType::Network, scheme, has_groups)
            };
            first_buildable(&permissive_aws(service), existing, options.is_new, |permissive_aws| {
                let built = build_service(service, permissive_aws, options.config)?;
                let found = |built: Built| (built.findings.into_iter().collect(), Some(built.stack));
                Ok(built.map(found).unwrap_or_default())
            })
        })
    })
}

/// Builds an Ingress on its own until nothing is wrong any more.
pub fn dry_build_ingress(
    ingress: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    options: &DryBuildOptions<'_>,
) -> DryBuild {
    let dry_build = dry_build_ingress_of(ingress, params, options);
    let Some(lighter) = params.filter(|_| dry_build.stack.is_none()).and_then(without_redirect) else {
        return dry_build;
    };
    // why: the redirect of a class cannot be taken out of the Ingress, and would hide all other mistakes
    let (redirect, _): (Vec<Finding>, Vec<Finding>) =
        dry_build.findings.iter().cloned().partition(|finding| finding.part == Some(Part::SslRedirect));
    if redirect.is_empty() {
        return dry_build;
    }
    let mut rest = dry_build_ingress_of(ingress, Some(&lighter), options);
    rest.findings.extend(redirect);
    rest
}

fn dry_build_ingress_of(
    ingress: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    options: &DryBuildOptions<'_>,
) -> DryBuild {
    with_known_services(&ingress_ref(ingress), options.others, |others| {
        let permissive_aws =
            |ingress: &Ingress| PermissiveAws::for_ingress(ingress).with_known_services(others);
        let attempts_left = AttemptBudget::of_ingress(ingress);
        collect_errors(&mut ingress.clone(), options.invalid_keys, attempts_left, |ingress| {
            let existing = |scheme, has_groups| {
                permissive_aws(ingress).with_existing(LoadBalancerType::Application, scheme, has_groups)
            };
            first_buildable(&permissive_aws(ingress), existing, options.is_new, |permissive_aws| {
                attempt_ingress(ingress, params, permissive_aws, options.config)
            })
        })
    })
}

/// Parameters without the redirect, if they have one.
fn without_redirect(params: &Arc<IngressClassParams>) -> Option<Arc<IngressClassParams>> {
    params.spec.ssl_redirect_port.as_ref()?;
    let mut lighter = IngressClassParams::clone(params);
    lighter.spec.ssl_redirect_port = None;
    Some(Arc::new(lighter))
}

/// What a group comes to whose members are all known; `None`: it cannot be told.
pub fn build_group(
    group: &IngressGroup,
    permissive_aws: &PermissiveAws,
    config: &Config,
) -> Option<BuiltGroup> {
    build_with_answers(permissive_aws, config, |facts| builder::ingress::build(group, facts, config))
        .ok()
        .flatten()
}

fn attempt_ingress(
    ingress: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    permissive_aws: &PermissiveAws,
    config: &Config,
) -> BuildOutcome {
    let Some(built) = build_ingress(ingress, params, permissive_aws, config)? else {
        return Ok(Default::default());
    };
    let findings = built.members.iter().flat_map(MemberOutcome::diagnostics);
    match (built.stack, findings.collect::<Vec<_>>()) {
        (stack @ Some(_), findings) => Ok((findings, stack)),
        (None, findings) => {
            findings.into_iter().next().map_or(Ok(Default::default()), |first| Err(Box::new(first)))
        }
    }
}

/// Tries with the Services that are known. If one of them has a mistake, which is told of that one, they are all taken to
/// be as they should be.
fn with_known_services(
    object: &ObjectRef,
    others: &Arc<KnownServices>,
    attempt: impl Fn(&Arc<KnownServices>) -> DryBuild,
) -> DryBuild {
    let dry_build = attempt(others);
    let is_others = |finding: &Finding| finding.object != *object;
    if others.is_empty() || !dry_build.findings.iter().any(is_others) {
        dry_build
    } else {
        attempt(&Arc::default())
    }
}

/// The stack of a Service that has a load balancer already, if nothing is wrong with it.
pub fn service_stack(service: &Service, config: &Config) -> Option<Stack> {
    let service = completed(service);
    let attempt = |permissive_aws: &PermissiveAws| {
        build_service(&service, permissive_aws, config).ok().flatten().map(|built| built.stack)
    };
    let with =
        |scheme| PermissiveAws::for_service(&service).with_existing(LoadBalancerType::Network, scheme, true);
    attempt(&PermissiveAws::for_service(&service)).or_else(|| attempt(&with(Scheme::InternetFacing)))
}

/// The stack of an Ingress on its own, if nothing is wrong with it.
pub fn ingress_stack(
    ingress: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    config: &Config,
) -> Option<Stack> {
    build_ingress(ingress, params, &PermissiveAws::for_ingress(ingress), config).ok().flatten()?.stack
}

/// The stack a Service would get.
fn build_service(
    service: &Service,
    permissive_aws: &PermissiveAws,
    config: &Config,
) -> Result<Option<Built>, Box<Finding>> {
    build_with_answers(permissive_aws, config, |facts| builder::service::build(service, facts, config))
}

fn build_ingress(
    ingress: &Ingress,
    params: Option<&Arc<IngressClassParams>>,
    permissive_aws: &PermissiveAws,
    config: &Config,
) -> Result<Option<BuiltGroup>, Box<Finding>> {
    let id =
        group_of(ingress, params.map(Arc::as_ref)).map_err(|problem| Box::new(problem.found_on(ingress)))?;
    let defect = parse_order(ingress).err().map(|finding| *finding);
    let member = Member {
        key: ObjectKey::of(ingress),
        ingress: Arc::new(ingress.clone()),
        params: params.cloned(),
        defect,
        refusal: None,
    };
    let group = IngressGroup { id, members: vec![member], departing: Vec::new() };
    build_with_answers(permissive_aws, config, |facts| builder::ingress::build(&group, facts, config))
}

/// Builds, asking the world what is not known yet. `None`: it cannot be told.
pub fn build_with_answers<B>(
    permissive_aws: &PermissiveAws,
    config: &Config,
    build: impl Fn(&Facts) -> Result<B, BuildError>,
) -> Result<Option<B>, Box<Finding>> {
    let (mut facts, mut asked) = (Facts::default(), BTreeSet::new());
    loop {
        match build(&facts) {
            Ok(built) => return Ok(Some(built)),
            Err(BuildError::MissingFacts(lookups)) => {
                for lookup in lookups {
                    // why: what is asked twice will be asked for ever
                    if !asked.insert(lookup.clone()) {
                        return Ok(None);
                    }
                    permissive_aws.answer(lookup, &mut facts, config);
                }
            }
            Err(BuildError::Invalid(finding)) => return Err(finding),
            Err(BuildError::LookupFailed(_)) => return Ok(None),
        }
    }
}

/// The first world that can build it has the say; if none can, the one without a load balancer.
fn first_buildable(
    fresh: &PermissiveAws,
    existing: impl Fn(Scheme, bool) -> PermissiveAws,
    is_new: bool,
    attempt: impl Fn(&PermissiveAws) -> BuildOutcome,
) -> BuildOutcome {
    let first = attempt(fresh);
    if is_new || first.is_ok() {
        return first;
    }
    let schemes = [Scheme::InternetFacing, Scheme::Internal];
    let variants = schemes.into_iter().flat_map(|scheme| [(scheme.clone(), true), (scheme, false)]);
    let built =
        variants.map(|(scheme, has_groups)| attempt(&existing(scheme, has_groups))).find(Result::is_ok);
    built.unwrap_or(first)
}

/// Notes a mistake, takes it away, builds on.
fn collect_errors<K: kube::Resource + Clone>(
    object: &mut K,
    invalid_keys: &BTreeSet<String>,
    mut attempts_left: AttemptBudget,
    attempt: impl Fn(&K) -> BuildOutcome,
) -> DryBuild {
    let mut dry_build = DryBuild::default();
    let (mut last, mut known) = (None, 0);
    while attempts_left.spend() {
        match attempt(object) {
            Ok((found, stack)) => {
                dry_build.findings.extend(found);
                dry_build.stack = stack;
                dry_build.unread = dry_build.unread_among(invalid_keys, object, &mut attempts_left, &attempt);
                let stack = dry_build.stack.as_ref();
                dry_build
                    .unread
                    .retain(|key| is_unread_when_right(key, object, stack, &mut attempts_left, &attempt));
                break;
            }
            Err(finding) => {
                known +=
                    usize::from(finding.field.as_ref().is_some_and(|field| invalid_keys.contains(field)));
                let repaired = repair(object.meta_mut().annotations.as_mut(), &finding);
                if known == ONE_BY_ONE {
                    take_out(object, invalid_keys);
                }
                last = Some(finding.object.clone()).filter(|_| repaired);
                if !is_consequence(&finding, &dry_build.findings) {
                    dry_build.findings.push(*finding);
                }
                if !repaired {
                    break;
                }
            }
        }
    }
    // why: whoever has corrected what is told must not be surprised
    if let Some(object) = last.filter(|_| dry_build.stack.is_none() && attempts_left.is_spent()) {
        let problem = "is so large that not all its mistakes were looked for: there may be more";
        dry_build.findings.push(Finding::warning(&object, problem));
    }
    dry_build
}

/// Sets the blamed annotation right, or takes it out; `false`: there is none.
fn repair(annotations: Option<&mut BTreeMap<String, String>>, finding: &Finding) -> bool {
    let (Some(annotations), Some(field)) = (annotations, &finding.field) else { return false };
    let Some(value) = annotations.get_mut(field) else { return false };
    match suggested_value(finding) {
        Some(right) if right != value.as_str() && finding.message.starts_with(&format!("{value:?}")) => {
            right.clone_into(value);
        }
        _ => {
            annotations.remove(field);
        }
    }
    true
}

/// The value that a finding proposes instead of the whole annotation.
fn suggested_value(finding: &Finding) -> Option<&str> {
    let right = finding.hint.as_deref()?.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    // why: a hint may name two
    (!right.contains('`')).then_some(right)
}

/// Whether a finding follows from one before: it asks to set an annotation that was wrong and has been taken out.
fn is_consequence(finding: &Finding, earlier: &[Finding]) -> bool {
    let asks_for = |field: &str| finding.hint.as_deref().is_some_and(|hint| hint.contains(field));
    earlier.iter().filter_map(|earlier| earlier.field.as_deref()).any(asks_for)
}

/// The Service as the API server will store it: with node ports, which it hands out after admission.
pub fn completed(service: &Service) -> Service {
    let mut service = service.clone();
    let Some(spec) = service.spec.as_mut() else { return service };
    let has_node_ports = match spec.type_.as_deref() {
        Some("LoadBalancer") => spec.allocate_load_balancer_node_ports != Some(false),
        Some("NodePort") => true,
        _ => false,
    };
    if has_node_ports {
        spec.ports.iter_mut().flatten().zip(FIRST_NODE_PORT..).for_each(|(port, number)| fill(port, number));
    }
    if spec.external_traffic_policy.as_deref() == Some("Local") {
        spec.health_check_node_port.get_or_insert(FIRST_NODE_PORT - 1);
    }
    service
}

fn fill(port: &mut ServicePort, number: i32) {
    if port.node_port.unwrap_or_default() == 0 {
        port.node_port = Some(number);
    }
    port.target_port.get_or_insert(IntOrString::Int(port.port));
}

#[cfg(test)]
mod tests;
