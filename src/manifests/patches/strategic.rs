//! Strategic merge patches, as the Kubernetes API and kubeadm apply them.
//!
//! As they do: what a patch adds to a merged list comes before what it does not name, and the order of a patch wins over
//! that of the object. Unlike them: directives and nulls never stay in what a patch adds.

use serde_json::{Map, Value};

use super::shape::{Field, Shape};

type Object = Map<String, Value>;

/// Why a patch could not be merged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("`$patch: {0}` is not known here: use delete or replace")]
    Directive(String),
    #[error("an item of `{field}` has no `{key}`, by which the list is merged")]
    NoKey { field: String, key: &'static str },
    #[error("`{0}` must be a list")]
    NotAList(String),
    #[error("the items of `{0}` must be either all objects or all scalars, as those of the object are")]
    Items(String),
    #[error("the order of `{0}` does not match its `$setElementOrder`, or an item is missing there")]
    Order(String),
    #[error("`{0}` is patched, but `$retainKeys` does not name it")]
    NotRetained(String),
}

/// Merges a patch into an object.
pub(super) fn merge(object: &mut Object, mut patch: Object, shape: &'static Shape) -> Result<(), Fault> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some(REPLACE) => {
                *object = clean_fields(patch);
                Ok(())
            }
            Some(DELETE) => {
                object.clear();
                Ok(())
            }
            _ => Err(unknown(&directive)),
        };
    }
    if let Some(retained) = patch.remove(RETAIN_KEYS) {
        retain(object, &patch, &retained)?;
    }
    let orders: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ORDER)).cloned().collect();
    for key in orders {
        let order = patch.remove(&key).unwrap_or_default();
        merge_in_order(object, &mut patch, &key[SET_ORDER.len()..], &order, shape)?;
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE_SCALARS) {
            if let Some(Value::Array(list)) = object.get_mut(field) {
                let Value::Array(unwanted) = value else { return Err(Fault::NotAList(key)) };
                list.retain(|item| !unwanted.contains(item));
            }
        } else if value.is_null() {
            object.remove(&key);
        } else {
            merge_field(object, key, value, shape)?;
        }
    }
    Ok(())
}

fn merge_field(object: &mut Object, key: String, value: Value, shape: &'static Shape) -> Result<(), Fault> {
    let field = shape.field(&key);
    match (object.get_mut(&key), value) {
        (Some(Value::Object(inner)), Value::Object(patch)) => {
            let shape = match field {
                Some(Field::Object(shape)) => shape,
                _ => Shape::PLAIN,
            };
            merge(inner, patch, shape)
        }
        (Some(Value::Array(list)), Value::Array(patch)) => {
            *list = merge_list(&key, std::mem::take(list), patch, field)?;
            Ok(())
        }
        (_, value) => {
            match clean(value) {
                Some(value) => object.insert(key, value),
                None => object.remove(&key),
            };
            Ok(())
        }
    }
}

fn merge_list(name: &str, live: Vec<Value>, patch: Vec<Value>, field: Option<Field>) -> Result<Vec<Value>, Fault> {
    match field {
        None | Some(Field::Object(_)) => Ok(clean_items(patch)),
        Some(Field::Set) => {
            if live.iter().chain(&patch).any(|item| item.is_object() || item.is_array()) {
                return Err(Fault::Items(name.to_owned()));
            }
            let mut merged: Vec<Value> = Vec::new();
            for item in live.iter().chain(&patch) {
                if !merged.contains(item) {
                    merged.push(item.clone());
                }
            }
            Identity { name, key: None }.arrange(merged, &patch, &live)
        }
        Some(Field::Keyed(key, shape)) => merge_keyed(Identity { name, key: Some(key) }, key, live, patch, shape),
    }
}

fn merge_keyed(
    identity: Identity<'_>,
    key: &'static str,
    mut live: Vec<Value>,
    patch: Vec<Value>,
    shape: &'static Shape,
) -> Result<Vec<Value>, Fault> {
    let mut parts = Vec::new();
    let mut replace = false;
    for part in patch {
        let Value::Object(part) = part else { return Err(Fault::Items(identity.name.to_owned())) };
        match part.get(DIRECTIVE).map(|directive| (directive, directive.as_str())) {
            None => parts.push(part),
            Some((_, Some(REPLACE))) => replace = true,
            Some((_, Some(DELETE))) => {
                let gone = part.get(key).ok_or_else(|| identity.missing(key))?;
                live.retain(|item| item.get(key) != Some(gone));
            }
            Some((directive, _)) => return Err(unknown(directive)),
        }
    }
    if replace {
        return Ok(parts.into_iter().map(|part| Value::Object(clean_fields(part))).collect());
    }
    let mut merged = live.clone();
    let mut wanted = Vec::new();
    for part in parts {
        let id = part.get(key).cloned().ok_or_else(|| identity.missing(key))?;
        wanted.push(Value::Object(Map::from_iter([(key.to_owned(), id.clone())])));
        match merged.iter_mut().find(|item| item.get(key) == Some(&id)) {
            Some(Value::Object(item)) => merge(item, part, shape)?,
            _ => merged.push(Value::Object(clean_fields(part))),
        }
    }
    identity.arrange(merged, &wanted, &live)
}

