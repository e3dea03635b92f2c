//! What every phase file needs.

pub use camino::{Utf8Path, Utf8PathBuf};
pub use kubewright_config::{
    ClusterConfiguration, InitConfiguration, JoinConfiguration, ResetConfiguration, VersionFacts,
};
pub use kubewright_engine::{
    Applies, Artifact, Failure, FailureContext, FailureKind, Maybe, Phase, Read, Report, Seeds, Use, Value,
};
pub use kubewright_node::{Clock, Contents, Files, Kube, Mode, Node, Probe, Runtime, Services, View};

pub use crate::options::{InitOptions, JoinOptions, ResetOptions};
pub use crate::paths;
