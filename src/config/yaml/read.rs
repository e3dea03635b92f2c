//! Reads one YAML document into a JSON value and notes duplicate keys, of which the last one counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{child, item};

/// Aliases can name the same large node again and again; no real configuration has this many nodes.
const MAX_NODES: usize = 200_000;

/// Reads a document; also returns the paths of duplicate keys.
pub(super) fn read(text: &str) -> Result<(Value, Vec<String>), serde_yaml::Error> {
    let mut state = State { duplicates: Vec::new(), nodes: 0 };
    let value =
        Node { path: String::new(), state: &mut state }.deserialize(serde_yaml::Deserializer::from_str(text))?;
    Ok((value, state.duplicates))
}

/// Returns the library's message without the position, which is told apart.
pub(super) fn message(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

struct State {
    duplicates: Vec<String>,
    nodes: usize,
}

struct Node<'a> {
    path: String,
    state: &'a mut State,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.state.nodes += 1;
        if self.state.nodes > MAX_NODES {
            return Err(D::Error::custom("the document has too many nodes"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, list or scalar without a tag")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("numbers must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) =
            access.next_element_seed(Node { path: item(&self.path, list.len()), state: &mut *self.state })?
        {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key_seed(Node { path: String::new(), state: &mut *self.state })? {
            let key = match key {
                Value::String(key) => key,
                Value::Bool(_) | Value::Number(_) => key.to_string(),
                _ => return Err(A::Error::custom("map keys must be strings")),
            };
            let path = child(&self.path, &key);
            let value = access.next_value_seed(Node { path: path.clone(), state: &mut *self.state })?;
            if map.insert(key, value).is_some() {
                self.state.duplicates.push(path);
            }
        }
        Ok(Value::Object(map))
    }
}
