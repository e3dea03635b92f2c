//! What makes two runs the same one: every input by name, so that the one that changed can be named. Values that may not be
//! shown, and contents, are there as digests only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::effect::Digest;

/// The inputs of a run, by the names that its user knows them by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inputs(BTreeMap<String, InputValue>);

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputValue {
    /// A value that anybody who may read the journal may see.
    Shown(String),
    /// Contents, or a value that is nobody's business.
    Hidden(Digest),
}

impl Inputs {
    /// Adds one input.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, input: InputValue) -> Self {
        self.0.insert(name.into(), input);
        self
    }

    /// An input that may be seen; `None` where there is none of this name.
    pub fn shown(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            InputValue::Shown(text) => Some(text),
            InputValue::Hidden(_) => None,
        }
    }

    /// Says of each input that is another one now what it was and is, sorted by name; `self` is what it was.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut names: Vec<&String> = self.0.keys().chain(now.0.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(|name| difference(name, self.0.get(name), now.0.get(name))).collect()
    }
}

fn difference(name: &str, was: Option<&InputValue>, now: Option<&InputValue>) -> Option<String> {
    use InputValue::Shown;
    match (was, now) {
        (was, now) if was == now => None,
        (Some(Shown(was)), Some(Shown(now))) => Some(format!("{name} was `{was}` and is `{now}`")),
        (Some(Shown(was)), None) => Some(format!("{name} was `{was}` and is not given")),
        (None, Some(Shown(now))) => Some(format!("{name} was not given and is `{now}`")),
        (Some(_), None) => Some(format!("{name} was given and is not any more")),
        (None, _) => Some(format!("{name} was not given and is now")),
        _ => Some(format!("{name} has changed")),
    }
}

#[cfg(test)]
mod tests;
