//! Faults for tests, from the environment. Release builds know none of it.

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
        faults = faults.on_checkpoint(move |name| {
            if name == place {
                // As if somebody had pulled the plug on the process: no destructor runs.
                std::process::abort();
            }
        });
    }
    Ok(faults)
}

/// No faults.
#[cfg(not(debug_assertions))]
pub fn from_environment() -> Result<Faults, Failure> {
    Ok(Faults::none())
}
