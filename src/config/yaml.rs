//! The only place that knows a YAML library: text to JSON values with their lines, and back in kubeadm's form.
//!
//! The library finds the structure; what a scalar means is decided here, by the rules of YAML 1.1 that kubeadm's
//! library follows.

mod emit;
mod places;
mod read;
mod scalar;

use std::fmt;

use serde_json::Value;

use crate::error::ConfigError;
use places::Place;

pub use emit::to_string;

/// Largest input, in bytes. The API server takes no larger object either.
const MAX_BYTES: usize = 3 << 20;

/// One document of a file.
#[derive(Clone)]
pub struct Document {
    value: Value,
    duplicates: Vec<Duplicate>,
    place: Place,
}

/// A key that stands twice in its map; the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Path of the field.
    pub path: String,
    /// Line of the one before.
    pub first_line: usize,
    /// Line of the one that counts.
    pub line: usize,
}

/// Tokens and keys may stand anywhere in a document, so nothing of it is shown.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("line", &self.place.line).finish_non_exhaustive()
    }
}

impl Document {
    /// Returns the content.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the keys that stand twice in their map.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Returns the line in the file, from 1, of a field or else of the nearest field above it.
    pub fn line(&self, path: &str) -> usize {
        self.place.nearest(path)
    }
}

/// Reads every document of a file.
///
/// # Errors
/// The input is too large, no UTF-8 or no YAML; or a document separator has text beside it.
pub fn documents(bytes: &[u8]) -> Result<Vec<Document>, ConfigError> {
    if bytes.len() > MAX_BYTES {
        return Err(ConfigError::document(format!("the input is larger than {} MiB", MAX_BYTES >> 20))
            .hint("keep only what differs from the defaults"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::document("the input is not UTF-8 text").at(Some(line)).hint("save the file as UTF-8")
    })?;
    let parts = split(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    parts.into_iter().map(|(first_line, part)| parse(part, first_line)).collect()
}

/// Reads a file with exactly one document.
///
/// # Errors
/// As [`documents`], and for any other number of them.
pub fn document(bytes: &[u8]) -> Result<Document, ConfigError> {
    let mut found = documents(bytes)?;
    let count = found.len();
    match (found.pop(), count) {
        (Some(document), 1) => Ok(document),
        (None, _) => Err(ConfigError::document("there is no YAML document").hint("write one")),
        _ => Err(ConfigError::document(format!("expected one YAML document, found {count}")).hint("remove the others")),
    }
}

/// Reads a table that is part of this program. No user's text comes here: that needs lines, and kubeadm's scalars.
pub(crate) fn embedded(text: &str) -> Value {
    serde_yaml::from_str(text).expect("a test reads every embedded text")
}

/// Splits at lines that start with `---`; one at the start, one right after another and one as the very
/// last line separate nothing.
fn split(text: &str) -> Result<Vec<(usize, &str)>, ConfigError> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let error = ConfigError::document(format!("text beside the document separator: `{rest}`"));
                return Err(error.at(Some(index + 1)).hint("put it on a line of its own"));
            }
            if offset > start {
                parts.push((start_line, &text[start..offset]));
            }
            (start, start_line) = (offset + line.len(), index + 2);
        }
        offset += line.len();
    }
    if start < text.len() {
        parts.push((start_line, &text[start..]));
    }
    Ok(parts)
}

fn parse(text: &str, first_line: usize) -> Result<Document, ConfigError> {
    let read::Parsed { value, place, duplicates } = read::read(text, first_line)?;
    Ok(Document { value, duplicates, place })
}

/// Appends a map key to a path.
pub(crate) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Appends a list index to a path.
pub(crate) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

#[cfg(test)]
mod tests;
