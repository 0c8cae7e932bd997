//! From a backend of an Ingress to what it does (upstream's `pkg/ingress/enhanced_backend_builder.go`).

use super::member_reader::MemberReader;
use crate::annotations::ingress::action::{
    Forward, ForwardTarget, IngressAction, WeightedTarget, parse_action, unavailable,
};
use crate::annotations::ingress::auth::{AuthConfig, parse_auth};
use crate::annotations::ingress::condition::parse_conditions;
use crate::annotations::ingress::jwt::parse_jwt;
use crate::annotations::ingress::transform::parse_transforms;
use crate::api::{IntOrString, Service};
use crate::aws_api::elbv2::{JwtAction, RuleCondition, RuleTransform};
use crate::facts::BuildError;
use crate::facts::group::USE_ANNOTATION;
use crate::finding::Finding;
use crate::settings::{Origin, WarningKind};
use k8s_openapi::api::networking::v1::{IngressBackend, IngressServiceBackend};
use std::collections::BTreeSet;

/// What is wrong with a name that says `use-annotation` where no annotation says what it does.
pub const MISSING_ACTION: &str = "is missing: backends of this name answer 503";

/// A backend with everything that annotations say about it.
#[derive(Clone, Debug)]
pub(super) struct ResolvedBackend {
    pub conditions: Vec<RuleCondition>,
    pub transforms: Vec<RuleTransform>,
    pub action: IngressAction,
    pub auth: AuthConfig,
    pub jwt: Option<JwtAction>,
}

impl<'a> MemberReader<'_, 'a> {
    /// Reads a backend and all annotations that concern it. `field` is where it stands.
    pub fn resolve(&mut self, backend: &IngressBackend, field: &str) -> Result<ResolvedBackend, BuildError> {
        let member = self.member;
        let Some(service) = &backend.service else {
            let origin = Origin::field(&member.object, format!("{field}.backend"));
            return Err(origin.error("has no service; resource backends are not supported").into());
        };
        let (conditions, transforms) = self.matching(&service.name)?;
        let action = self.declared_action(service)?;
        let action = self.check_services(action, field)?;
        let auth = self.auth_of(&action)?;
        let jwt = self.jwt()?;
        Ok(ResolvedBackend { conditions, transforms, action, auth, jwt })
    }

    fn matching(&mut self, name: &str) -> Result<(Vec<RuleCondition>, Vec<RuleTransform>), BuildError> {
        if let Some(known) = self.parsed.matching.get(name) {
            return Ok(known.clone());
        }
        let member = self.member;
        let conditions = parse_conditions(&member.annotations, name).map_err(|fault| member.blame(fault))?;
        let transforms = parse_transforms(&member.annotations, name).map_err(|fault| member.blame(fault))?;
        let read = (conditions, transforms);
        self.parsed.matching.insert(name.to_owned(), read.clone());
        Ok(read)
    }

    fn jwt(&mut self) -> Result<Option<JwtAction>, BuildError> {
        if let Some(known) = self.parsed.jwt.get() {
            return Ok(known.clone());
        }
        let jwt = parse_jwt(&self.member.annotations).map_err(|fault| self.member.blame(fault))?;
        Ok(self.parsed.jwt.get_or_init(|| jwt).clone())
    }

    fn declared_action(&mut self, service: &IngressServiceBackend) -> Result<IngressAction, BuildError> {
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

    fn annotated_action(&mut self, name: &str) -> Result<IngressAction, BuildError> {
        if let Some(known) = self.parsed.actions.get(name) {
            return Ok(known.clone());
        }
        let action = self.read_action(name)?;
        self.parsed.actions.insert(name.to_owned(), action.clone());
        Ok(action)
    }

    fn read_action(&mut self, name: &str) -> Result<IngressAction, BuildError> {
        let member = self.member;
        match parse_action(&member.annotations, name).map_err(|fault| member.blame(fault))? {
            Some(action) => Ok(action),
            None if self.group.config.tolerate_non_existent_backend_action => {
                let finding = Finding::warning(&member.object, MISSING_ACTION);
                let finding = finding.at(member.annotations.key(&format!("actions.{name}")));
                self.warn_of_missing_backend(WarningKind::NoBackend, finding);
                Ok(unavailable("Backend action does not exist"))
            }
            None => {
                let origin = member.origin(&format!("actions.{name}"));
                Err(origin.error("is missing, although a backend uses it").into())
            }
        }
    }

    /// Services that an action forwards to must exist; a lone one may be missing, if that is tolerated.
    fn check_services(&mut self, action: IngressAction, field: &str) -> Result<IngressAction, BuildError> {
        let IngressAction::Forward(forward) = &action else { return Ok(action) };
        let names: BTreeSet<&str> = forward.services().collect();
        for name in names {
            if self.service(name)?.is_some() {
                continue;
            }
            let tolerated = self.group.config.tolerate_non_existent_backend_service;
            if tolerated && forward.targets.len() == 1 {
                let service = self.member.key.sibling(name);
                let problem =
                    format!("service {service} does not exist: requests to it are answered with 503");
                self.warn_of_missing_backend(
                    WarningKind::NoBackend,
                    Finding::warning(&self.member.object, problem),
                );
                return Ok(unavailable("Backend service does not exist"));
            }
            let origin = Origin::field(&self.member.object, field);
            let problem = format!("service {}/{name} does not exist", self.member.namespace());
            return Err(origin.error(problem).into());
        }
        Ok(action)
    }

    /// A Service in the namespace of the Ingress.
    pub fn service(&self, name: &str) -> Result<Option<&'a Service>, BuildError> {
        let found = self.group.facts.service(self.member.namespace(), name)??;
        Ok(found.as_deref())
    }

    /// Log-in settings; a lone Service's annotations win over the Ingress's.
    fn auth_of(&mut self, action: &IngressAction) -> Result<AuthConfig, BuildError> {
        let lone = match action {
            IngressAction::Forward(forward) => match forward.targets.as_slice() {
                [WeightedTarget { target: ForwardTarget::Service { name, .. }, .. }] => Some(name),
                _ => None,
            },
            IngressAction::FixedResponse(_) | IngressAction::Redirect(_) => None,
        };
        if let Some(known) = self.parsed.auth.get(&lone.cloned()) {
            return Ok(known.clone());
        }
        let auth = self.read_auth(lone.map(String::as_str))?;
        self.parsed.auth.insert(lone.cloned(), auth.clone());
        Ok(auth)
    }

    fn read_auth(&self, service: Option<&str>) -> Result<AuthConfig, BuildError> {
        let service = match service {
            Some(name) => self.service(name)?,
            None => None,
        };
        match service {
            Some(service) => {
                let overlay = self.member.with_service(service);
                Ok(parse_auth(&overlay.annotations).map_err(|fault| overlay.blame(fault))?)
            }
            None => Ok(parse_auth(&self.member.annotations).map_err(|fault| self.member.blame(fault))?),
        }
    }
}
