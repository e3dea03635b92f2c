//! The command line as users meet it: the real binary, on its own tree, without touching the machine.

mod bad_input;
mod certs;
mod config;
// Release builds cannot be told where to die.
#[cfg(debug_assertions)]
mod crash;
mod disk;
mod help;
mod invalid;
mod kinder;
mod kubeadm;
mod kubeconfig;
mod machine;
mod phases;
pub mod program;
mod reset;
#[cfg(debug_assertions)]
mod resume;
mod secrets;
mod status;
#[cfg(debug_assertions)]
mod stopping;
