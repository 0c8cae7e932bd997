//! What the annotations of Services may be set to in the simulated account: every row of the annotation table.

use aws_load_balancer_controller::annotations::{
    NLB_PREFIX, service as keys,
    table::{Row, Suffix, rows},
};

use std::fmt;

/// An annotation that may be set, and to what.
#[derive(Clone)]
pub(crate) struct Setting {
    pub key: String,
    pub values: Vec<&'static str>,
    /// Whether AWS goes back to a default when it is taken away again.
    pub may_go: bool,
    /// Other annotations without which it is a mistake, or has no effect.
    pub needs: &'static [(&'static str, &'static str)],
}

/// Values for this account, where the table's examples name things of another one, or are too few. Values of one
/// attribute list name the same attributes: those that are not named any more stay as they are in AWS.
const VALUES: &[(&str, &[&str])] = &[
    (keys::TARGET_NODE_LABELS, &["example.com/edge=true", "kubernetes.io/os=linux"]),
    (keys::SUBNETS, &["PRIV_A,PRIV_B,PRIV_C", "PRIV_A,PRIV_B", "priv-b,priv-c"]),
    (keys::SOURCE_NAT, &["on", "off"]),
    (keys::SOURCE_NAT_PREFIXES, &["auto_assigned,auto_assigned,auto_assigned"]),
    (
        keys::ATTRIBUTES,
        &["load_balancing.cross_zone.enabled=true", "load_balancing.cross_zone.enabled=false"],
    ),
    (keys::ACCESS_LOG_ENABLED, &["true"]),
    (keys::TAGS, &["team=a", "team=b,cost-center=7"]),
    (keys::SECURITY_GROUPS, &["SG_1", "SG_1,sg-2"]),
    (keys::SOURCE_RANGES, &["10.0.0.0/8", "10.0.0.0/8,192.0.2.0/24"]),
    (keys::PREFIX_LISTS, &["PL_1"]),
    (keys::SSL_CERT, &["CERT_1", "CERT_1,CERT_2", "CERT_2"]),
    (keys::SSL_PORTS, &["443", "p80,443"]),
    (keys::ALPN_POLICY, &["HTTP2Preferred", "HTTP1Only", "None"]),
    (keys::QUIC_PORTS, &["p443-udp"]),
    (keys::LISTENER_ATTRIBUTES, &["tcp.idle_timeout.seconds=400", "tcp.idle_timeout.seconds=350"]),
    (
        keys::ACTIONS,
        &[
            r#"{"type":"forward","forwardConfig":{"baseServiceWeight":90,"targetGroups":[{"serviceName":"till","servicePort":80,"weight":10}]}}"#,
            r#"{"type":"forward","forwardConfig":{"baseServiceWeight":1,"targetGroups":[{"serviceName":"cart","servicePort":"80","weight":1}]}}"#,
        ],
    ),
    (
        "aws-load-balancer-target-group-attributes.80",
        &["stickiness.enabled=true", "stickiness.enabled=false"],
    ),
    (
        keys::TARGET_GROUP_ATTRIBUTES,
        &[
            "deregistration_delay.timeout_seconds=30,preserve_client_ip.enabled=true",
            "deregistration_delay.timeout_seconds=5,preserve_client_ip.enabled=true",
        ],
    ),
    (keys::HEALTH_CHECK_PORT, &["traffic-port", "8080", "p80"]),
    (keys::HEALTH_CHECK_PATH, &["/a", "/b"]),
    (keys::HEALTH_CHECK_INTERVAL, &["10", "30"]),
    (keys::HEALTHY_THRESHOLD, &["2", "5"]),
    (keys::UNHEALTHY_THRESHOLD, &["2", "5"]),
];

/// What AWS keeps although nobody asks for it any more, as upstream does.
const LASTING: &[&str] = &[
    keys::SCHEME,
    keys::INTERNAL,
    keys::SUBNETS,
    keys::ATTRIBUTES,
    keys::ACCESS_LOG_ENABLED,
    keys::ACCESS_LOG_BUCKET,
    keys::ACCESS_LOG_PREFIX,
    keys::CROSS_ZONE,
    keys::MINIMUM_CAPACITY,
    keys::PRIVATE_LINK_INBOUND,
    keys::LISTENER_ATTRIBUTES,
    keys::TARGET_GROUP_ATTRIBUTES,
];

const DUALSTACK: (&str, &str) = (keys::IP_ADDRESS_TYPE, "dualstack");
const WITH_IP: (&str, &str) = (keys::TARGET_TYPE, "ip");
const WITH_CERTIFICATE: (&str, &str) = (keys::SSL_CERT, "CERT_1");
const OVER_HTTP: (&str, &str) = (keys::HEALTH_CHECK_PROTOCOL, "http");

