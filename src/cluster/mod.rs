//! Layer 3: the only place that holds a `kube::Client`.

pub mod api_error;
pub mod binding_api;
pub mod binding_store;
pub mod cache;
pub mod connect;
pub mod events;
pub mod fence;
pub mod installation;
pub mod lease;
pub mod ledger_pages;
pub mod manifests;
pub mod objects;
pub mod quic_ids;
pub mod secret_changes;
pub mod stores;
pub mod survey;
pub mod target_control;
pub mod watch;
pub mod webhook_certs;
pub mod write;

pub use api_error::ApiError;
pub use cache::{Cache, Change};
pub use connect::Connection;
pub use objects::Objects;
