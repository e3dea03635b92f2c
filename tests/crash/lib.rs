//! Deaths at any instant, for tests: a program is traced, ended before a chosen system call, told that the call failed, or
//! recorded; from a recording come the states that a disk may be in after a power cut. Knows nothing of kubewright. x86-64 only.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests look at the machine themselves, and may stop at the first surprise"
)]

mod call;
mod decode;
pub mod disk;
mod recording;
mod tracee;
pub mod tree;

pub use call::{Call, Kind};
pub use nix::errno::Errno;
pub use recording::{Op, Recording, record};
pub use tracee::{Ended, Then, Watcher, trace};
pub use tree::{Entry, Tree};
