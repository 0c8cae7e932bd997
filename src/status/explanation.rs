//! What each event reason means and what to do about it: the rows of `docs/troubleshooting.md`.

use super::event::Reason;

/// What an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Kinds of objects that get it.
    pub kinds: &'static [&'static str],
    /// What has happened.
    pub meaning: &'static str,
    /// What to look at or do, most likely first; empty if nothing is to be done.
    pub remedies: &'static [&'static str],
}

const SERVICES: &[&str] = &["Service"];
const INGRESSES: &[&str] = &["Ingress"];
const BINDINGS: &[&str] = &["TargetGroupBinding"];
const BACKENDS: &[&str] = &["Service", "TargetGroupBinding"];
const SOURCES: &[&str] = &["Service", "Ingress", "Gateway"];
const BUILT: &[&str] = &["Service", "Ingress", "Gateway", "HTTPRoute and other routes"];
const ALL: &[&str] = &["Service", "Ingress", "Gateway", "TargetGroupBinding"];

const ACCELERATORS: &[&str] = &["GlobalAccelerator"];

const API_SERVER: &[&str] = &[
    "It is tried again; a single event means nothing.",
    "If it repeats: the message names who refused. `forbidden` means that the ServiceAccount lacks a right (compare with the chart's \
     ClusterRole); another name is that of an admission webhook in the way.",
];

