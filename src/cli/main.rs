//! The kubewright program.

fn main() -> std::process::ExitCode {
    kubewright::run(std::env::args_os())
}
