//! Faults for tests, from the environment. Release builds know none of it.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicUsize, Ordering};

use kubewright_engine::{Failure, Faults};

#[cfg(debug_assertions)]
use crate::env_vars;

/// Reads the faults that the environment asks for.
#[cfg(debug_assertions)]
pub fn from_environment() -> Result<Faults, Failure> {
    let mut faults = Faults::none();
    if let Some(spec) = env_vars::fault() {
        faults = faults.with(Faults::parse(&spec)?);
    }
    if let Some(place) = env_vars::kill_at() {
        let (place, time) = place_and_time(&place);
        let passed = AtomicUsize::new(0);
        faults = faults.on_checkpoint(move |name| {
            if name == place && passed.fetch_add(1, Ordering::SeqCst) + 1 == time {
                // As if somebody had pulled the plug on the process: no destructor runs.
                std::process::abort();
            }
        });
    }
    Ok(faults)
}

/// A checkpoint, and at which time that it is passed, counting from 1: `certs/ca:scratch:2` is the phase's second file.
#[cfg(debug_assertions)]
fn place_and_time(spec: &str) -> (String, usize) {
    let parts = spec.rsplit_once(':').and_then(|(place, time)| Some((place.to_owned(), time.parse().ok()?)));
    parts.unwrap_or_else(|| (spec.to_owned(), 1))
}

/// No faults.
#[cfg(not(debug_assertions))]
pub fn from_environment() -> Result<Faults, Failure> {
    Ok(Faults::none())
}
