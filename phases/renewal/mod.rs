//! Certificates that are kept alive: which there are, when they end, how a new one takes the place of an old one, and how
//! the components come to use it. kubeadm: `app/phases/certs/renewal`.

pub mod component;
mod expiry;
mod managed;
mod options;
mod outcome;
mod restart;
mod signing;

pub use component::{Component, Running, Serving, running};
pub use expiry::{CheckedAuthority, CheckedCertificate, Expiry, check};
pub use managed::{Held, Managed, applies, authorities, is_external};
pub use options::{DEFAULT_PATIENCE, RenewOptions};
pub use outcome::{NothingLost, Outcome, Outcomes, outcomes};
pub use restart::{RestartNeeds, ensure_in_use, ensure_kubelet_in_use};
pub use signing::{RenewNeeds, Renewed, losses, renew};
