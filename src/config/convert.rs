//! Documents to the internal form: defaults filled in, every rule checked, every fault told.

mod cluster;
mod init;
mod join;
mod reset;
mod upgrade;

pub(crate) use cluster::cluster;
pub(crate) use init::{Machine, ignored_checks, init};
pub(crate) use join::join;
pub(crate) use reset::reset;
pub(crate) use upgrade::upgrade;

#[cfg(test)]
mod tests;
