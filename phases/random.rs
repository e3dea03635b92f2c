//! Random bytes for tokens and keys that are told, not stored.

use rand::TryRng;
use rand::rngs::SysRng;

/// Fills the bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give; nothing secret can be made then.
pub fn fill(bytes: &mut [u8]) {
    SysRng.try_fill_bytes(bytes).expect("Linux gives random bytes to every process after boot");
}
