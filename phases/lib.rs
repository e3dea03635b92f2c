//! What kubewright does: one file is one phase, and its place is its address. `init/certs/apiserver.rs` is
//! `init phase certs apiserver` and `--skip-phases=certs/apiserver`.
//!
//! Phases change nothing except through what they take as `Use<…>`. The modules beside the workflows hold what several
//! phases share: the values that they hand on (`artifacts`), and how keys, certificates and kubeconfigs are kept or made.

pub mod accounts;
pub mod admission;
pub mod artifacts;
pub mod asking;
pub mod checks;
pub mod cluster_status;
pub mod component;
pub mod credentials;
pub mod etcd_access;
pub mod etcd_pod;
pub mod external_ca;
pub mod external_etcd;
pub mod issuing;
pub mod joining;
pub mod kubelet_mounts;
pub mod network;
pub mod options;
pub mod patching;
pub mod paths;
pub mod prelude;
pub mod printing;
pub mod proxies;
pub mod random;
pub mod registration;
pub mod renewal;
pub mod resetting;
pub mod restoring;
pub mod rootless;
pub mod running;
pub mod stand_in;
pub mod static_pod_health;
pub mod static_pods;
pub mod upgrading;

include!(concat!(env!("OUT_DIR"), "/registry.rs"));
