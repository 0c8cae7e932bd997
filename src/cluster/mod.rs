//! Layer 3: the only place that holds a `kube::Client`.

pub mod accelerator_store;
pub mod api_error;
pub mod binding_api;
pub mod binding_store;
pub mod cache;
pub mod connect;
pub mod doctor_reads;
pub mod events;
pub mod fence;
pub mod fenced_sender;
pub mod gateway_stores;
pub mod installation;
pub mod lease;
pub mod manifests;
pub mod migrate_reads;
pub mod objects;
pub mod pages;
pub mod plan_annotations;
pub mod quic_ids;
pub mod secret_changes;
pub mod server_version;
pub mod state_config_map;
pub mod stores;
pub mod target_control;
pub mod topology_reads;
pub mod watch;
pub mod webhook_certs;
pub mod write;

pub use api_error::ApiError;
pub use cache::{Cache, CacheEvent};
pub use connect::KubeConnection;
pub use objects::Objects;
