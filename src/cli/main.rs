//! The kubewright program.

#[expect(clippy::disallowed_methods, reason = "arguments enter the program here, and nowhere else")]
fn main() -> std::process::ExitCode {
    kubewright::run(std::env::args_os())
}
