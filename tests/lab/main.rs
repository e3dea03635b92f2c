//! `cargo lab`: real Kubernetes nodes on one machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubewright_lab::main()
}
