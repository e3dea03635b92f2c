//! The kubewright program.
fn main() {}
