//! One member, read on its own: its rules, default actions and target groups.

use super::backend::ResolvedBackend;
use super::context::{GroupContext, MemberView};
use super::listeners::Listeners;
use super::member_reader::{MemberReader, ParsedMember};
use super::{auth, rules};
use crate::annotations::ingress::action::{Forward, ForwardTarget, IngressAction, WeightedTarget};
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ForwardAction, ListenerAction, TargetGroupTuple};
use crate::facts::BuildError;
use crate::settings::Origin;
use crate::settings::alb::{AlbListenerSettings, Contribution};

/// What a member brings to all listeners that it has.
pub(super) fn read<'a>(
    group: &GroupContext<'a>,
    member: &MemberView<'a>,
    listeners: &Listeners,
    ssl_redirect: Option<i32>,
) -> Result<Contribution<'a>, BuildError> {
    let (contribution, parsed) = (Contribution::default(), ParsedMember::default());
    let mut reader = MemberReader { group, member, contribution, parsed };
    for (number, listener) in listeners {
        let redirected = ssl_redirect.is_some() && !listener.is_https();
        if redirected || !listener.has(member.index) {
            continue;
        }
        if let Some(actions) = reader.default_actions(listener)? {
            reader.contribution.default_actions.insert(*number, actions);
        }
        let rules = rules::read(&mut reader, listener)?;
        reader.contribution.rules.insert(*number, rules);
    }
    Ok(reader.contribution)
}

impl MemberReader<'_, '_> {
    fn default_actions(
        &mut self,
        listener: &AlbListenerSettings,
    ) -> Result<Option<Vec<ListenerAction>>, BuildError> {
        let Some(backend) = self.member.spec.and_then(|spec| spec.default_backend.as_ref()) else {
            return Ok(None);
        };
        let backend = self.resolve(backend, "spec.defaultBackend")?;
        self.actions(backend, listener, "spec.defaultBackend").map(Some)
    }

    /// The actions of a backend behind a listener: log-in or token check (HTTPS only), then the backend's own.
    pub fn actions(
        &mut self,
        backend: ResolvedBackend,
        listener: &AlbListenerSettings,
        field: &str,
    ) -> Result<Vec<ListenerAction>, BuildError> {
        let mut actions = Vec::new();
        if listener.is_https() {
            actions.extend(auth::read(self, &backend.auth, field)?);
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

    fn forward(&mut self, forward: Forward, field: &str) -> Result<ForwardAction, BuildError> {
        let Forward { targets, stickiness } = forward;
        let mut target_groups = Vec::with_capacity(targets.len());
        for WeightedTarget { target, weight } in targets {
            let target_group = self.target(target, field)?;
            target_groups.push(TargetGroupTuple { target_group, weight });
        }
        let plain = !self.group.config.features.weighted_target_groups;
        if plain && target_groups.len() != 1 {
            let origin = Origin::field(&self.member.object, field);
            let problem = format!("forwards to {} target groups, expected one", target_groups.len());
            return Err(origin.error(problem).hint("the feature gate WeightedTargetGroups is off").into());
        }
        Ok(ForwardAction { target_groups, stickiness, plain })
    }

    fn target(&mut self, target: ForwardTarget, field: &str) -> Result<Ref, BuildError> {
        match target {
            ForwardTarget::Arn(arn) => Ok(Ref::from(arn)),
            ForwardTarget::Name(name) => {
                let found = self.group.facts.target_group_by_name(&name)??;
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
