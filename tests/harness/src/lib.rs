//! A real Kubernetes control plane on loopback, for tests and the demo.
//!
//! [`Cluster`] runs etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok (which plays nodes and kubelets) on
//! free ports in a folder of its own. [`ControllerProcess`] runs the built controller binary with exactly the arguments,
//! environment, mounted Secrets and ServiceAccount that the Helm chart rendered for it. Nothing here needs root, nothing is
//! mocked between the API server and the controller, and nothing outlives the process that started it.
//!
//! Clusters do not share anything, so tests may run side by side.
// why: tests may look at the clock and the environment; the bans of clippy.toml are for the product.
#![allow(clippy::disallowed_methods)]

pub mod assets;
pub mod aws;
pub mod cluster;
pub mod controller;
pub mod credentials;
pub mod daemon;
pub mod dns;
pub mod home;
pub mod http;
pub mod kubelet;
pub mod load;
pub mod mounts;
pub mod release;
pub mod traffic;
pub mod tunnel;
pub mod wait;
pub mod walkthrough;

pub use aws::Aws;
pub use cluster::{Cluster, FakeNode, Pods};
pub use controller::ControllerProcess;
pub use kubelet::Kubelet;
pub use load::{Aim, Load, Report};
pub use wait::{eventually, within};
