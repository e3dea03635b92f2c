//! The command line as users meet it: the real binary, on its own tree, without touching the machine.

mod bad_input;
mod crash;
mod help;
mod machine;
pub mod program;
