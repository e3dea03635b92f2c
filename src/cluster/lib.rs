//! The API server, the container runtime and health endpoints, for real: implements the traits of `kubewright-node` with
//! network clients. Heavy dependencies stop here; nobody but the command line depends on this crate.

mod crypto;
pub mod discovery;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "fixture/tests.rs"]
mod fixture;
mod handshake;
pub mod health;
pub mod kube;
pub mod runtime;

pub use crypto::install_crypto_provider;
pub use discovery::HttpsDiscovery;
pub use health::LocalHealth;
pub use kube::ApiServer;
pub use runtime::CriRuntime;

/// Whether a URL's host is this machine, which Go never asks a proxy for.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// The text of the deepest cause, shortened to one line: the outer links of a client's error only say that it failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let text = innermost.to_string();
    // The number says nothing that the words before it do not, and rustls's address is for programmers.
    let words = text.split(" (os error").next().unwrap_or_default();
    shorten(words.split(": https://docs.rs/").next().unwrap_or_default())
}

/// One line of at most 400 characters.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 400;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}
