//! KYAML: YAML in which every string has quotes and every list and map has brackets, so that indentation means nothing
//! and no word is taken for a truth value.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::document::Document;

/// The document with its leading `---`.
pub fn to_string(document: &Document) -> String {
    let mut text = "---\n".to_owned();
    write(&mut text, document, 0);
    text + "\n"
}

fn write(out: &mut String, document: &Document, depth: usize) {
    match document {
        Document::Null => out.push_str("null"),
        Document::Bool(value) => drop(write!(out, "{value}")),
        Document::Number(value) => drop(write!(out, "{value}")),
        Document::Text(value) => out.push_str(&quoted(value)),
        Document::List(items) if items.is_empty() => out.push_str("[]"),
        // Brackets of a list of maps or lists stand together with theirs.
        Document::List(items) if items.iter().all(has_brackets) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "[" } else { ", " });
                write(out, item, depth);
            }
            out.push(']');
        }
        Document::List(items) => {
            out.push_str("[\n");
            for item in items {
                indent(out, depth + 1);
                write(out, item, depth + 1);
                out.push_str(",\n");
            }
            indent(out, depth);
            out.push(']');
        }
        Document::Map(fields) if fields.is_empty() => out.push_str("{}"),
        Document::Map(fields) => {
            out.push_str("{\n");
            for (name, value) in fields {
                indent(out, depth + 1);
                out.push_str(&key(name));
                out.push_str(": ");
                write(out, value, depth + 1);
                out.push_str(",\n");
            }
            indent(out, depth);
            out.push('}');
        }
    }
}

fn has_brackets(document: &Document) -> bool {
    match document {
        Document::List(items) => !items.is_empty(),
        Document::Map(fields) => !fields.is_empty(),
        _ => false,
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// A key without quotes where nothing can take it for anything but a word.
fn key(name: &str) -> String {
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    match word && !WORDS.contains(&name.to_ascii_lowercase().as_str()) {
        true => name.to_owned(),
        false => quoted(name),
    }
}
