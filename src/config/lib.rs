//! kubeadm's configuration: read, defaulted, checked, and written back in the form that each Kubernetes version expects.
//!
//! Pure: callers read files and the machine, and hand in bytes and [`HostFacts`]. What differs between versions stands
//! in one table, `versions.yaml`, and reaches everyone as [`VersionFacts`].

pub mod chain;
#[cfg(test)]
mod checklist;
pub mod component;
mod convert;
mod defaults;
mod duration;
mod dynamic;
mod error;
pub mod facts;
mod file_schema;
mod flags;
#[cfg(test)]
mod fuzz;
mod host;
pub mod images;
mod join_flags;
mod load;
mod migrate;
pub mod model;
mod names;
pub mod net;
mod print;
mod reading;
mod reset_flags;
mod schema;
pub mod skew;
mod sources;
pub mod store;
mod token;
mod upgrade_flags;
mod v1beta2;
mod v1beta3;
mod v1beta4;
mod validate;
mod version;
mod versions;
mod whole;
mod wire;
mod write;
pub mod yaml;

pub use component::{KubeProxyDoc, KubeletDoc};
pub use duration::{DurationError, format as format_duration, parse as parse_duration};
pub use dynamic::default_address;
pub use error::{ConfigError, ConfigErrors, Warning};
pub use facts::{ApiVersion, VersionFacts};
pub use file_schema::json_schema;
pub use flags::InitFlags;
pub use host::{DefaultRoute, HostFacts, Interface, default_routes};
pub use join_flags::JoinFlags;
pub use load::{ImageList, Init, load_images, load_init, load_join, load_reset, load_upgrade, stored_cluster};
pub use migrate::migrate;
pub use model::{ClusterConfiguration, InitConfiguration, JoinConfiguration, ResetConfiguration, UpgradeConfiguration};
pub use names::ServingNames;
pub use net::HostPort;
pub use print::{ComponentKind, Defaults, UnknownComponent, print_defaults};
pub use reading::Reading;
pub use reset_flags::ResetFlags;
pub use token::{BootstrapToken, CertificateKey, CertificateKeyError, SecretText, TokenError};
pub use upgrade_flags::{UpgradeCommand, UpgradeFlags};
pub use validate::check_file;
pub use version::label::{UnknownLabel, resolve_version};
pub use version::{KubernetesVersion, VersionError};
pub use versions::{UnknownVersion, cri_socket_paths, default_version, facts_for, known_minors, newest_release};
