//! Reads one YAML document into a JSON value, with the place of every value and the keys that stand twice.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use super::places::{Inner, Place};
use super::scalar;
use super::{Duplicate, child, item};
use crate::error::ConfigError;

/// Aliases can repeat the same large node again and again; no real configuration has this many nodes.
const MAX_NODES: usize = 200_000;
/// Bytes of all texts together, aliases included.
const MAX_TEXT: usize = 8 << 20;
/// Maps and lists in one another.
const MAX_DEPTH: usize = 100;
/// Bytes of one key. YAML allows no longer ones, unless they are marked with `?`.
const MAX_KEY: usize = 1024;
/// How many keys that stand twice are told.
const MAX_DUPLICATES: usize = 100;

/// A document that was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub value: Value,
    pub place: Place,
    pub duplicates: Vec<Duplicate>,
}

/// Reads a document whose first line has the given number in its file.
pub(super) fn read(text: &str, first_line: usize) -> Result<Parsed, ConfigError> {
    let offset = first_line - 1;
    let mut reader = Reader::default();
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.map_err(|error| syntax(&error, offset))?;
        reader.take(event, span.start.line() + offset)?;
    }
    let Node { value, place, .. } = reader.root.unwrap_or_else(|| Node::scalar(Value::Null, first_line));
    // The document as a whole begins where its part of the file does.
    let place = Place { line: first_line, ..place };
    Ok(Parsed { value, place, duplicates: reader.duplicates })
}

