//! How the documents' types are read from values and written back: field by field, with every fault told at once.
//!
//! Reading follows Go's lenient rules: `null` leaves the zero value, unknown fields are dropped and told as warnings.
//! Writing follows `omitempty`: a struct always stands, other zero values are left out unless the field says `keep`.
//! The JSON Schema comes from the same declarations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::duration;
use crate::error::{ConfigError, Warning};
use crate::schema::{self, Definitions};
use crate::token::SecretText;
use crate::yaml::{self, Document, Duplicate};

/// A type of the documents.
pub(crate) trait Wire: Sized + Default {
    /// Reads a value; a fault is noted and leaves the zero value.
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self;

    /// Writes the value.
    fn write(&self) -> Value;

    /// Tells whether Go's `omitempty` leaves the value out.
    fn omit(&self) -> bool;

    /// Returns the JSON Schema of a field of this type; structs are added to the definitions.
    fn schema(definitions: &mut Definitions) -> Value;
}

/// Where reading stands in a document, and what it found.
pub(crate) struct Reader<'a> {
    document: &'a Document,
    path: String,
    /// Faults that make the document unusable.
    pub errors: Vec<ConfigError>,
    /// Fields that were dropped.
    pub warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    /// Starts at the top of a document, whose duplicate keys become warnings.
    pub fn new(document: &'a Document) -> Self {
        let mut reader = Self { document, path: String::new(), errors: Vec::new(), warnings: Vec::new() };
        reader.warnings = document.duplicates().iter().map(duplicate).collect();
        reader
    }

    fn unknown(&mut self, path: String, known: &[&str], key: &str) {
        let line = Some(self.document.line(&path));
        self.warnings.push(unknown_field(path, key, known, "ignored").at(line));
    }

    /// Reads a part of the value that stands at a longer path.
    fn within<T>(&mut self, path: String, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.path, path);
        let result = read(self);
        self.path = outer;
        result
    }

    fn expected(&mut self, what: &str, value: &Value, fix: &str) {
        let error = mismatch(&self.path, what, value, fix);
        self.errors.push(error.at(Some(self.document.line(&self.path))));
    }

    /// Notes a fault of the value at the current path.
    pub fn refuse(&mut self, error: impl FnOnce(&str) -> ConfigError) {
        let line = Some(self.document.line(&self.path));
        self.errors.push(error(&self.path).at(line));
    }

    /// Warns of the keys that a struct does not have.
    pub fn check_fields(&mut self, map: &Map<String, Value>, known: &[&str]) {
        let top = self.path.is_empty();
        for key in map.keys() {
            if known.contains(&key.as_str()) || (top && (key == "apiVersion" || key == "kind")) {
                continue;
            }
            self.unknown(yaml::child(&self.path, key), known, key);
        }
    }

    /// Reads a field of a struct.
    pub fn field<T: Wire>(&mut self, map: &Map<String, Value>, name: &str) -> T {
        match map.get(name) {
            None | Some(Value::Null) => T::default(),
            Some(value) => self.within(yaml::child(&self.path, name), |reader| T::read(value, reader)),
        }
    }

    /// Takes the value as a map, or notes that it is none.
    pub fn map<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        let map = value.as_object();
        if map.is_none() && !value.is_null() {
            self.expected("a map", value, "write its fields below it, indented, each as `name: value`");
        }
        map
    }
}

/// Tells of a value of the wrong type.
pub(crate) fn mismatch(path: &str, what: &str, value: &Value, fix: &str) -> ConfigError {
    let found = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    };
    let mut error = ConfigError::field(path, format!("expected {what}, found {found}")).hint(fix);
    error.value = matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_)).then(|| value.to_string());
    error
}

/// Tells of a field that nobody knows, and what was done with it.
pub(crate) fn unknown_field(path: String, key: &str, known: &[&str], done: &str) -> Warning {
    let meant = closest(key, known).map(|name| format!("did you mean `{name}`?"));
    let (suffix, fix) = match meant {
        Some(meant) => (format!("; {meant}"), meant),
        None => (String::new(), "remove it".to_owned()),
    };
    Warning::new(path, format!("unknown field, {done}{suffix}")).refused("unknown field", fix)
}

/// Tells of a key that stands twice.
pub(crate) fn duplicate(found: &Duplicate) -> Warning {
    let reason = format!("the field stands twice, first at line {}", found.first_line);
    let warning = Warning::new(&found.path, format!("{reason}; the last value counts")).at(Some(found.line));
    warning.refused(reason, "remove one of them")
}

/// Finds the name that was likely meant.
pub(crate) fn closest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let given = given.to_lowercase();
    // Of equals the last one wins, and the first one is likelier.
    let scored = known.iter().rev().map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), *name));
    let (score, name) = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score > 0.85).then_some(name)
}

impl Wire for String {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        match value {
            Value::String(text) => text.clone(),
            _ => {
                let scalar = matches!(value, Value::Bool(_) | Value::Number(_));
                reader.expected("a string", value, if scalar { "put it in quotes" } else { "write one text" });
                Self::new()
            }
        }
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }

    fn omit(&self) -> bool {
        self.is_empty()
    }

    fn schema(_: &mut Definitions) -> Value {
        schema::scalar("string")
    }
}

