//! The documents of `kubeadm.k8s.io/v1beta4`, exactly as kubeadm has them. Their descriptions are those of the JSON Schema.
//!
//! Every other version is turned into these types when it is read; only `convert.rs` knows what the fields mean.

mod cluster;
mod env;
mod init;
mod join;
mod reset;
mod upgrade;

pub(crate) use cluster::{
    ApiServer, Arg, ClusterConfiguration, ControlPlaneComponent, Dns, EnvVar, Etcd, ExternalEtcd, HostPathMount,
    LocalEtcd, Networking, Proxy,
};
pub(crate) use env::ValueSource;
pub(crate) use init::{
    ApiEndpoint, BootstrapToken, InitConfiguration, NodeRegistrationOptions, Patches, Taint, Timeouts, moment_in_utc,
};
pub(crate) use join::{BootstrapTokenDiscovery, Discovery, FileDiscovery, JoinConfiguration, JoinControlPlane};
pub(crate) use reset::ResetConfiguration;
pub(crate) use upgrade::{
    UpgradeApplyConfiguration, UpgradeConfiguration, UpgradeDiffConfiguration, UpgradeNodeConfiguration,
    UpgradePlanConfiguration,
};
