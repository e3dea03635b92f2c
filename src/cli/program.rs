//! What the program is called. Called as `kubeadm`, it speaks as kubeadm in every message; else it is `kubewright`.
//!
//! Other crates write `kubewright` in their hints, since they cannot know; what is printed goes through [`speak`].

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Our own name, also where we were called by a third one.
const OWN: &str = "kubewright";
/// The name that scripts know.
const KUBEADM: &str = "kubeadm";

static NAME: OnceLock<&'static str> = OnceLock::new();

/// Takes the name from the first argument. The first call counts: a process has one name.
pub fn called_by(first: Option<&OsString>) {
    let called = first.and_then(|path| Path::new(path).file_name()).and_then(|name| name.to_str());
    let _ = NAME.set(if called == Some(KUBEADM) { KUBEADM } else { OWN });
}

/// The name in messages, help, completion and hints.
pub fn name() -> &'static str {
    NAME.get().copied().unwrap_or(OWN)
}

/// Whether scripts take us for kubeadm.
pub fn is_kubeadm() -> bool {
    name() == KUBEADM
}

/// The text with our name as we were called by. Paths that have our name in them stay.
pub fn speak(text: &str) -> std::borrow::Cow<'_, str> {
    if is_kubeadm() { renamed(text, KUBEADM).into() } else { text.into() }
}

fn renamed(text: &str, name: &str) -> String {
    let part_of_a_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OWN) {
        let (before, after) = (&rest[..at], &rest[at + OWN.len()..]);
        let inside = before.ends_with(part_of_a_path) || after.starts_with(['/', '_', '-']);
        renamed += before;
        renamed += if inside { OWN } else { name };
        rest = after;
    }
    renamed + rest
}

#[cfg(test)]
mod tests;