impl Wire for SecretText {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        match value {
            Value::String(text) => text.clone().into(),
            _ => {
                // Even a secret of the wrong type must not be repeated.
                let error = ConfigError::field(reader.path.clone(), "expected a string").hint("put it in quotes");
                reader.errors.push(error.at(Some(reader.document.line(&reader.path))));
                Self::default()
            }
        }
    }

    fn write(&self) -> Value {
        Value::String(self.reveal().to_owned())
    }

    fn omit(&self) -> bool {
        self.reveal().is_empty()
    }

    fn schema(_: &mut Definitions) -> Value {
        schema::scalar("string")
    }
}

impl Wire for bool {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        value.as_bool().unwrap_or_else(|| {
            let flag = matches!(value.as_str(), Some("true" | "false"));
            reader.expected("true or false", value, if flag { "remove the quotes" } else { "write true or false" });
            false
        })
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }

    fn omit(&self) -> bool {
        !self
    }

    fn schema(_: &mut Definitions) -> Value {
        schema::scalar("boolean")
    }
}

impl Wire for i32 {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        value.as_i64().and_then(|number| Self::try_from(number).ok()).unwrap_or_else(|| {
            let number = value.as_str().is_some_and(|text| text.parse::<Self>().is_ok());
            let fix = if number { "remove the quotes" } else { "write a whole number, at most 2147483647" };
            reader.expected("a whole number of 32 bits", value, fix);
            0
        })
    }

    fn write(&self) -> Value {
        (*self).into()
    }

    fn omit(&self) -> bool {
        *self == 0
    }

    fn schema(_: &mut Definitions) -> Value {
        schema::whole(i32::MIN.into(), i32::MAX.into())
    }
}

impl Wire for std::time::Duration {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        let Value::String(text) = value else {
            reader.expected("a duration such as 4m0s", value, "write it with its unit, in quotes or not");
            return Self::ZERO;
        };
        duration::parse(text).unwrap_or_else(|error| {
            let line = Some(reader.document.line(&reader.path));
            let error = ConfigError::invalid(reader.path.clone(), text, error.to_string());
            reader.errors.push(error.at(line).hint("for example 4m0s or 8760h"));
            Self::ZERO
        })
    }

    fn write(&self) -> Value {
        duration::format(*self).into()
    }

    fn omit(&self) -> bool {
        false
    }

    fn schema(_: &mut Definitions) -> Value {
        schema::duration()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        (!value.is_null()).then(|| T::read(value, reader))
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, Wire::write)
    }

    fn omit(&self) -> bool {
        self.is_none()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        let Value::Array(list) = value else {
            reader.expected("a list", value, "write one entry a line, each after `- `");
            return Self::new();
        };
        let read = |(index, value): (usize, &Value)| {
            let path = yaml::item(&reader.path, index);
            // Go takes an empty entry, as a trailing `-` leaves one, for the zero value.
            if value.is_null() { T::default() } else { reader.within(path, |reader| T::read(value, reader)) }
        };
        list.iter().enumerate().map(read).collect()
    }

    fn write(&self) -> Value {
        self.iter().map(Wire::write).collect()
    }

    fn omit(&self) -> bool {
        self.is_empty()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        schema::list(T::schema(definitions))
    }
}

impl<T: Wire> Wire for BTreeMap<String, T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Self {
        let Some(map) = reader.map(value) else { return Self::new() };
        let read = |key: &String| (key.clone(), reader.field(map, key));
        map.keys().map(read).collect()
    }

    fn write(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.clone(), value.write())).collect())
    }

    fn omit(&self) -> bool {
        self.is_empty()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        schema::map(T::schema(definitions))
    }
}

/// Declares structs of the documents: each field with its name there; `= keep` writes it even if it is zero, `[rule]`
/// after a field or a struct names a rule of `schema/rules.rs`.
macro_rules! wire {
    ($(
        $(#[doc = $about:literal])*
        $name:ident $([$whole:ident])? {
            $($(#[doc = $doc:literal])* $json:literal $field:ident: $type:ty $(= $keep:ident)? $([$rule:ident])?),* $(,)?
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $name { $($(#[doc = $doc])* pub $field: $type),* }

        impl $crate::wire::Wire for $name {
            fn read(value: &serde_json::Value, reader: &mut $crate::wire::Reader<'_>) -> Self {
                let Some(map) = reader.map(value) else { return Self::default() };
                reader.check_fields(map, &[$($json),*]);
                Self { $($field: reader.field(map, $json)),* }
            }

            fn write(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                $(if $crate::wire::wire!(@keep $($keep)?) || !self.$field.omit() {
                    map.insert($json.to_owned(), self.$field.write());
                })*
                serde_json::Value::Object(map)
            }

            fn omit(&self) -> bool {
                false
            }

            fn schema(definitions: &mut $crate::schema::Definitions) -> serde_json::Value {
                let rule = $crate::wire::wire!(@rule $($whole)?);
                definitions.structure(stringify!($name), &[$($about),*], rule, |definitions| vec![$(
                    $crate::schema::Field {
                        name: $json,
                        about: &[$($doc),*],
                        schema: <$type as $crate::wire::Wire>::schema(definitions),
                        rule: $crate::wire::wire!(@rule $($rule)?),
                    },
                )*])
            }
        }
    )*};
    (@keep keep) => { true };
    (@keep) => { false };
    (@rule $rule:ident) => { Some($crate::schema::rules::$rule()) };
    (@rule) => { None };
}
pub(crate) use wire;

#[cfg(test)]
mod tests;
