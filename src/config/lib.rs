//! kubeadm's configuration: read, defaulted, checked, and written back in the form that each Kubernetes version expects.
//!
//! Pure: callers read files and the machine, and hand in bytes and [`HostFacts`]. What differs between versions stands
//! in one table, `versions.yaml`, and reaches everyone as [`VersionFacts`].

pub mod component;
mod error;
pub mod facts;
mod flags;
mod host;
pub mod images;
pub mod model;
mod names;
pub mod net;
mod token;
mod version;
mod versions;
pub mod yaml;

pub use component::{KubeProxyDoc, KubeletDoc};
pub use error::{ConfigError, ConfigErrors, Warning};
pub use facts::{ApiVersion, VersionFacts};
pub use flags::InitFlags;
pub use host::{DefaultRoute, HostFacts, Interface, default_routes};
pub use model::{ClusterConfiguration, InitConfiguration, JoinConfiguration};
pub use names::ServingNames;
pub use net::HostPort;
pub use token::{BootstrapToken, CertificateKey, CertificateKeyError, SecretText, TokenError};
pub use version::{KubernetesVersion, VersionError};
pub use versions::{UnknownVersion, cri_socket_paths, default_version, facts_for, known_minors};
