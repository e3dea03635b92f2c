//! The fields of the kubelet's and kube-proxy's documents and their types. kubeadm decodes both into Go types, which
//! refuses a wrong type; a field that nobody knows is told and passed on, since a newer version may have it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::duration::{self, DurationError};
use crate::error::{ConfigError, Warning};
use crate::validate::Check;
use crate::wire::closest;
use crate::yaml::{self, Document};

/// The type of a value.
#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    Flag,
    /// A whole number, from the first to the second.
    Whole(i64, i64),
    Number,
    Duration,
    /// A duration, or a number of nanoseconds.
    Frequency,
    /// An amount such as `10Mi`, as text or number.
    Quantity,
    List(Box<Shape>),
    /// A map with any keys.
    Map(Box<Shape>),
    Fields(BTreeMap<String, Shape>),
}

/// The shapes of both documents.
pub(crate) struct Shapes {
    pub kubelet: Shape,
    pub kube_proxy: Shape,
}

pub(crate) static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let text = yaml::embedded(include_str!("shapes.yaml"));
    let shape = |name: &str| text.get(name).and_then(Shape::parse).expect("a test reads every embedded text");
    Shapes { kubelet: shape("kubelet"), kube_proxy: shape("kubeProxy") }
});

impl Shape {
    fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Some(match name.as_str() {
                "string" => Self::Text,
                "bool" => Self::Flag,
                "int32" => Self::Whole(i32::MIN.into(), i32::MAX.into()),
                "int64" => Self::Whole(i64::MIN, i64::MAX),
                "uint32" => Self::Whole(0, u32::MAX.into()),
                "float" => Self::Number,
                "duration" => Self::Duration,
                "frequency" => Self::Frequency,
                "quantity" => Self::Quantity,
                _ => return None,
            }),
            Value::Array(list) => Some(Self::List(Box::new(Self::parse(list.first()?)?))),
            Value::Object(map) => match map.get("*") {
                Some(inner) => Some(Self::Map(Box::new(Self::parse(inner)?))),
                None => {
                    let fields = map.iter().map(|(name, inner)| Some((name.clone(), Self::parse(inner)?)));
                    Some(Self::Fields(fields.collect::<Option<_>>()?))
                }
            },
            _ => None,
        }
    }

    /// Notes every wrong type of a document, and warns of fields that it does not have.
    pub fn check(&self, document: &Document, check: &mut Check<'_>) {
        let mut found = Found { document, check };
        found.value("", document.value(), self);
    }
}

struct Found<'c, 'a, 'd> {
    document: &'d Document,
    check: &'c mut Check<'a>,
}

impl Found<'_, '_, '_> {
    fn value(&mut self, path: &str, value: &Value, shape: &Shape) {
        match (shape, value) {
            // Go leaves the zero value for `null`.
            (_, Value::Null)
            | (Shape::Text, Value::String(_))
            | (Shape::Flag, Value::Bool(_))
            | (Shape::Number | Shape::Frequency | Shape::Quantity, Value::Number(_)) => {}
            (Shape::Text, Value::Bool(_) | Value::Number(_)) => self.wrong(path, value, "a string", "put it in quotes"),
            (Shape::Text, _) => self.wrong(path, value, "a string", "write one text"),
            (Shape::Flag, Value::String(text)) if text == "true" || text == "false" => {
                self.wrong(path, value, "true or false", "remove the quotes");
            }
            (Shape::Flag, _) => self.wrong(path, value, "true or false", "write true or false"),
            (Shape::Whole(least, most), Value::Number(number)) => {
                if !number.as_i64().is_some_and(|number| (*least..=*most).contains(&number)) {
                    self.wrong(path, value, "a whole number", &format!("choose one from {least} to {most}"));
                }
            }
            (Shape::Whole(..) | Shape::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
                self.wrong(path, value, "a number", "remove the quotes");
            }
            (Shape::Whole(..) | Shape::Number, _) => self.wrong(path, value, "a number", "write one without a unit"),
            (Shape::Duration | Shape::Frequency, Value::String(text)) => match duration::parse(text) {
                Ok(_) | Err(DurationError::Negative) => {}
                Err(error) => {
                    let error = ConfigError::invalid(path, text, error.to_string());
                    self.error(error.hint("for example 30s or 4m0s"));
                }
            },
            (Shape::Duration | Shape::Frequency, _) => {
                self.wrong(path, value, "a duration such as 4m0s", "write it with its unit, in quotes or not");
            }
            (Shape::Quantity, Value::String(text)) => {
                if !is_quantity(text) {
                    let error = ConfigError::invalid(path, text, "not an amount such as 100Mi");
                    self.error(error.hint("write a number with a unit of k, M, G, Ki, Mi or Gi, or without one"));
                }
            }
            (Shape::Quantity, _) => self.wrong(path, value, "an amount such as 100Mi", "write a number with a unit"),
            (Shape::List(inner), Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    self.value(&yaml::item(path, index), value, inner);
                }
            }
            (Shape::List(_), _) => self.wrong(path, value, "a list", "write one entry a line, each after `- `"),
            (Shape::Map(inner), Value::Object(map)) => {
                for (key, value) in map {
                    self.value(&yaml::child(path, key), value, inner);
                }
            }
            (Shape::Fields(fields), Value::Object(map)) => {
                let known = |key: &String| path.is_empty() && (key == "apiVersion" || key == "kind");
                for (key, value) in map.iter().filter(|(key, _)| !known(key)) {
                    match fields.get(key) {
                        Some(shape) => self.value(&yaml::child(path, key), value, shape),
                        None => self.unknown(yaml::child(path, key), key, fields),
                    }
                }
            }
            (Shape::Map(_) | Shape::Fields(_), _) => {
                self.wrong(path, value, "a map", "write its fields below it, indented, each as `name: value`");
            }
        }
    }

    fn error(&mut self, error: ConfigError) {
        let line = Some(self.document.line(&error.field));
        self.check.errors.push(error.at(line));
    }

    fn wrong(&mut self, path: &str, value: &Value, expected: &str, fix: &str) {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        let mut error = ConfigError::field(path, format!("expected {expected}, found {found}")).hint(fix);
        error.value = (!value.is_array() && !value.is_object()).then(|| value.to_string());
        self.error(error);
    }

    fn unknown(&mut self, path: String, key: &str, fields: &BTreeMap<String, Shape>) {
        let known: Vec<&str> = fields.keys().map(String::as_str).collect();
        let (message, fix) = match closest(key, &known) {
            Some(name) => {
                (format!("unknown field, passed on; did you mean `{name}`?"), format!("did you mean `{name}`?"))
            }
            None => ("unknown field, passed on".to_owned(), "remove it".to_owned()),
        };
        let line = Some(self.document.line(&path));
        self.check.warnings.push(Warning::new(path, message).at(line).refused("unknown field", fix));
    }
}

/// Tells whether text is a quantity of Kubernetes: a number with a suffix such as `Mi`, `k`, `m` or `e3`.
pub(crate) fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let digits = number.bytes().any(|byte| byte.is_ascii_digit()) && number.matches('.').count() <= 1;
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|power| power.parse::<i32>().is_ok());
    const SUFFIXES: [&str; 16] = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    digits && (SUFFIXES.contains(&suffix) || exponent)
}

#[cfg(test)]
mod tests;
