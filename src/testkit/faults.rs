//! Calls written down, and the ones among them that are to fail.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was asked of one fake, in order, and what is to fail.
pub(crate) struct Calls<F> {
    inner: Mutex<Inner<F>>,
}

struct Inner<F> {
    made: Vec<String>,
    faults: Vec<Fault<F>>,
}

struct Fault<F> {
    prefix: String,
    /// Counts down with each call that fits; it strikes at 1 and is gone.
    left: usize,
    with: F,
}

impl<F> Default for Calls<F> {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { made: Vec::new(), faults: Vec::new() }) }
    }
}

impl<F> Calls<F> {
    /// Lets the nth call from now on whose words begin with the prefix fail, counting from 1.
    pub(crate) fn fail(&self, prefix: &str, nth: usize, with: F) {
        self.lock().faults.push(Fault { prefix: prefix.into(), left: nth.max(1), with });
    }

    /// Writes a call down; gives the fault if it is to fail.
    pub(crate) fn make(&self, call: String) -> Option<F> {
        let mut inner = self.lock();
        let mut strikes = None;
        for (index, fault) in inner.faults.iter_mut().enumerate() {
            if call.starts_with(&fault.prefix) {
                fault.left -= 1;
                if fault.left == 0 && strikes.is_none() {
                    strikes = Some(index);
                } else {
                    fault.left = fault.left.max(1);
                }
            }
        }
        inner.made.push(call);
        strikes.map(|index| inner.faults.remove(index).with)
    }

    /// Every call so far.
    pub(crate) fn made(&self) -> Vec<String> {
        self.lock().made.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<F>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