fn options() -> Options {
    granit_parser::options! {
        emit_comments: false,
        simple_key_max_lookahead: MAX_KEY,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}

fn syntax(error: &ScanError, offset: usize) -> ConfigError {
    let reason = format!("not valid YAML: {}", error.info());
    fault(error.marker().line() + offset, &reason, "look at the indentation, quotes and colons around this line")
}

fn fault(line: usize, reason: &str, fix: &str) -> ConfigError {
    ConfigError::document(reason).at(Some(line)).hint(fix)
}

fn odd_key(line: usize) -> ConfigError {
    fault(line, "a map's key must be a plain text", "write the key as one text, in quotes if it has braces or brackets")
}

/// A value with its place, and what it weighs against the limits.
#[derive(Debug, Clone)]
struct Node {
    value: Value,
    place: Place,
    nodes: usize,
    text: usize,
}

impl Node {
    fn scalar(value: Value, line: usize) -> Self {
        let text = value.as_str().map_or(0, str::len);
        Self { value, place: Place::at(line), nodes: 1, text }
    }
}

/// A map or list whose end has not been read.
struct Open {
    inside: Inside,
    anchor: usize,
    line: usize,
    nodes: usize,
    text: usize,
}

enum Inside {
    List { values: Vec<Value>, places: Vec<Place> },
    Map { values: Map<String, Value>, places: BTreeMap<String, Place>, key: Option<Key>, merged: Vec<(usize, Value)> },
}

struct Key {
    name: String,
    line: usize,
    /// The key is `<<`, whose value's fields belong to the map itself.
    merge: bool,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    duplicates: Vec<Duplicate>,
    root: Option<Node>,
    nodes: usize,
    text: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), ConfigError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = if self.wants_key() && text == "<<" && style == ScalarStyle::Plain && tag.is_none() {
                    return self.key(Key { name: text.into_owned(), line, merge: true });
                } else {
                    scalar_value(&text, style, tag.as_deref()).map_err(|(reason, fix)| fault(line, reason, fix))?
                };
                let node = Node::scalar(value, line);
                self.weigh(node.nodes, node.text, line)?;
                self.put(node, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Inside::List { values: Vec::new(), places: Vec::new() }, anchor, line)
            }
            Event::MappingStart(_, anchor, _) => {
                let inside = Inside::Map { values: Map::new(), places: BTreeMap::new(), key: None, merged: Vec::new() };
                self.begin(inside, anchor, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                // A node that holds itself is not finished yet, and so not among the anchors.
                let known = self.anchors.get(&anchor).cloned();
                let mut node = known.ok_or_else(|| {
                    let fix = "write the value out, or name another anchor";
                    fault(line, "an alias names the node that it stands in", fix)
                })?;
                node.place = Place::at(line);
                self.weigh(node.nodes, node.text, line)?;
                self.put(node, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(fault(line, "text after the document's end", "put a line `---` before it, in place of `...`"))
            }
            _ => Ok(()),
        }
    }

    /// Tells whether the next scalar is a map's key.
    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }))
    }

    fn begin(&mut self, inside: Inside, anchor: usize, line: usize) -> Result<(), ConfigError> {
        if self.wants_key() {
            return Err(odd_key(line));
        }
        if self.open.len() >= MAX_DEPTH {
            let reason = format!("more than {MAX_DEPTH} maps and lists are nested in one another");
            return Err(fault(line, &reason, "no field is that deep: look for a bracket or indentation too many"));
        }
        self.weigh(1, 0, line)?;
        self.open.push(Open { inside, anchor, line, nodes: 1, text: 0 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), ConfigError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, inner) = match open.inside {
            Inside::List { values, places } => (Value::Array(values), Inner::List(places)),
            Inside::Map { mut values, places, merged, .. } => {
                for (line, source) in merged {
                    let maps = match source {
                        Value::Array(list) => list,
                        one => vec![one],
                    };
                    for map in maps {
                        let Value::Object(map) = map else {
                            let fix = "give it an alias of a map, such as `<<: *defaults`, or a list of them";
                            return Err(fault(line, "`<<` takes maps only", fix));
                        };
                        for (key, value) in map {
                            values.entry(key).or_insert(value);
                        }
                    }
                }
                (Value::Object(values), Inner::Map(places))
            }
        };
        let place = Place { line: open.line, inner };
        self.put(Node { value, place, nodes: open.nodes, text: open.text }, open.anchor)
    }

    /// Counts nodes and their texts against the limits.
    fn weigh(&mut self, nodes: usize, text: usize, line: usize) -> Result<(), ConfigError> {
        self.nodes += nodes;
        self.text += text;
        if self.nodes > MAX_NODES || self.text > MAX_TEXT {
            let fix = "write out what is needed in place of aliases";
            return Err(fault(line, "the document is too large once its aliases are filled in", fix));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, anchor: usize) -> Result<(), ConfigError> {
        if anchor > 0 {
            // The copy for aliases takes memory too.
            self.weigh(node.nodes, node.text, node.place.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.nodes += node.nodes;
        open.text += node.text;
        match &mut open.inside {
            Inside::List { values, places } => {
                values.push(node.value);
                places.push(node.place);
            }
            Inside::Map { key: key @ None, .. } => {
                let line = node.place.line;
                let name = match node.value {
                    Value::String(text) => text,
                    Value::Bool(_) | Value::Number(_) => node.value.to_string(),
                    _ => return Err(odd_key(line)),
                };
                if name.len() > MAX_KEY {
                    let reason = format!("a map's key is longer than {MAX_KEY} bytes");
                    return Err(fault(line, &reason, "no field has such a name: look for a colon in the wrong place"));
                }
                *key = Some(Key { name, line, merge: false });
            }
            Inside::Map { values, places, key, merged } => {
                let Some(Key { name, line, merge }) = key.take() else { return Ok(()) };
                if merge {
                    merged.push((line, node.value));
                    return Ok(());
                }
                let place = Place { line, inner: node.place.inner };
                let first = places.insert(name.clone(), place).map(|place| place.line);
                values.insert(name.clone(), node.value);
                if let Some(first_line) = first
                    && self.duplicates.len() < MAX_DUPLICATES
                {
                    let path = self.path(&name);
                    self.duplicates.push(Duplicate { path, first_line, line });
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, new: Key) -> Result<(), ConfigError> {
        if let Some(Open { inside: Inside::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(new);
        }
        Ok(())
    }

    /// Returns the path of a key in the innermost open map.
    fn path(&self, last: &str) -> String {
        let outer = self.open.len().saturating_sub(1);
        let path = self.open[..outer].iter().fold(String::new(), |path, open| match &open.inside {
            Inside::List { values, .. } => item(&path, values.len()),
            Inside::Map { key, .. } => child(&path, key.as_ref().map_or("", |key| &key.name)),
        });
        child(&path, last)
    }
}

/// Reads a scalar; a fault is its reason and fix.
fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, (&'static str, &'static str)> {
    const NOT_FINITE: (&str, &str) = ("a number must be finite", "write a number, or put the text in quotes");
    let resolve = || scalar::resolve(text).map_err(|_| NOT_FINITE);
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { resolve() } else { Ok(text.into()) };
    };
    let Some(kind) = tag.core_suffix() else {
        let of_yaml = tag.suffix_in_namespace("tag:yaml.org,2002:").is_some();
        let useless = ("a tag that configurations have no use for", "remove the tag, and write the value as it is");
        return if of_yaml { Err(useless) } else { Ok(text.into()) };
    };
    let value = if kind == "str" { text.into() } else { resolve()? };
    let fits = match kind {
        "str" => true,
        "null" => value.is_null(),
        "bool" => value.is_boolean(),
        "int" => value.is_i64() || value.is_u64(),
        "float" => value.is_number(),
        _ => false,
    };
    if fits { Ok(value) } else { Err(("a value is not of the type that its tag names", "change the value or the tag")) }
}
