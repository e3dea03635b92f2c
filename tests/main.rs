//! Every test that is wider than one crate, in one binary: the laws that hold for every phase, the command line as users
//! meet it, and what must be true of the source tree and the generated docs.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests look at the machine themselves, and may stop at the first surprise"
)]

mod cli;
mod cluster;
mod docs;
mod graph;
mod laws;
mod recovery;
mod strace;
mod tree;
