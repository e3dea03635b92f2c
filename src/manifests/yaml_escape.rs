//! How values get into YAML templates: always as a double-quoted scalar, so that no value can change a file's shape.

use std::fmt::{self, Write};

use askama::filters::Escaper;
use serde_json::Value;

/// Writes every value as a double-quoted scalar.
///
/// Templates may only print strings: a type whose `Display` writes in pieces would come out as several scalars. Numbers
/// and words that are part of the shape go through `|safe`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quoted;

impl Escaper for Quoted {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        write_quoted(&mut dest, string)
    }
}

/// Writes a value in YAML's flow form on one line, for parts whose shape the user gives, such as `valueFrom`.
pub(crate) fn flow(value: &Value) -> String {
    let mut text = String::new();
    write_flow(&mut text, value).expect("writing to a string cannot fail");
    text
}

fn write_flow(text: &mut String, value: &Value) -> fmt::Result {
    match value {
        Value::String(string) => write_quoted(text, string),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_flow(text, item)?;
            }
            text.push(']');
            Ok(())
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, (key, field)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_quoted(text, key)?;
                text.push_str(": ");
                write_flow(text, field)?;
            }
            text.push('}');
            Ok(())
        }
        scalar => write!(text, "{scalar}"),
    }
}

fn write_quoted(dest: &mut impl Write, string: &str) -> fmt::Result {
    dest.write_char('"')?;
    for c in string.chars() {
        match c {
            '"' | '\\' => write!(dest, "\\{c}")?,
            '\n' => dest.write_str("\\n")?,
            '\t' => dest.write_str("\\t")?,
            // YAML refuses most of these in a file, and folds NEL, LS and PS like line ends even between quotes.
            '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                write!(dest, "\\u{:04x}", u32::from(c))?;
            }
            c => dest.write_char(c)?,
        }
    }
    dest.write_char('"')
}

#[cfg(test)]
mod tests;
