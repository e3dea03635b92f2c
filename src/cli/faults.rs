//! Faults for tests, from the environment. Release builds know none of it.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(debug_assertions)]
use std::time::{Duration, Instant};

use kubewright_engine::{Failure, Faults};

#[cfg(debug_assertions)]
use crate::{env_vars, signals};

/// Reads the faults that the environment asks for.
#[cfg(debug_assertions)]
pub fn from_environment() -> Result<Faults, Failure> {
    let mut faults = Faults::none();
    if let Some(spec) = env_vars::fault() {
        faults = faults.with(Faults::parse(&spec)?);
    }
    if let Some(places) = env_vars::kill_at() {
        let places: Vec<_> = places.split(',').map(|place| (place_and_time(place), AtomicUsize::new(0))).collect();
        faults = faults.on_checkpoint(move |name| {
            for ((place, time), passed) in &places {
                if name == place && passed.fetch_add(1, Ordering::SeqCst) + 1 == *time {
                    // As if somebody had pulled the plug on the process: no destructor runs.
                    std::process::abort();
                }
            }
        });
    }
    if let Some(place) = env_vars::hold_at() {
        let (place, through) = match place.strip_prefix('!') {
            Some(place) => (place.to_owned(), true),
            None => (place, false),
        };
        faults = faults.on_checkpoint(move |name| {
            if name == place {
                hold(name, through);
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

/// Keeps a phase where it is until the user stops the run, or for good, and says so to the test that waits for it.
#[cfg(debug_assertions)]
#[expect(clippy::print_stderr, reason = "the test reads it; no user ever sees it")]
fn hold(name: &str, through: bool) {
    eprintln!("held at {name}");
    let begun = Instant::now();
    while begun.elapsed() < HELD_AT_MOST && (through || !signals::stopping()) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A test that forgot about it leaves no process behind.
#[cfg(debug_assertions)]
const HELD_AT_MOST: Duration = Duration::from_secs(60);

/// No faults.
#[cfg(not(debug_assertions))]
pub fn from_environment() -> Result<Faults, Failure> {
    Ok(Faults::none())
}
