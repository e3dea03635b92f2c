//! Faults for tests, from the environment. Release builds know none of it.

use kubewright_engine::{Failure, Faults};

/// Reads `KUBEWRIGHT_FAULT` (`fail-before=certs/ca`, …) and `KUBEWRIGHT_KILL_AT` (`certs/ca:sealed`).
#[cfg(debug_assertions)]
pub fn from_environment() -> Result<Faults, Failure> {
    let mut faults = Faults::none();
    if let Ok(spec) = std::env::var("KUBEWRIGHT_FAULT") {
        faults = faults.with(Faults::parse(&spec)?);
    }
    if let Ok(place) = std::env::var("KUBEWRIGHT_KILL_AT") {
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
