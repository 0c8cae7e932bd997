//! Annotations under other prefixes.

use super::{Row, Suffix};
use crate::annotations::NLB_PREFIX;
use crate::annotations::value::{ItemKind, TextKind, ValueKind};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        NLB_PREFIX,
        Suffix::Exact("aws-load-balancer-quic-enabled-containers"),
        &["Pod"],
        ValueKind::List(ItemKind::Container),
    )
    .about("Containers that get a QUIC server id as an environment variable.", &["proxy", "proxy,sidecar"]),
    Row::new(
        "kubernetes.io",
        Suffix::Exact("ingress.class"),
        &["Ingress"],
        ValueKind::Text(TextKind::Anything),
    )
    .instead("spec.ingressClassName")
    .about("Class of the Ingress; `alb` is ours.", &["alb"]),
];
