//! From a backend of an Ingress to what it does (upstream's `pkg/ingress/enhanced_backend_builder.go`).

use super::compile::Compiler;
use crate::annotations::ingress::action::{Forward, ForwardTarget, IngressAction, parse_action, unavailable};
use crate::annotations::ingress::auth::{AuthConfig, parse_auth};
use crate::annotations::ingress::condition::parse_conditions;
use crate::annotations::ingress::jwt::parse_jwt;
use crate::annotations::ingress::transform::parse_transforms;
use crate::api::{IntOrString, Service};
use crate::build::Origin;
use crate::cloud::elbv2::{JwtAction, RuleCondition, RuleTransform};
use crate::inputs::Halt;
use crate::inputs::group::USE_ANNOTATION;
use k8s_openapi::api::networking::v1::{IngressBackend, IngressServiceBackend};
use std::collections::BTreeSet;

/// A backend with everything that annotations say about it.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub conditions: Vec<RuleCondition>,
    pub transforms: Vec<RuleTransform>,
    pub action: IngressAction,
    pub auth: AuthConfig,
    pub jwt: Option<JwtAction>,
}

impl<'a> Compiler<'_, 'a> {
    /// Reads a backend and all annotations that concern it. `field` is where it stands.
    pub fn resolve(&self, backend: &IngressBackend, field: &str) -> Result<Backend, Halt> {
        let member = self.member;
        let Some(service) = &backend.service else {
            let origin = Origin::field(&member.object, format!("{field}.backend"));
            return Err(origin.error("has no service; resource backends are not supported").into());
        };
        let conditions =
            parse_conditions(&member.annotations, &service.name).map_err(|fault| member.blame(fault))?;
        let transforms =
            parse_transforms(&member.annotations, &service.name).map_err(|fault| member.blame(fault))?;
        let action = self.check_services(self.declared_action(service)?, field)?;
        let auth = self.auth_of(&action)?;
        let jwt = parse_jwt(&member.annotations).map_err(|fault| member.blame(fault))?;
        Ok(Backend { conditions, transforms, action, auth, jwt })
    }

    fn declared_action(&self, service: &IngressServiceBackend) -> Result<IngressAction, Halt> {
        let port = service.port.as_ref();
        let name = port.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty());
        match name {
            Some(USE_ANNOTATION) => self.annotated_action(&service.name),
            Some(name) => {
                let port = IntOrString::String(name.to_owned());
                Ok(IngressAction::Forward(Forward::to_service(&service.name, port)))
            }
            None => {
                let number = port.and_then(|port| port.number).unwrap_or_default();
                Ok(IngressAction::Forward(Forward::to_service(&service.name, IntOrString::Int(number))))
            }
        }
    }

    fn annotated_action(&self, name: &str) -> Result<IngressAction, Halt> {
        let member = self.member;
        match parse_action(&member.annotations, name).map_err(|fault| member.blame(fault))? {
            Some(action) => Ok(action),
            None if self.scope.config.tolerate_non_existent_backend_action => {
                Ok(unavailable("Backend action does not exist"))
            }
            None => {
                let origin = member.origin(&format!("actions.{name}"));
                Err(origin.error("is missing, although a backend uses it").into())
            }
        }
    }

    /// Services that an action forwards to must exist; a lone one may be missing, if that is tolerated.
    fn check_services(&self, action: IngressAction, field: &str) -> Result<IngressAction, Halt> {
        let IngressAction::Forward(forward) = &action else { return Ok(action) };
        let names: BTreeSet<&str> = forward.services().collect();
        for name in names {
            if self.service(name)?.is_some() {
                continue;
            }
            let tolerated = self.scope.config.tolerate_non_existent_backend_service;
            if tolerated && forward.targets.len() == 1 {
                return Ok(unavailable("Backend service does not exist"));
            }
            let origin = Origin::field(&self.member.object, field);
            let problem = format!("service {}/{name} does not exist", self.member.namespace());
            return Err(origin.error(problem).into());
        }
        Ok(action)
    }

    /// A Service in the namespace of the Ingress.
    pub fn service(&self, name: &str) -> Result<Option<&'a Service>, Halt> {
        let found = self.scope.facts.service(self.member.namespace(), name)??;
        Ok(found.as_deref())
    }

    /// Log-in settings; a lone Service's annotations win over the Ingress's.
    fn auth_of(&self, action: &IngressAction) -> Result<AuthConfig, Halt> {
        let lone = match action {
            IngressAction::Forward(forward) => match forward.targets.as_slice() {
                [only] => match &only.target {
                    ForwardTarget::Service { name, .. } => self.service(name)?,
                    ForwardTarget::Arn(_) | ForwardTarget::Name(_) => None,
                },
                _ => None,
            },
            IngressAction::FixedResponse(_) | IngressAction::Redirect(_) => None,
        };
        match lone {
            Some(service) => {
                let overlay = self.member.with_service(service);
                Ok(parse_auth(&overlay.annotations).map_err(|fault| overlay.blame(fault))?)
            }
            None => Ok(parse_auth(&self.member.annotations).map_err(|fault| self.member.blame(fault))?),
        }
    }
}
