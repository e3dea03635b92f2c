//! What a JSON Schema is made of. The declarations that read documents say their own with it, and `file_schema.rs` makes
//! one of all. Draft 7, since editors know it best. Every field may be null, as Go takes null for "not set".

pub(crate) mod rules;

use serde_json::{Map, Value, json};

/// The structs that a schema names.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// Their schemas by name.
    pub structures: Map<String, Value>,
}

/// A field of a struct.
pub(crate) struct Field {
    /// Name in the documents.
    pub name: &'static str,
    /// Lines of its description.
    pub about: &'static [&'static str],
    /// Schema of its type.
    pub schema: Value,
    /// What else holds for its value, or for the values in its list.
    pub rule: Option<Value>,
}

impl Definitions {
    /// Adds a struct, and returns the schema of a field with that type.
    pub fn structure(
        &mut self,
        name: &str,
        about: &[&str],
        rule: Option<Value>,
        fields: impl FnOnce(&mut Self) -> Vec<Field>,
    ) -> Value {
        if !self.structures.contains_key(name) {
            let properties: Map<String, Value> = fields(self).into_iter().map(Field::property).collect();
            let mut schema = json!({
                "description": text(about),
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
            });
            if let (Value::Object(schema), Some(Value::Object(rule))) = (&mut schema, rule) {
                schema.extend(rule);
            }
            self.structures.insert(name.to_owned(), schema);
        }
        json!({"anyOf": [reference(name), {"type": "null"}]})
    }
}

impl Field {
    fn property(self) -> (String, Value) {
        let mut schema = self.schema;
        if let Some(Value::Object(rule)) = self.rule {
            let place = if schema.get("items").is_some() { &mut schema["items"] } else { &mut schema };
            match place {
                Value::Object(place) => place.extend(rule),
                place => *place = Value::Object(rule),
            }
        }
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), text(self.about).into());
        }
        (self.name.to_owned(), schema)
    }
}

fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// Returns the schema of a field of one type.
pub(crate) fn scalar(name: &str) -> Value {
    json!({"type": [name, "null"]})
}

/// Returns the schema of a whole number.
pub(crate) fn whole(least: i64, most: i64) -> Value {
    json!({"type": ["integer", "null"], "minimum": least, "maximum": most})
}

/// Returns the schema of a Go duration that is not negative.
pub(crate) fn duration() -> Value {
    let unit = "(ns|us|µs|μs|ms|s|m|h)";
    json!({"type": ["string", "null"], "pattern": format!(r"^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+){unit})+)$")})
}

/// Returns the schema of a list.
pub(crate) fn list(items: Value) -> Value {
    json!({"type": ["array", "null"], "items": items})
}

/// Returns the schema of a map with any keys.
pub(crate) fn map(values: Value) -> Value {
    json!({"type": ["object", "null"], "additionalProperties": values})
}
