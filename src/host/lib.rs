//! This machine: implements the interfaces of `node` with real I/O. Files change in transactions that survive a killed
//! process; a dry run has an overlay in memory instead. Nothing here knows a phase or a Kubernetes object.

mod claims;
mod command;
mod directories;
mod disk;
pub mod files;
#[cfg(test)]
mod fixture;
pub mod kernel;
pub mod lock;
pub mod overlay;
mod ownership;
pub mod probe;
pub mod recover;
pub mod root;
mod scratch;
pub mod services;
mod session;
mod shared;
pub mod snapshots;
pub mod trees;
pub mod verify;

pub use files::HostFiles;
pub use kernel::HostKernel;
pub use lock::{Holder, LockError, NodeLock, STATE_DIR};
pub use overlay::{DryChange, DryKind, Overlay};
pub use probe::HostProbe;
pub use recover::{PhaseFiles, Recovered};
pub use root::Root;
pub use services::HostServices;
pub use snapshots::HostSnapshots;
pub use trees::HostTrees;
pub use verify::{Broken, Damage};
