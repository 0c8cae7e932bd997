//! One member, compiled on its own: its rules, default actions, target groups and bindings.

use super::auth;
use super::backend::{Backend, Read};
use super::doubt::{Doubt, DoubtKind};
use super::listener::Port;
use super::load_balancer::Front;
use super::rules::{self, Place};
use super::scope::{MemberView, Scope};
use crate::annotations::ingress::action::{Forward, ForwardTarget, IngressAction, WeightedTarget};
use crate::api::ObjectKey;
use crate::build::Origin;
use crate::cloud::Ref;
use crate::cloud::elbv2::{
    FixedResponseAction, ForwardAction, ListenerAction, Protocol, RedirectAction, TargetGroupTuple,
};
use crate::finding::Finding;
use crate::inputs::Halt;
use crate::model::{Binding, Resources, Rule, TargetGroup};
use std::collections::{BTreeMap, BTreeSet};

/// What a member adds to the group.
#[derive(Clone, Debug, Default)]
pub(super) struct Compiled {
    /// Rules by listener, in order, with the paths that they are made of.
    pub rules: BTreeMap<i32, Vec<(Place, Rule)>>,
    /// Default actions by listener.
    pub default_actions: BTreeMap<i32, Vec<ListenerAction>>,
    pub target_groups: Resources<TargetGroup>,
    pub bindings: Resources<Binding>,
    /// Secrets it read.
    pub secrets: BTreeSet<ObjectKey>,
    /// What of it does not do what it seems to.
    pub doubts: BTreeSet<Doubt>,
}

/// Compiles one member.
pub(super) struct Compiler<'s, 'a> {
    pub scope: &'s Scope<'a>,
    pub member: &'s MemberView<'a>,
    pub front: &'s Front,
    pub out: Compiled,
    pub read: Read<'a>,
}

/// Compiles a member for all listeners it has.
pub(super) fn compile(
    scope: &Scope<'_>,
    member: &MemberView<'_>,
    front: &Front,
    ports: &BTreeMap<i32, Port>,
    ssl_redirect: Option<i32>,
) -> Result<Compiled, Halt> {
    let mut compiler = Compiler { scope, member, front, out: Compiled::default(), read: Read::default() };
    for (number, port) in ports {
        let redirected = ssl_redirect.is_some() && !port.is_https();
        if redirected || !port.has(member.index) {
            continue;
        }
        if let Some(actions) = compiler.default_actions(port)? {
            compiler.out.default_actions.insert(*number, actions);
        }
        let rules = rules::build(&mut compiler, port)?;
        compiler.out.rules.insert(*number, rules);
    }
    Ok(compiler.out)
}

/// What an HTTP listener does when requests are redirected to HTTPS.
pub(super) fn redirect_to(port: i32) -> ListenerAction {
    ListenerAction::Redirect(RedirectAction {
        protocol: Some("HTTPS".to_owned()),
        port: Some(port.to_string()),
        status_code: "HTTP_301".to_owned(),
        ..RedirectAction::default()
    })
}

/// What a listener does when nothing matches and no member has a default backend.
pub(super) fn not_found() -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        content_type: Some("text/plain".to_owned()),
        message_body: None,
        status_code: "404".to_owned(),
    })
}

impl Compiler<'_, '_> {
    /// Notes a backend that answers nothing.
    pub fn doubt_backend(&mut self, kind: DoubtKind, finding: Finding) {
        self.out.doubts.insert(Doubt { kind, finding });
    }

    fn default_actions(&mut self, port: &Port) -> Result<Option<Vec<ListenerAction>>, Halt> {
        let Some(backend) = self.member.spec.and_then(|spec| spec.default_backend.as_ref()) else {
            return Ok(None);
        };
        let backend = self.resolve(backend, "spec.defaultBackend")?;
        self.actions(backend, port, "spec.defaultBackend").map(Some)
    }

    /// The actions of a backend behind a listener: log-in or token check (HTTPS only), then the backend's own.
    pub fn actions(
        &mut self,
        backend: Backend,
        port: &Port,
        field: &str,
    ) -> Result<Vec<ListenerAction>, Halt> {
        let mut actions = Vec::new();
        if port.protocol == Protocol::Https {
            actions.extend(auth::build(self, &backend.auth, field)?);
            if backend.jwt.is_some() && !actions.is_empty() {
                let origin = Origin::field(&self.member.object, field);
                let problem = "auth-type and jwt-validation exclude each other";
                return Err(origin.error(problem).hint("take one of them away").into());
            }
            actions.extend(backend.jwt.map(ListenerAction::JwtValidation));
        }
        actions.push(match backend.action {
            IngressAction::FixedResponse(response) => ListenerAction::FixedResponse(response),
            IngressAction::Redirect(redirect) => ListenerAction::Redirect(redirect),
            IngressAction::Forward(forward) => ListenerAction::Forward(self.forward(forward, field)?),
        });
        Ok(actions)
    }

    fn forward(&mut self, forward: Forward, field: &str) -> Result<ForwardAction, Halt> {
        let Forward { targets, stickiness } = forward;
        let mut target_groups = Vec::with_capacity(targets.len());
        for WeightedTarget { target, weight } in targets {
            let target_group = self.target(target, field)?;
            target_groups.push(TargetGroupTuple { target_group, weight });
        }
        let plain = !self.scope.config.features.weighted_target_groups;
        if plain && target_groups.len() != 1 {
            let origin = Origin::field(&self.member.object, field);
            let problem = format!("forwards to {} target groups, expected one", target_groups.len());
            return Err(origin.error(problem).hint("the feature gate WeightedTargetGroups is off").into());
        }
        Ok(ForwardAction { target_groups, stickiness, plain })
    }

    fn target(&mut self, target: ForwardTarget, field: &str) -> Result<Ref, Halt> {
        match target {
            ForwardTarget::Arn(arn) => Ok(Ref::from(arn)),
            ForwardTarget::Name(name) => {
                let found = self.scope.facts.target_group_by_name(&name)??;
                let origin = Origin::field(&self.member.object, field);
                match found {
                    Some(arn) => Ok(Ref::from(arn.as_str())),
                    None => Err(origin.error(format!("there is no target group named {name:?}")).into()),
                }
            }
            ForwardTarget::Service { name, port } => self.target_group(&name, &port, field),
        }
    }
}
