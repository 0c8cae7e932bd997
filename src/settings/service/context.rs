//! The Service whose settings are read, with everything that may be looked at.

use crate::annotations::{Annotations, NLB_PREFIX};
use crate::api::{IntOrString, Service, ServicePort, meta::ObjectKey};
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::finding::{Finding, ObjectRef};
use crate::settings::Origin;
use crate::settings::ports::{self, PortIndex};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// The Service that owns the load balancer. Its annotations count for everything, also for the target groups of other
/// Services.
pub(super) struct ServiceContext<'a> {
    pub service: &'a Service,
    pub object: ObjectRef,
    pub annotations: Annotations<'a>,
    pub facts: &'a Facts,
    pub config: &'a Config,
    pub read: PortSettings<'a>,
}

/// What every port needs, read once.
#[derive(Default)]
pub(super) struct PortSettings<'a> {
    pub ports: OnceCell<PortIndex<'a>>,
    /// Attributes of all target groups.
    pub attributes: OnceCell<Result<BTreeMap<String, String>, BuildError>>,
    /// Ports with proxy protocol.
    pub proxied: OnceCell<Result<Option<BTreeSet<String>>, BuildError>>,
    pub node_labels: OnceCell<Result<Option<BTreeMap<String, String>>, BuildError>>,
    pub source_ranges: OnceCell<Result<Vec<String>, BuildError>>,
}

impl<'a> ServiceContext<'a> {
    pub fn new(service: &'a Service, facts: &'a Facts, config: &'a Config) -> Self {
        let key = ObjectKey::of(service);
        Self {
            service,
            object: ObjectRef {
                kind: "Service",
                namespace: key.namespace().to_owned(),
                name: key.name().to_owned(),
            },
            annotations: Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref()),
            facts,
            config,
            read: PortSettings::default(),
        }
    }

    /// A port of the Service or of another one.
    pub fn find_port(&self, service: &'a Service, port: &IntOrString) -> Option<&'a ServicePort> {
        if std::ptr::eq(self.service, service) {
            return self.read.ports.get_or_init(|| PortIndex::of(self.service)).find(port);
        }
        ports::find(service, port)
    }

    pub fn string(&self, suffix: &str) -> Option<&'a str> {
        self.annotations.string(suffix)
    }

    pub fn list(&self, suffix: &str) -> Option<Vec<String>> {
        self.annotations.list(suffix)
    }

    pub fn boolean(&self, suffix: &str) -> Result<Option<bool>, BuildError> {
        self.annotations.boolean(suffix).map_err(|error| error.found_on(&self.object).into())
    }

    pub fn int32(&self, suffix: &str) -> Result<Option<i32>, BuildError> {
        self.annotations.int32(suffix).map_err(|error| error.found_on(&self.object).into())
    }

    pub fn map(&self, suffix: &str) -> Result<Option<BTreeMap<String, String>>, BuildError> {
        self.annotations.map(suffix).map_err(|error| error.found_on(&self.object).into())
    }

    /// A text that must be one of `allowed`.
    pub fn choice(&self, suffix: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, BuildError> {
        let Some(value) = self.string(suffix) else { return Ok(None) };
        match allowed.iter().find(|candidate| **candidate == value) {
            Some(chosen) => Ok(Some(chosen)),
            None => Err(self.origin(suffix).not_one_of(value, allowed).into()),
        }
    }

    /// The error for a value that is not what it should be.
    pub fn invalid(&self, suffix: &str, expected: &str) -> Finding {
        self.annotations.error(suffix, expected).found_on(&self.object)
    }

    pub fn origin(&self, suffix: &str) -> Origin {
        Origin::field(&self.object, self.annotations.key(suffix))
    }

    pub fn error(&self, suffix: &str, message: impl Into<String>) -> Finding {
        self.origin(suffix).error(message)
    }

    pub fn warning(&self, suffix: &str, message: impl Into<String>) -> Finding {
        Finding::warning(&self.object, message).at(self.annotations.key(suffix))
    }
}
