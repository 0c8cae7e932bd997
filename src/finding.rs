//! What is wrong with what the user wrote: collected, never thrown.

mod spelling;

pub use spelling::{did_you_mean, likely, nearest};
use std::fmt;

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, but likely not as meant.
    Warning,
    /// Cannot be built.
    Error,
}

/// A Kubernetes object, as messages name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Kind, for example `Service`.
    pub kind: &'static str,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_lowercase();
        if self.namespace.is_empty() {
            write!(f, "{kind}/{}", self.name)
        } else {
            write!(f, "{kind}/{}/{}", self.namespace, self.name)
        }
    }
}

/// The part of a build that came to nothing, as upstream's metrics tell failures apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum Part {
    /// Scheme of a Service's load balancer.
    Scheme,
    /// Address families of a Service's load balancer.
    IpAddressType,
    /// Subnets of a Service's load balancer.
    Subnets,
    /// The load balancer, or what is left of it.
    LoadBalancer,
    /// Listeners of a Service.
    Listeners,
    /// Certificates of an Ingress.
    Certificates,
    /// The redirect to HTTPS.
    SslRedirect,
    /// Listeners of an Ingress group.
    Listener,
    /// Rules of listeners, with their backends.
    Rules,
    /// Web ACLs and Shield.
    Addons,
    /// The NLB in front of an ALB.
    FrontendNlb,
}

impl Part {
    /// As upstream's metrics label a failure.
    pub fn label(self) -> &'static str {
        match self {
            Self::Scheme => "build_load_balancer_scheme_error",
            Self::IpAddressType => "build_load_balancer_ip_address_type_error",
            Self::Subnets => "build_load_balancer_subnets_error",
            Self::LoadBalancer => "build_load_balancer_error",
            Self::Listeners => "build_listeners_error",
            Self::Certificates => "build_certificate_error",
            // why: upstream's spelling
            Self::SslRedirect => "build_ssl_redirct_config_error",
            Self::Listener => "build_listener_error",
            Self::Rules => "build_listener_rule_error",
            Self::Addons => "build_load_balancer_addons",
            Self::FrontendNlb => "build_frontend_nlb",
        }
    }
}

/// One mistake of the user: what is wrong, where, and what would be right.
///
/// The text is stable (no ids that change, no timestamps), so that events with it aggregate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Whether it is a mistake or a warning.
    pub severity: Severity,
    /// The object that it is about.
    pub object: ObjectRef,
    /// Annotation key or field path.
    pub field: Option<String>,
    /// What is wrong, with the offending value: lower case, no full stop.
    pub message: String,
    /// What to do, for example ``did you mean `internet-facing`?``
    pub hint: Option<String>,
    /// What could not be built for it; not part of the text.
    pub part: Option<Part>,
}

impl Finding {
    /// Something that cannot be built.
    pub fn error(object: &ObjectRef, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            object: object.clone(),
            field: None,
            message: shorten(message.into()),
            hint: None,
            part: None,
        }
    }

    /// Something that works, but likely not as meant.
    pub fn warning(object: &ObjectRef, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(object, message) }
    }

    /// Names the annotation or field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Proposes the likeliest of the right spellings, if there are not too many.
    #[must_use]
    pub fn suggest<'a>(self, value: &str, allowed: impl IntoIterator<Item = &'a str>) -> Self {
        match did_you_mean(&likely(value, allowed, &[])) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Says what could not be built, unless that is said more precisely already.
    #[must_use]
    pub fn within(mut self, part: Part) -> Self {
        self.part = self.part.or(Some(part));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(shorten(hint.into()));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if let Some(field) = &self.field {
            write!(f, " {field}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// Values of which one is expected, as text: `a, b or c`.
pub fn alternatives(allowed: &[&str]) -> String {
    let shown: Vec<&str> =
        allowed.iter().map(|value| if value.is_empty() { "\"\"" } else { *value }).collect();
    match shown.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The longest message, in bytes: whoever reads it must see what is wrong at a glance.
const MAX_MESSAGE: usize = 1024;
/// What of a longer one is shown from its start, where the value stands, in bytes.
const SHOWN_START: usize = 300;

/// A text of at most 1024 bytes: what is left out of a longer one stands in its middle, since messages begin with the value and
/// end with what is expected.
pub fn shorten(text: String) -> String {
    shorten_to(text, MAX_MESSAGE)
}

/// The same, of at most so many bytes, 512 or more.
pub fn shorten_to(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let left_out = format!("… ({} bytes) …", text.len());
    let start = text.get(..text.floor_char_boundary(SHOWN_START)).unwrap_or_default();
    let rest = most.saturating_sub(SHOWN_START + left_out.len());
    let end = text.get(text.ceil_char_boundary(text.len() - rest)..).unwrap_or_default();
    format!("{start}{left_out}{end}")
}

/// For how many mistakes of one kind in one object, and among how many right spellings, the nearest is looked for.
const SUGGESTIONS: usize = 20;
const CANDIDATES: usize = 200;

/// The right spellings that the mistake at this place of its list is compared with: none behind the first mistakes, since each
/// comparison takes all spellings.
pub fn compared<'a>(at: usize, allowed: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    allowed.into_iter().take(if at < SUGGESTIONS { CANDIDATES } else { 0 })
}

/// How many of a list are named in a message.
const NAMED: usize = 10;

/// A list in a message: the first ten, then how many more there are.
///
/// ```
/// use aws_load_balancer_controller::finding::enumerate;
/// assert_eq!(enumerate(["a", "b"]), "a, b");
/// assert_eq!(enumerate(["a"; 12]), "a, a, a, a, a, a, a, a, a, a and 2 more");
/// ```
pub fn enumerate<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items = items.into_iter();
    let named: Vec<String> = items.by_ref().take(NAMED).map(|item| item.to_string()).collect();
    let named = named.join(", ");
    match items.count() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The findings of one build or admission check, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one finding at the end.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds findings at the end.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// Those that prevent a build.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Whether something cannot be built.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests;
