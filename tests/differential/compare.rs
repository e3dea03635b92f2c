//! Finds where two values differ.

use std::fmt;

use serde_json::Value;

use crate::harvest::Harvest;

/// One place where the two sides are not alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Which thing.
    pub thing: String,
    /// Where in it, as `spec.containers[0].command`; empty for all of it.
    pub path: String,
    /// What kubeadm has there, unless nothing.
    pub theirs: Option<Value>,
    /// What kubewright has there, unless nothing.
    pub ours: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "nothing".to_owned(), |value| shortened(&value.to_string()))
        };
        write!(f, "{} at `{}`: theirs {}, ours {}", self.thing, self.path, side(&self.theirs), side(&self.ours))
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What came of comparing one thing.
#[derive(Debug)]
pub(crate) struct Compared {
    /// The thing's name.
    pub thing: String,
    /// Where it differs; equal if nowhere.
    pub differences: Vec<Difference>,
}

/// Compares every thing that either side has.
pub(crate) fn compare(theirs: &Harvest, ours: &Harvest) -> Vec<Compared> {
    let only_ours = ours.things.keys().filter(|name| !theirs.things.contains_key(*name));
    let names = theirs.things.keys().chain(only_ours);
    names
        .map(|name| {
            let mut differences = Vec::new();
            let mut note = |path: &str, theirs: Option<&Value>, ours: Option<&Value>| {
                differences.push(Difference {
                    thing: name.clone(),
                    path: path.to_owned(),
                    theirs: theirs.cloned(),
                    ours: ours.cloned(),
                });
            };
            either(theirs.things.get(name), ours.things.get(name), "", &mut note);
            Compared { thing: name.clone(), differences }
        })
        .collect()
}

type Note<'a> = &'a mut dyn FnMut(&str, Option<&Value>, Option<&Value>);

fn either(theirs: Option<&Value>, ours: Option<&Value>, path: &str, note: Note<'_>) {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if theirs == ours => {}
        (Some(Value::Object(theirs)), Some(Value::Object(ours))) => {
            let names = theirs.keys().chain(ours.keys().filter(|name| !theirs.contains_key(*name)));
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                either(theirs.get(name), ours.get(name), &path, note);
            }
        }
        (Some(Value::Array(theirs)), Some(Value::Array(ours))) => lists(theirs, ours, path, note),
        (None, None) => {}
        (theirs, ours) => note(path, theirs, ours),
    }
}

/// Lists of as many items are compared item by item; otherwise what only one side has is told, or that the order differs.
fn lists(theirs: &[Value], ours: &[Value], path: &str, note: Note<'_>) {
    let missing = left_over(theirs, ours);
    let surplus = left_over(ours, theirs);
    let here = format!("{path}[]");
    if missing.is_empty() && surplus.is_empty() {
        let whole = |items: &[Value]| Value::Array(items.to_vec());
        return note(&here, Some(&whole(theirs)), Some(&whole(ours)));
    }
    let structured = |items: &[Value]| items.iter().all(|item| item.is_object() || item.is_array());
    if theirs.len() == ours.len() && structured(theirs) && structured(ours) {
        for (at, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
            either(Some(theirs), Some(ours), &format!("{path}[{at}]"), note);
        }
        return;
    }
    for at in 0..missing.len().max(surplus.len()) {
        note(&here, missing.get(at).copied(), surplus.get(at).copied());
    }
}

/// The items of the first list that the second has not, counting doubles.
fn left_over<'a>(first: &'a [Value], second: &[Value]) -> Vec<&'a Value> {
    let mut rest: Vec<&Value> = second.iter().collect();
    let mut over = Vec::new();
    for item in first {
        match rest.iter().position(|other| *other == item) {
            Some(at) => {
                rest.swap_remove(at);
            }
            None => over.push(item),
        }
    }
    over
}

#[cfg(test)]
mod tests;
