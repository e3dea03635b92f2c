//! JSONPath as `kubectl` and kubeadm speak it: a template whose `{…}` are paths. It is not the path language of RFC 9535.
//! kubernetes: `client-go/util/jsonpath`.

mod parse;

use kubewright_engine::{Failure, FailureContext};
use serde_json::Value as Json;

/// A template that was parsed.
pub struct JsonPath {
    text: String,
    nodes: Vec<Node>,
    allow_missing: bool,
}

/// A part of the template.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Printed as it stands.
    Text(String),
    /// What a path finds, joined by blanks.
    Path(Path),
    /// Its nodes once for each value that the path finds.
    Range(Path, Vec<Node>),
}

/// Steps from the current value, or from the whole object.
#[derive(Debug, Clone, PartialEq)]
struct Path {
    from_root: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    /// Every field, or every item.
    Every,
    /// The value and everything below it.
    Deep,
    Items {
        from: Option<i64>,
        to: Option<i64>,
        by: usize,
        single: bool,
    },
    /// What several paths find, one after the other.
    Union(Vec<Path>),
    Filter(Operand, Option<(Comparison, Operand)>),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Path(Path),
    Value(Json),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl JsonPath {
    /// Parses a template; with `allow_missing`, fields that are not there are nothing.
    pub fn parse(text: &str, allow_missing: bool) -> Result<Self, Failure> {
        let nodes = parse::template(text).map_err(Failure::new);
        let nodes = nodes.context(format!("error parsing jsonpath {text}"))?;
        Ok(Self { text: text.to_owned(), nodes, allow_missing })
    }

    /// The template filled in.
    pub fn render(&self, object: &Json) -> Result<String, Failure> {
        let mut out = String::new();
        self.visit(object, &mut |part| match part {
            Part::Text(text) => out.push_str(text),
            Part::Found(found) => out.push_str(&found.iter().map(|value| shown(value)).collect::<Vec<_>>().join(" ")),
        })?;
        Ok(out)
    }

    /// What each path finds.
    pub fn results(&self, object: &Json) -> Result<Vec<Vec<Json>>, Failure> {
        let mut results = Vec::new();
        self.visit(object, &mut |part| match part {
            Part::Text(_) => {}
            Part::Found(found) => results.push(found.into_iter().cloned().collect()),
        })?;
        Ok(results)
    }

    fn visit(&self, object: &Json, take: &mut dyn FnMut(Part<'_>)) -> Result<(), Failure> {
        let walk = Walk { root: object, allow_missing: self.allow_missing };
        walk.nodes(&self.nodes, object, take)
            .map_err(Failure::new)
            .context(format!("error executing jsonpath {:?}", self.text))
            .hint("look at the object's fields with `-o json`")
    }
}

enum Part<'a> {
    Text(&'a str),
    Found(Vec<&'a Json>),
}

struct Walk<'a> {
    root: &'a Json,
    allow_missing: bool,
}

impl<'a> Walk<'a> {
    fn nodes(&self, nodes: &[Node], at: &'a Json, take: &mut dyn FnMut(Part<'_>)) -> Result<(), String> {
        for node in nodes {
            match node {
                Node::Text(text) => take(Part::Text(text)),
                Node::Path(path) => take(Part::Found(self.path(path, at)?)),
                Node::Range(path, nodes) => {
                    for item in self.path(path, at)? {
                        self.nodes(nodes, item, take)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn path(&self, path: &Path, at: &'a Json) -> Result<Vec<&'a Json>, String> {
        let mut found = vec![if path.from_root { self.root } else { at }];
        for step in &path.steps {
            let mut next = Vec::new();
            for value in found {
                self.step(step, value, &mut next)?;
            }
            found = next;
        }
        Ok(found)
    }

    fn step(&self, step: &Step, at: &'a Json, next: &mut Vec<&'a Json>) -> Result<(), String> {
        match step {
            Step::Field(name) => match at.get(name) {
                Some(field) => next.push(field),
                None if self.allow_missing => {}
                None => return Err(format!("{name} is not found")),
            },
            Step::Every => next.extend(children(at)),
            Step::Deep => deep(at, next),
            Step::Items { from, to, by, single } => {
                let Json::Array(items) = at else {
                    return if at.is_null() && self.allow_missing { Ok(()) } else { Err(not_a_list(at)) };
                };
                next.extend(items_of(items, *from, *to, *by, *single)?);
            }
            Step::Union(paths) => {
                for path in paths {
                    next.extend(self.path(path, at)?);
                }
            }
            Step::Filter(left, comparison) => {
                let Json::Array(items) = at else { return Err(not_a_list(at)) };
                for item in items {
                    if self.holds(left, comparison.as_ref(), item)? {
                        next.push(item);
                    }
                }
            }
        }
        Ok(())
    }

    fn holds(&self, left: &Operand, right: Option<&(Comparison, Operand)>, item: &'a Json) -> Result<bool, String> {
        // A field that only some items have is what filters are for.
        let walk = Walk { root: self.root, allow_missing: true };
        let value = |operand: &Operand| -> Result<Vec<Json>, String> {
            match operand {
                Operand::Value(value) => Ok(vec![value.clone()]),
                Operand::Path(path) => Ok(walk.path(path, item)?.into_iter().cloned().collect()),
            }
        };
        let found = value(left)?;
        let Some((comparison, right)) = right else { return Ok(!found.is_empty()) };
        let wanted = value(right)?;
        match (&*found, &*wanted) {
            ([left], [right]) => Ok(comparison.holds(left, right)),
            ([], _) | (_, []) => Ok(false),
            _ => Err("can only compare one element at a time".into()),
        }
    }
}

impl Comparison {
    fn holds(self, left: &Json, right: &Json) -> bool {
        let order = match (left, right) {
            (Json::Number(left), Json::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
            (Json::String(left), Json::String(right)) => Some(left.cmp(right)),
            (Json::Bool(left), Json::Bool(right)) => Some(left.cmp(right)),
            _ => None,
        };
        match self {
            Self::Equal => order.is_some_and(|order| order.is_eq()),
            Self::NotEqual => order.is_none_or(|order| order.is_ne()),
            Self::Less => order.is_some_and(|order| order.is_lt()),
            Self::LessOrEqual => order.is_some_and(|order| order.is_le()),
            Self::Greater => order.is_some_and(|order| order.is_gt()),
            Self::GreaterOrEqual => order.is_some_and(|order| order.is_ge()),
        }
    }
}

fn children(value: &Json) -> Box<dyn Iterator<Item = &Json> + '_> {
    match value {
        Json::Array(items) => Box::new(items.iter()),
        Json::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn deep<'a>(value: &'a Json, found: &mut Vec<&'a Json>) {
    found.push(value);
    children(value).for_each(|child| deep(child, found));
}

/// As in Go's slices, but that negative indices count from the end.
fn items_of(
    items: &[Json],
    from: Option<i64>,
    to: Option<i64>,
    by: usize,
    single: bool,
) -> Result<impl Iterator<Item = &Json>, String> {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let place = |index: i64| if index < 0 { index + length } else { index };
    let outside = |index: i64| format!("array index out of bounds: index {index}, length {length}");
    let start = place(from.unwrap_or(0));
    // An empty list may be sliced, not indexed.
    let end = if single { start + 1 } else { place(to.unwrap_or(length)).min(length) };
    if start < 0 || (start >= length && (single || length > 0)) || end > length {
        return Err(outside(from.unwrap_or(0)));
    }
    if end < start {
        return Err(format!("ending index {end} is before starting index {start}"));
    }
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    Ok(items[range].iter().step_by(by))
}

fn not_a_list(value: &Json) -> String {
    let kind = match value {
        Json::Object(_) => "a map",
        Json::String(_) => "a text",
        _ => "a value",
    };
    format!("{kind} is not array or slice")
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}
