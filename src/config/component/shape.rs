//! The fields of the kubelet's and kube-proxy's documents and their types. kubeadm decodes both into Go types, which
//! refuses a wrong type; a field that nobody knows is told and passed on, since a newer version may have it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::duration::{self, DurationError};
use crate::error::ConfigError;
use crate::validate::Check;
use crate::wire::{mismatch, unknown_field};
use crate::yaml;

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

    /// Notes every wrong type in a value, and warns of fields that it does not have.
    pub fn check(&self, path: &str, value: &Value, check: &mut Check<'_>) {
        match (self, value) {
            // Go leaves the zero value for `null`.
            (_, Value::Null)
            | (Self::Text, Value::String(_))
            | (Self::Flag, Value::Bool(_))
            | (Self::Number | Self::Frequency | Self::Quantity, Value::Number(_)) => {}
            (Self::Text, Value::Bool(_) | Value::Number(_)) => {
                wrong(check, path, value, "a string", "put it in quotes")
            }
            (Self::Text, _) => wrong(check, path, value, "a string", "write one text"),
            (Self::Flag, Value::String(text)) if text == "true" || text == "false" => {
                wrong(check, path, value, "true or false", "remove the quotes");
            }
            (Self::Flag, _) => wrong(check, path, value, "true or false", "write true or false"),
            (Self::Whole(least, most), Value::Number(number)) => {
                if !number.as_i64().is_some_and(|number| (*least..=*most).contains(&number)) {
                    wrong(check, path, value, "a whole number", &format!("choose one from {least} to {most}"));
                }
            }
            (Self::Whole(..) | Self::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
                wrong(check, path, value, "a number", "remove the quotes");
            }
            (Self::Whole(..) | Self::Number, _) => wrong(check, path, value, "a number", "write one without a unit"),
            (Self::Duration | Self::Frequency, Value::String(text)) => match duration::parse(text) {
                Ok(_) | Err(DurationError::Negative) => {}
                Err(error) => {
                    let error = ConfigError::invalid(path, text, error.to_string());
                    check.error(error.hint("for example 30s or 4m0s"));
                }
            },
            (Self::Duration | Self::Frequency, _) => {
                wrong(check, path, value, "a duration such as 4m0s", "write it with its unit, in quotes or not");
            }
            (Self::Quantity, Value::String(text)) => {
                if !is_quantity(text) {
                    let error = ConfigError::invalid(path, text, "not an amount such as 100Mi");
                    check.error(error.hint("write a number with a unit of k, M, G, Ki, Mi or Gi, or without one"));
                }
            }
            (Self::Quantity, _) => wrong(check, path, value, "an amount such as 100Mi", "write a number with a unit"),
            (Self::List(inner), Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    inner.check(&yaml::item(path, index), value, check);
                }
            }
            (Self::List(_), _) => wrong(check, path, value, "a list", "write one entry a line, each after `- `"),
            (Self::Map(inner), Value::Object(map)) => {
                for (key, value) in map {
                    inner.check(&yaml::child(path, key), value, check);
                }
            }
            (Self::Fields(fields), Value::Object(map)) => {
                let known = |key: &String| path.is_empty() && (key == "apiVersion" || key == "kind");
                for (key, value) in map.iter().filter(|(key, _)| !known(key)) {
                    match fields.get(key) {
                        Some(shape) => shape.check(&yaml::child(path, key), value, check),
                        None => unknown(check, yaml::child(path, key), key, fields),
                    }
                }
            }
            (Self::Map(_) | Self::Fields(_), _) => {
                wrong(check, path, value, "a map", "write its fields below it, indented, each as `name: value`");
            }
        }
    }
}

fn wrong(check: &mut Check<'_>, path: &str, value: &Value, expected: &str, fix: &str) {
    check.error(mismatch(path, expected, value, fix));
}

fn unknown(check: &mut Check<'_>, path: String, key: &str, fields: &BTreeMap<String, Shape>) {
    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
    check.tell(unknown_field(path, key, &known, "passed on"));
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
