//! What ends up on a node or in the API: static pods, the kubelet's files, addons, RBAC, uploads and final texts.
//!
//! Pure: values in, text or JSON objects out. The shapes stand in `templates/`, the values come from the configuration
//! and the version's facts, and every rendered text is parsed again before anyone sees it.

mod args;
pub mod certificate_key;
mod coredns;
pub mod corefile;
mod environment;
mod error;
mod etcd;
mod kube_apiserver;
mod kube_controller_manager;
mod kube_proxy;
mod kube_scheduler;
pub mod kubelet;
pub mod messages;
mod mounts;
pub mod patches;
mod probes;
pub mod rbac;
mod render;
mod secret;
mod static_pod;
pub mod uploads;
mod yaml_escape;

pub use coredns::{coredns, coredns_manifest};
pub use error::ManifestError;
pub use etcd::{EtcdMember, EtcdStart, etcd};
pub use kube_apiserver::kube_apiserver;
pub use kube_controller_manager::kube_controller_manager;
pub use kube_proxy::{kube_proxy, kube_proxy_manifest};
pub use kube_scheduler::kube_scheduler;
pub use secret::SecretObject;
pub use static_pod::{ControlPlaneNode, RunAs, StaticPod};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod parity;
