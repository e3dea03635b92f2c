//! An API object with secrets inside.

use std::fmt;

use serde_json::Value;

/// An object that must not be printed: a Secret with its data.
#[derive(Clone, PartialEq)]
pub struct SecretObject(Value);

impl SecretObject {
    pub(crate) fn new(object: Value) -> Self {
        Self(object)
    }

    /// Returns the object, for the API.
    pub fn object(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for SecretObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretObject({})", self.0.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default())
    }
}
