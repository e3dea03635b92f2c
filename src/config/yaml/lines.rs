//! Finds the lines of fields by their indentation. The YAML library tells positions of syntax errors only.
//!
//! Good for block style, as people write it; a field inside `{…}` gets the line of the field that holds it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{child, item};

/// Where the fields of a document stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    first: usize,
    fields: BTreeMap<String, Field>,
}

#[derive(Debug, Clone)]
struct Field {
    line: usize,
    /// The plain scalar on the line is a boolean in YAML 1.1 but not in 1.2.
    old_boolean: Option<bool>,
}

/// An open block: a map or list, its column, its own path, and the path of its current entry.
struct Block {
    list: bool,
    column: usize,
    path: String,
    entry: String,
    count: usize,
}

impl Lines {
    /// Scans a document whose first line has the given number in its file.
    pub(super) fn scan(text: &str, first: usize) -> Self {
        let mut lines = Self { first, fields: BTreeMap::new() };
        let mut blocks: Vec<Block> = Vec::new();
        // Lines deeper than this column belong to a `|` or `>` text.
        let mut text_column: Option<usize> = None;
        for (index, line) in text.lines().enumerate() {
            let column = line.len() - line.trim_start_matches(' ').len();
            let content = &line[column..];
            if content.trim().is_empty() {
                continue;
            }
            if text_column.is_some_and(|limit| column > limit) {
                continue;
            }
            text_column = None;
            if !content.starts_with('#') {
                text_column = lines.scan_line(&mut blocks, column, content, first + index);
            }
        }
        lines
    }

    fn scan_line(&mut self, blocks: &mut Vec<Block>, column: usize, content: &str, line: usize) -> Option<usize> {
        let (mut column, mut content) = (column, content);
        while let Some(rest) = content.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            blocks.truncate(blocks.iter().take_while(|block| block.column <= column).count());
            if !blocks.last().is_some_and(|block| block.list && block.column == column) {
                blocks.push(open(blocks, true, column));
            }
            let block = blocks.last_mut()?;
            block.entry = item(&block.path, block.count);
            block.count += 1;
            self.add(&block.entry, line, rest);
            let inner = rest.trim_start_matches(' ');
            if is_text_start(inner) {
                return Some(column);
            }
            column += 1 + rest.len() - inner.len();
            content = inner;
        }
        let (key, rest) = split_key(content)?;
        let keep = |block: &&Block| block.column < column || (block.column == column && !block.list);
        blocks.truncate(blocks.iter().take_while(keep).count());
        if !blocks.last().is_some_and(|block| !block.list && block.column == column) {
            blocks.push(open(blocks, false, column));
        }
        let block = blocks.last_mut()?;
        block.entry = child(&block.path, key);
        self.add(&block.entry, line, rest);
        is_text_start(rest.trim_start()).then_some(column)
    }

    fn add(&mut self, path: &str, line: usize, rest: &str) {
        let field = Field { line, old_boolean: old_boolean(rest) };
        // The first of two equal keys is where a reader looks; the last one's value counts.
        let known = self.fields.entry(path.to_owned()).or_insert_with(|| field.clone());
        known.old_boolean = field.old_boolean;
    }

    /// Returns the line of a field, or of the nearest one above it.
    pub(super) fn nearest(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(field) = self.fields.get(path) {
                return field.line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.first,
            }
        }
    }

    /// Turns plain `yes`, `no` and the like into booleans, as kubeadm's YAML 1.1 does.
    pub(super) fn resolve_old_booleans(&self, value: &mut Value) {
        for (path, field) in &self.fields {
            if let Some(boolean) = field.old_boolean
                && let Some(value) = find(value, path)
                && value.is_string()
            {
                *value = Value::Bool(boolean);
            }
        }
    }
}

fn open(blocks: &[Block], list: bool, column: usize) -> Block {
    let path = blocks.last().map(|block| block.entry.clone()).unwrap_or_default();
    Block { list, column, entry: path.clone(), path, count: 0 }
}

fn is_text_start(rest: &str) -> bool {
    rest.starts_with(['|', '>'])
}

/// Splits `key: rest`; the key may be quoted. Flow collections and continued scalars have no key here.
fn split_key(content: &str) -> Option<(&str, &str)> {
    let (key, rest) = match content.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, rest) = content[1..].split_once(quote)?;
            (key, rest.trim_start().strip_prefix(':')?)
        }
        '{' | '[' | '&' | '*' | '!' | '?' => return None,
        _ => {
            let end = content.find(": ").or_else(|| content.strip_suffix(':').map(str::len))?;
            (content[..end].trim_end(), &content[end + 1..])
        }
    };
    (rest.is_empty() || rest.starts_with(' ')).then_some((key, rest))
}

fn old_boolean(rest: &str) -> Option<bool> {
    let plain = rest.split_once(" #").map_or(rest, |(plain, _)| plain).trim();
    match plain {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Walks a path of keys and indices. Keys with dots in them are found too, since the longest key is tried first.
fn find<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Array(list) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            find(list.get_mut(index.parse::<usize>().ok()?)?, rest.strip_prefix('.').unwrap_or(rest))
        }
        Value::Object(map) => {
            let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(end, _)| end);
            let end = ends.chain([path.len()]).filter(|end| map.contains_key(&path[..*end])).max()?;
            let rest = &path[end..];
            find(map.get_mut(&path[..end])?, rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => None,
    }
}
