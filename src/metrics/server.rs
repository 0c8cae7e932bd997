//! Meters of the listeners and of costly work.

use super::{ClosedLabels, ListenerLabels, Metrics, PoolLabels, ReasonLabels};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// Counts the connections of one listener. The default is read by nobody.
#[derive(Clone, Debug, Default)]
pub struct ConnectionMeter {
    /// Open connections.
    pub open: Gauge,
    /// Closed before their handshake was finished.
    pub closed_opening: Counter,
    /// Closed in the middle of a request.
    pub closed_sending: Counter,
    /// Closed while idle.
    pub closed_idle: Counter,
    /// Not taken.
    pub refused: Counter,
}

/// Counts request bodies of one listener. The default is read by nobody.
#[derive(Clone, Debug, Default)]
pub struct BodyMeter {
    /// Bytes in memory.
    pub bytes: Gauge,
    /// Requests given up for being slow.
    pub dropped: Counter,
}

/// Counts the work of one pool. The default is read by nobody.
#[derive(Clone, Debug, Default)]
pub struct PoolMeter {
    /// Jobs that wait.
    pub waiting: Gauge,
    /// Jobs that ran.
    pub jobs: Counter,
}

/// Counts questions that AWS is not asked. The default is read by nobody.
#[derive(Clone, Debug, Default)]
pub struct LookupMeter {
    /// There were too many.
    pub rate: Counter,
    /// They name a role that no binding names.
    pub role: Counter,
}

impl Metrics {
    /// The meter of a listener's connections.
    pub fn connections(&self, listener: &str) -> ConnectionMeter {
        let closed =
            |reason| self.connections_closed.get_or_create(&ClosedLabels::new(listener, reason)).clone();
        ConnectionMeter {
            open: self.connections.get_or_create(&ListenerLabels::new(listener)).clone(),
            closed_opening: closed("opening"),
            closed_sending: closed("sending"),
            closed_idle: closed("idle"),
            refused: closed("refused"),
        }
    }

    /// The meter of the bodies of the webhooks' listener.
    pub fn bodies(&self) -> BodyMeter {
        let labels = ListenerLabels::new("webhooks");
        BodyMeter {
            bytes: self.request_body_bytes.get_or_create(&labels).clone(),
            dropped: self.request_bodies_dropped.get_or_create(&labels).clone(),
        }
    }

    /// The meter of a pool: `reviews` or `builds`.
    pub fn pool(&self, pool: &str) -> PoolMeter {
        let labels = PoolLabels::new(pool);
        PoolMeter {
            waiting: self.pool_waiting.get_or_create(&labels).clone(),
            jobs: self.pool_jobs.get_or_create(&labels).clone(),
        }
    }

    /// The meter of the webhooks' questions to AWS.
    pub fn lookups(&self) -> LookupMeter {
        let refused = |reason| self.webhook_lookups_refused.get_or_create(&ReasonLabels::new(reason)).clone();
        LookupMeter { rate: refused("rate"), role: refused("role") }
    }
}
