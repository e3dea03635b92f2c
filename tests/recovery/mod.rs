//! Death at any instant: the real program is killed before every call that changes something, or loses what a power cut
//! would take, and is run again. What is there in the end is what an undisturbed run leaves.
//!
//! Workflows that only change files are here, on a root of their own (`--rootfs`); what needs a cluster is in
//! `cluster::sweep`.

mod faults;
mod files;
mod power;
pub mod site;
mod workflow;
