//! Runs the same configurations and command lines through real kubeadm and through kubewright, and compares as parsed data
//! whatever comes out: files with their modes, certificates, objects, what is printed.
//!
//! It must not use kubewright's own code, or both sides could be wrong in the same way. See docs/lab.md.

mod allow;
mod case;
mod certificate;
mod compare;
mod content;
mod dry_run;
mod error;
mod harvest;
mod mask;
mod older;
mod recording;
mod release;
mod report;
mod run;
mod sandbox;

pub use error::{DifferentialError, Result};
pub use release::Release;
pub use report::Report;
pub use run::{Options, Peer, run};
