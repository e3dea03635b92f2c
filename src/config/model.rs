//! The one internal form of kubeadm's configuration: defaults filled in, every string parsed.
//!
//! Readers of any API version end here and writers start here. After loading, nothing downstream checks a string again.

mod cluster;
mod init;
mod join;
mod reset;
mod upgrade;

pub use cluster::{
    ApiServer, Arg, ClusterConfiguration, ControlPlaneComponent, Dns, EncryptionAlgorithm, EnvVar, Etcd, ExternalEtcd,
    ExtraVolume, ImageMeta, LocalEtcd, Networking, Proxy,
};
pub use init::{
    ApiEndpoint, BootstrapTokenEntry, ImagePullPolicy, InitConfiguration, NodeRegistration, Taint, Timeouts,
};
pub use join::{BootstrapTokenDiscovery, Discovery, JoinConfiguration, JoinControlPlane};
pub use reset::{ResetConfiguration, UnmountFlag};
pub use upgrade::{UpgradeApply, UpgradeConfiguration, UpgradeDiff, UpgradeNode, UpgradePlan};