impl Reason {
    /// What it means.
    pub fn explanation(self) -> Explanation {
        let (kinds, meaning, remedies): (_, _, &[&str]) = match self {
            Self::SuccessfullyReconciled => (ALL, "AWS is as the object wants it.", &[]),
            Self::FailedBuildModel => (
                BUILT,
                "What the object says, or something it refers to, cannot be built. Nothing in AWS was touched for it; in an Ingress \
                 group the other members go on, and of a Gateway the other listeners and routes.",
                &[
                    "Correct what the message names: the object, the annotation or field, the value, and what would be right.",
                    "No subnet is suitable: `doctor` shows where load balancers can be placed and which tags are missing.",
                    "No certificate is found for a host: name one by annotation or in a LoadBalancerConfiguration, or issue one in ACM in this \
                     region.",
                    "AWS could not be asked: the message holds AWS's own error code; see `FailedDeployModel`.",
                ],
            ),
            Self::FailedDeployModel => (
                SOURCES,
                "AWS refused a change, or could not be reached. The message names the operation and AWS's error code. What was done \
                 before stays; it is tried again, ever more slowly.",
                &[
                    "`AccessDenied`, `UnauthorizedOperation`: the role lacks the permission that the message names; compare its policy \
                     with `iam-policy`.",
                    "`TooMany…`, `…LimitExceeded`: a quota is used up. Raise it in Service Quotas, or share load balancers with an \
                     Ingress group.",
                    "`Throttling`, `RequestLimitExceeded`: AWS throttles the calls; they are retried. Act only if it persists.",
                    "`DuplicateLoadBalancerName`, `DuplicateTargetGroupName`: something that is not the controller's has the name. \
                     Choose another name by annotation, or remove it.",
                    "`DependencyViolation`, `ResourceInUse`: something else still uses what is to be deleted, such as a rule that \
                     refers to a security group, or a listener of your own.",
                    "`OperationNotPermitted` on a deletion: deletion protection is on. Switch it off by annotation first.",
                ],
            ),
            Self::FailedAddFinalizer => (
                ALL,
                "The object could not be marked, so nothing is made for it: without the mark it could vanish and leave things behind.",
                API_SERVER,
            ),
            Self::FailedRemoveFinalizer => (
                ALL,
                "Nothing is left in AWS, but the object could not be released, so its deletion waits.",
                API_SERVER,
            ),
            Self::FailedUpdateStatus => {
                (ALL, "AWS is as wanted, but its hostname could not be written to the object.", API_SERVER)
            }
            Self::FailedCleanupStatus => (
                SERVICES,
                "The load balancer is gone, but its hostname is still in the Service's status.",
                API_SERVER,
            ),
            Self::FailedLoadGroupID => (
                INGRESSES,
                "The Ingress cannot be assigned to a group: its class, its group's name or its order is wrong. What it had before stays.",
                &[
                    "`spec.ingressClassName` must name an IngressClass, and its parameters must exist and admit the namespace.",
                    "Of several IngressClasses only one may be the default.",
                    "`alb.ingress.kubernetes.io/group.order` must be a whole number from -1000 to 1000.",
                ],
            ),
            Self::FailedReconcile => (
                BINDINGS,
                "Targets could not be brought in line with the pods. Those that are registered stay.",
                &[
                    "The message holds AWS's error code; see `FailedDeployModel`.",
                    "`TargetGroupNotFound`: the target group was deleted; delete the binding, or name another target group.",
                    "A target lies outside of the VPC or of its zones: check `vpcID` and the nodes' subnets.",
                ],
            ),
            Self::FailedCleanup => (
                BINDINGS,
                "Targets could not be deregistered, so the deletion of the binding waits.",
                &["The message holds AWS's error code; see `FailedDeployModel`."],
            ),
            Self::FailedNetworkReconcile => (
                BINDINGS,
                "Rules that let the load balancer reach the targets could not be written.",
                &[
                    "The security group cannot be determined: an instance or interface has several. Tag one of them \
                     `kubernetes.io/cluster/<cluster>`.",
                    "`RulesPerSecurityGroupLimitExceeded`: use `--disable-restricted-sg-rules`, or raise the quota.",
                    "`InvalidGroup.NotFound`: the group that the field names does not exist in this VPC or a peered one. Correct the \
                     field. The rules of all other bindings are made; this one is tried again every few minutes.",
                ],
            ),
            Self::BackendNotFound => (
                &["Ingress", "TargetGroupBinding"],
                "The Service, its port or the action that a backend names does not exist, or the Service can have no targets. Requests \
                 to it are answered with 503. Nothing is deregistered before it is certain.",
                &[
                    "Correct the name, or create the Service or the annotation; the Ingress and the binding follow by themselves.",
                    "A Service of type ExternalName, or without a selector, has the targets of the EndpointSlices that you make for it.",
                ],
            ),
            Self::WithoutEffect => (
                INGRESSES,
                "Everything is as the Ingress says, but a rule or a setting of it does nothing: another rule stands before it, its \
                 listeners redirect, it leads back to itself, or the controller is told to leave such settings alone.",
                &[
                    "Change or remove what the message names.",
                    "`listen-ports` of the Ingress must name the HTTPS port that `ssl-redirect` of its group leads to.",
                    "Web ACLs and Shield need `--enable-wafv2`, `--enable-waf`, `--enable-shield`.",
                ],
            ),
            Self::DeletionProtected => (
                INGRESSES,
                "The Ingress is deleted, but its annotation protects the load balancer from deletion. Everything stays until that changes.",
                &[
                    "Set `deletion_protection.enabled=false` in `alb.ingress.kubernetes.io/load-balancer-attributes` of the Ingress.",
                ],
            ),
            Self::FailedEndpointLoad => (
                ACCELERATORS,
                "What stands behind an endpoint cannot be told. Nothing in AWS was touched for it.",
                &[
                    "An endpoint of type EndpointID has an empty id: give it the ARN of a load balancer, or the id of an Elastic IP address or \
                     instance.",
                    "AWS could not be asked: the message holds AWS's own error code; it is tried again.",
                ],
            ),
            Self::FailedDeploy => (
                ACCELERATORS,
                "AWS refused a change of the accelerator, of a listener or of an endpoint group. The message names the part of the spec, the \
                 operation and AWS's error code. What was done before stays; it is tried again, ever more slowly.",
                &[
                    "`AccessDeniedException`: the role lacks the policy for GlobalAccelerators: `iam-policy --global-accelerator`.",
                    "`InvalidArgumentException`: AWS does not take a value, for example an address that is in no pool of yours, or a region that \
                     it does not know.",
                    "`LimitExceededException`: a quota is used up. Raise it in Service Quotas.",
                ],
            ),
            Self::WarningEndpoints => (
                ACCELERATORS,
                "Endpoints are left out until they can be used; the others are in AWS. Most of them are heard of when they change; load \
                 balancers that AWS does not know or that are not active are looked for again.",
                &[
                    "The message names each of them and what it lacks: the object, its load balancer, or a ReferenceGrant in its namespace.",
                    "A load balancer of another region or account can be named by its ARN only (type EndpointID).",
                ],
            ),
            Self::RegistrationDelayed => (
                BINDINGS,
                "A change of targets has been waiting for more than half a minute. AWS admits few registrations a second in an account \
                 and region, and other TargetGroupBindings wait, too. Namespaces take turns, so none waits for more than its share.",
                &[
                    "It passes. `awslbc_queue_age_seconds` and `awslbc_aws_tokens` show how long it takes.",
                    "If AWS has raised the limit for the account, raise the rule with `--aws-api-throttle`.",
                ],
            ),
            Self::KeptLastTargets => (
                BACKENDS,
                "The Service has no endpoint any more although pods that were its targets run: all became unready at once, or the \
                 selector matches nothing. Nodes count likewise. The targets stay registered, and AWS's health checks decide which \
                 of them get traffic, until an endpoint is ready and healthy or their pods are gone.",
                &[
                    "The message shows the selector: compare it with the labels of the pods.",
                    "See why the pods are not ready: `kubectl describe pod` shows what their readiness probe answers.",
                    "To take the pods out of service, scale to zero or delete the Service or the binding. \
                     `--keep-last-healthy-targets=false` (chart: `keepLastHealthyTargets`) deregisters unready targets in any case.",
                ],
            ),
        };
        Explanation { kinds, meaning, remedies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn whoever_reads_of_a_failure_reads_what_to_do() {
        for reason in Reason::VARIANTS {
            let Explanation { kinds, meaning, remedies } = reason.explanation();
            assert!(!kinds.is_empty() && meaning.ends_with('.'), "{reason:?}");
            assert_eq!(remedies.is_empty(), *reason == Reason::SuccessfullyReconciled, "{reason:?}");
        }
    }
}
