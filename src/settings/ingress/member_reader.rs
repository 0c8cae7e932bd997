//! What one member is read with.

use super::context::{GroupContext, MemberView};
use crate::annotations::ingress::action::IngressAction;
use crate::annotations::ingress::auth::AuthConfig;
use crate::aws_api::Tags;
use crate::aws_api::elbv2::{JwtAction, RuleCondition, RuleTransform};
use crate::finding::Finding;
use crate::model::ResourceId;
use crate::settings::alb::Contribution;
use crate::settings::ports::PortIndex;
use crate::settings::{ContributorWarning, WarningKind};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// Reads one member.
pub(super) struct MemberReader<'s, 'a> {
    pub group: &'s GroupContext<'a>,
    pub member: &'s MemberView<'a>,
    pub contribution: Contribution<'a>,
    pub parsed: ParsedMember<'a>,
}

impl MemberReader<'_, '_> {
    /// Notes a backend that answers nothing.
    pub fn warn_of_missing_backend(&mut self, kind: WarningKind, finding: Finding) {
        self.contribution.warnings.insert(ContributorWarning { kind, finding });
    }
}

/// What was parsed of one member, so that it is parsed once however many paths it concerns.
#[derive(Debug, Default)]
pub(super) struct ParsedMember<'a> {
    /// Conditions and transforms by name of the backend.
    pub matching: BTreeMap<String, (Vec<RuleCondition>, Vec<RuleTransform>)>,
    /// Actions by name of the backend.
    pub actions: BTreeMap<String, IngressAction>,
    /// Log-in settings by the Service whose annotations win; `None`: those of the Ingress alone.
    pub auth: BTreeMap<Option<String>, AuthConfig>,
    pub jwt: OnceCell<Option<JwtAction>>,
    pub tags: Option<Tags>,
    pub ports: BTreeMap<String, PortIndex<'a>>,
    /// Target groups that were read.
    pub target_groups: BTreeSet<ResourceId>,
}