const NEEDS: &[(&str, &[(&str, &str)])] = &[
    (keys::TARGET_NODE_LABELS, &[(keys::TARGET_TYPE, "instance")]),
    (keys::SOURCE_NAT, &[DUALSTACK]),
    (keys::SOURCE_NAT_PREFIXES, &[DUALSTACK, (keys::SOURCE_NAT, "on")]),
    (keys::ACCESS_LOG_ENABLED, &[(keys::ACCESS_LOG_BUCKET, "my-logs")]),
    (keys::ACCESS_LOG_PREFIX, &[(keys::ACCESS_LOG_BUCKET, "my-logs"), (keys::ACCESS_LOG_ENABLED, "true")]),
    (keys::MANAGE_BACKEND_RULES, &[(keys::SECURITY_GROUPS, "SG_1")]),
    (keys::SSL_PORTS, &[WITH_CERTIFICATE]),
    (keys::SSL_POLICY, &[WITH_CERTIFICATE]),
    (keys::BACKEND_PROTOCOL, &[WITH_CERTIFICATE]),
    (keys::ALPN_POLICY, &[WITH_CERTIFICATE]),
    (keys::QUIC_PORTS, &[WITH_IP]),
    (keys::HEALTH_CHECK_PATH, &[OVER_HTTP]),
    (keys::HEALTH_CHECK_SUCCESS_CODES, &[OVER_HTTP]),
];

/// What counts when a load balancer is created, and not later: a Service is born with one of these.
pub(crate) const BIRTHS: &[&[(&str, &str)]] = &[
    &[(keys::NAME, "corner-shop")],
    &[(keys::DISABLE_SECURITY_GROUPS, "true")],
    &[(keys::SCHEME, "internet-facing"), (keys::EIP_ALLOCATIONS, "EIP_A,EIP_B,EIP_C")],
    &[(keys::SCHEME, "internal"), (keys::PRIVATE_IPV4_ADDRESSES, "10.0.64.7,10.0.128.7,10.0.192.7")],
    &[
        (keys::SCHEME, "internal"),
        DUALSTACK,
        (keys::IPV6_ADDRESSES, "2600:1f14:abc:de03::7,2600:1f14:abc:de04::7,2600:1f14:abc:de05::7"),
    ],
];

/// Rows that are set at birth.
const AT_BIRTH: &[&str] = &[
    keys::NAME,
    keys::DISABLE_SECURITY_GROUPS,
    keys::EIP_ALLOCATIONS,
    keys::PRIVATE_IPV4_ADDRESSES,
    keys::IPV6_ADDRESSES,
];

/// Every row of the table that Services are read by, save those of [`BIRTHS`].
pub(crate) fn settings() -> Vec<Setting> {
    let of_services = rows().filter(|row| row.prefix == NLB_PREFIX && row.is_read_from("Service"));
    of_services.filter(|row| !AT_BIRTH.contains(&row.suffix.stem())).map(Setting::of).collect()
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: one of {:?}", self.key, self.values)
    }
}

impl Setting {
    fn of(row: &'static Row) -> Self {
        let key = row.suffix.example();
        let find = |known: &str| known == key || (is_family(row) && known == row.suffix.stem());
        let values = VALUES.iter().find(|(known, _)| *known == key);
        let values = values.or_else(|| VALUES.iter().find(|(known, _)| find(known)));
        Self {
            values: values.map_or_else(|| row.examples.to_vec(), |(_, values)| values.to_vec()),
            may_go: !LASTING.contains(&row.suffix.stem()),
            needs: NEEDS.iter().find(|(known, _)| find(known)).map(|(_, needs)| *needs).unwrap_or_default(),
            key,
        }
    }
}

fn is_family(row: &Row) -> bool {
    matches!(row.suffix, Suffix::Family { .. })
}

#[test]
fn every_row_of_the_table_is_played_with() {
    let settings = settings();
    assert!(settings.len() + AT_BIRTH.len() >= 45, "{}", settings.len());
    assert!(settings.iter().all(|setting| !setting.values.is_empty()));
    let born: Vec<&str> = BIRTHS.iter().flat_map(|birth| birth.iter().map(|(key, _)| *key)).collect();
    assert!(AT_BIRTH.iter().all(|key| born.contains(key)));
    let known = |key: &&str| rows().any(|row| row.suffix.example() == *key || row.suffix.stem() == *key);
    let named = VALUES.iter().map(|(key, _)| key).chain(LASTING).chain(NEEDS.iter().map(|(key, _)| key));
    assert_eq!(named.filter(|key| !known(key)).collect::<Vec<_>>(), Vec::<&&str>::new());
}