fn merge_in_order(
    object: &mut Object,
    patch: &mut Object,
    name: &str,
    order: &Value,
    shape: &'static Shape,
) -> Result<(), Fault> {
    let not_a_list = || Fault::NotAList(name.to_owned());
    let list = |value: Option<Value>| match value {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) => Err(not_a_list()),
    };
    let order = order.as_array().ok_or_else(not_a_list)?;
    let live = list(object.get(name).cloned())?;
    let patch = list(patch.remove(name))?;
    let field = shape.field(name);
    let identity = Identity {
        name,
        key: match field {
            Some(Field::Keyed(key, _)) => Some(key),
            _ => None,
        },
    };
    if let Some(patch) = &patch {
        identity.check_order(patch, order)?;
    }
    let merged = match (live.clone(), patch) {
        (None, None) => return Ok(()),
        (Some(live), None) => live,
        (None, Some(patch)) => clean_items(patch),
        (Some(live), Some(patch)) => merge_list(name, live, patch, field)?,
    };
    let arranged = identity.arrange(merged, order, &live.unwrap_or_default())?;
    object.insert(name.to_owned(), Value::Array(arranged));
    Ok(())
}

/// What makes two items of a list the same: a field of theirs, or all of them.
#[derive(Clone, Copy)]
struct Identity<'a> {
    /// The list, for messages.
    name: &'a str,
    key: Option<&'static str>,
}

impl Identity<'_> {
    fn missing(self, key: &'static str) -> Fault {
        Fault::NoKey { field: self.name.to_owned(), key }
    }

    fn of<'v>(&self, item: &'v Value) -> Result<&'v Value, Fault> {
        match (self.key, item) {
            (Some(key), Value::Object(item)) => item.get(key).ok_or_else(|| self.missing(key)),
            (Some(_), _) | (None, Value::Object(_) | Value::Array(_)) => Err(Fault::Items(self.name.to_owned())),
            (None, item) => Ok(item),
        }
    }

    fn ids<'v>(&self, items: &'v [Value]) -> Result<Vec<&'v Value>, Fault> {
        items.iter().map(|item| self.of(item)).collect()
    }

    /// Puts merged items in order: named ones as `wanted` has them, the others as `live` has them, and one of the others
    /// before a named one only where both were live in that order.
    fn arrange(&self, merged: Vec<Value>, wanted: &[Value], live: &[Value]) -> Result<Vec<Value>, Fault> {
        let (wanted, live) = (self.ids(wanted)?, self.ids(live)?);
        let place = |ids: &[&Value], id: &Value| ids.iter().position(|known| *known == id);
        let mut named = Vec::new();
        let mut others = Vec::new();
        for item in merged {
            let id = self.of(&item)?;
            let was = place(&live, id);
            match place(&wanted, id) {
                Some(at) => named.push((at, was, item)),
                None => others.push((was, item)),
            }
        }
        named.sort_by_key(|(at, ..)| *at);
        others.sort_by_key(|(was, _)| *was);
        let mut arranged = Vec::with_capacity(named.len() + others.len());
        let mut others = others.into_iter().peekable();
        for (_, was, item) in named {
            while let Some((_, earlier)) = others.next_if(|(other, _)| other.is_some() && was.is_some() && *other < was)
            {
                arranged.push(earlier);
            }
            arranged.push(item);
        }
        arranged.extend(others.map(|(_, item)| item));
        Ok(arranged)
    }

    /// Every item of a patch must stand in the order that it asks for, in that order.
    fn check_order(&self, patch: &[Value], order: &[Value]) -> Result<(), Fault> {
        let mut order = self.ids(order)?.into_iter();
        for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
            let id = self.of(item)?;
            if !order.any(|known| known == id) {
                return Err(Fault::Order(self.name.to_owned()));
            }
        }
        Ok(())
    }
}

fn retain(object: &mut Object, patch: &Object, retained: &Value) -> Result<(), Fault> {
    let retained = retained.as_array().ok_or_else(|| Fault::NotAList(RETAIN_KEYS.to_owned()))?;
    let kept = |key: &str| retained.iter().any(|name| name.as_str() == Some(key));
    let directive = |key: &str| key.starts_with(DELETE_SCALARS) || key.starts_with(SET_ORDER);
    match patch.iter().find(|(key, value)| !value.is_null() && !directive(key) && !kept(key)) {
        Some((key, _)) => Err(Fault::NotRetained(key.clone())),
        None => {
            object.retain(|key, _| kept(key));
            Ok(())
        }
    }
}

fn unknown(directive: &Value) -> Fault {
    Fault::Directive(directive.as_str().map_or_else(|| directive.to_string(), str::to_owned))
}

/// Takes directives and nulls out of what a patch adds; an object that is only a directive vanishes.
fn clean(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => {
            match fields.get(DIRECTIVE).and_then(Value::as_str) {
                // There is nothing yet that it could replace.
                Some(REPLACE) => Some(Value::Object(clean_fields(fields))),
                _ => None,
            }
        }
        Value::Object(fields) => Some(Value::Object(clean_fields(fields))),
        Value::Array(items) => Some(Value::Array(clean_items(items))),
        Value::Null => None,
        scalar => Some(scalar),
    }
}

fn clean_fields(fields: Object) -> Object {
    let said = |key: &str| {
        key != DIRECTIVE && key != RETAIN_KEYS && !key.starts_with(SET_ORDER) && !key.starts_with(DELETE_SCALARS)
    };
    fields.into_iter().filter(|(key, _)| said(key)).filter_map(|(key, value)| Some((key, clean(value)?))).collect()
}

fn clean_items(items: Vec<Value>) -> Vec<Value> {
    items.into_iter().filter_map(clean).collect()
}

const DIRECTIVE: &str = "$patch";
const REPLACE: &str = "replace";
const DELETE: &str = "delete";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_SCALARS: &str = "$deleteFromPrimitiveList/";

#[cfg(test)]
mod tests;
