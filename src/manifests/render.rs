//! The way from a template to an object: fill, parse, and see that the right thing came out.

use askama::Template;
use kubewright_config::yaml;
use serde_json::Value;

use crate::ManifestError;

/// What a rendered document must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// `apiVersion` and `kind`, such as `v1` and `Pod`.
    pub(crate) kind: (&'static str, &'static str),
    /// `metadata.name`; `None` if it depends on values.
    pub(crate) name: Option<&'static str>,
}

/// Shorthand for a document of a fixed name.
pub(crate) const fn expect(api_version: &'static str, kind: &'static str, name: &'static str) -> Expected {
    Expected { kind: (api_version, kind), name: Some(name) }
}

/// Fills a template and returns its documents, in the order of the file.
pub(crate) fn documents(
    what: &'static str,
    template: &impl Template,
    expected: &[Expected],
) -> Result<Vec<Value>, ManifestError> {
    let text = text(what, template)?;
    let shape = |reason: String| ManifestError::Shape { what, reason };
    let documents = yaml::documents(text.as_bytes()).map_err(|error| shape(error.to_string()))?;
    let documents: Vec<Value> = documents.iter().map(|document| document.value().clone()).collect();
    if documents.len() != expected.len() {
        return Err(shape(format!("{} documents instead of {}", documents.len(), expected.len())));
    }
    for (document, expected) in documents.iter().zip(expected) {
        check(document, expected).map_err(shape)?;
    }
    Ok(documents)
}

/// Fills a template that holds one document.
pub(crate) fn document(
    what: &'static str,
    template: &impl Template,
    expected: Expected,
) -> Result<Value, ManifestError> {
    let mut documents = documents(what, template, &[expected])?;
    documents.pop().ok_or(ManifestError::Shape { what, reason: "no document".into() })
}

fn check(document: &Value, expected: &Expected) -> Result<(), String> {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = expected.kind;
    if (text("/apiVersion"), text("/kind")) != (api_version, kind) {
        return Err(format!("{} {} instead of {api_version} {kind}", text("/apiVersion"), text("/kind")));
    }
    match (text("/metadata/name"), expected.name) {
        ("", _) => Err(format!("a {kind} without a name")),
        (name, Some(expected)) if name != expected => Err(format!("{kind} `{name}` instead of `{expected}`")),
        _ => Ok(()),
    }
}

/// Fills a template of plain text.
pub(crate) fn text(what: &'static str, template: &impl Template) -> Result<String, ManifestError> {
    template.render().map_err(|source| ManifestError::Fill { what, source })
}

/// Writes objects one after the other, each after a separator, as `--print-manifest` does.
pub(crate) fn printed<'a>(objects: impl Iterator<Item = &'a Value>) -> String {
    objects.map(|object| format!("---\n{}", yaml::to_string(object))).collect()
}
