//! Writes JSON values as YAML in the form of kubeadm's library, so that files and ConfigMaps compare equal by bytes.
//!
//! Keys in natural order, lists at their key's column, no folding; strings quoted where another reader of YAML 1.1
//! would take them for something else.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// Writes a value as one YAML document with a newline at its end and no separator.
pub fn to_string(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(&mut text, map, 0),
        Value::Array(list) if !list.is_empty() => write_list(&mut text, list, 0),
        scalar => {
            write_scalar(&mut text, scalar, 2);
            text.push('\n');
        }
    }
    text
}

fn write_map(text: &mut String, map: &Map<String, Value>, column: usize) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| natural_order(a, b));
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            indent(text, column);
        }
        write_key(text, key);
        text.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                text.push('\n');
                indent(text, column + 2);
                write_map(text, map, column + 2);
            }
            Value::Array(list) if !list.is_empty() => {
                text.push('\n');
                indent(text, column);
                write_list(text, list, column);
            }
            scalar => {
                text.push(' ');
                write_scalar(text, scalar, column + 2);
                text.push('\n');
            }
        }
    }
}

fn write_list(text: &mut String, list: &[Value], column: usize) {
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            indent(text, column);
        }
        text.push_str("- ");
        match value {
            Value::Object(map) if !map.is_empty() => write_map(text, map, column + 2),
            Value::Array(list) if !list.is_empty() => write_list(text, list, column + 2),
            scalar => {
                write_scalar(text, scalar, column + 2);
                text.push('\n');
            }
        }
    }
}

fn indent(text: &mut String, column: usize) {
    text.extend(std::iter::repeat_n(' ', column));
}

fn write_scalar(text: &mut String, value: &Value, column: usize) {
    match value {
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        Value::String(value) => match style(value) {
            Style::Literal => write_literal(text, value, column),
            style => write_inline(text, value, style),
        },
        other => text.push_str(&other.to_string()),
    }
}

fn write_key(text: &mut String, key: &str) {
    match style(key) {
        Style::Literal => write_inline(text, key, Style::Double),
        style => write_inline(text, key, style),
    }
}

fn write_inline(text: &mut String, value: &str, style: Style) {
    match style {
        Style::Plain => text.push_str(value),
        Style::Single => {
            text.push('\'');
            text.push_str(&value.replace('\'', "''"));
            text.push('\'');
        }
        Style::Double | Style::Literal => write_double(text, value),
    }
}

fn write_double(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0' => text.push_str("\\0"),
            c if is_printable(c) => text.push(c),
            c if u32::from(c) <= 0xff => text.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) <= 0xffff => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    text.push('"');
}

fn write_literal(text: &mut String, value: &str, column: usize) {
    text.push('|');
    // A text that begins with a space or an empty line would otherwise hide its own indentation.
    if value.starts_with([' ', '\n']) {
        text.push('2');
    }
    let body = match value.strip_suffix('\n') {
        None => {
            text.push('-');
            value
        }
        Some(body) => {
            if body.is_empty() || body.ends_with('\n') {
                text.push('+');
            }
            body
        }
    };
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            indent(text, column);
            text.push_str(line);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

fn style(value: &str) -> Style {
    let special = value.chars().any(|c| c != '\n' && !is_printable(c));
    if value.contains('\n') {
        let space_before_break = value.contains(" \n") || value.ends_with(' ');
        return if special || space_before_break { Style::Double } else { Style::Literal };
    }
    if special || is_other_type(value) {
        return Style::Double;
    }
    if reads_as_plain(value) { Style::Plain } else { Style::Single }
}

fn is_printable(c: char) -> bool {
    // NEL and the line and paragraph separators are line breaks to YAML 1.1.
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        || c > '\u{ffff}'
}

/// Tells whether a text without line breaks means itself where it stands unquoted.
fn reads_as_plain(value: &str) -> bool {
    let next_is_blank = |rest: &str| rest.is_empty() || rest.starts_with(' ');
    let Some(first) = value.chars().next() else { return false };
    if value.starts_with("---") || value.starts_with("...") || value.starts_with(' ') || value.ends_with(' ') {
        return false;
    }
    if "#,[]{}&*!|>'\"%@`".contains(first) || ("-?:".contains(first) && next_is_blank(&value[1..])) {
        return false;
    }
    !value.contains(": ") && !value.ends_with(':') && !value.contains(" #")
}

/// Tells whether a reader of YAML 1.1 takes the text for null, a boolean, a number, a time or a merge.
fn is_other_type(value: &str) -> bool {
    value == "<<"
        || !matches!(super::scalar::resolve(value), Ok(Value::String(_)))
        || is_base_60(value)
        || is_time(value)
}

/// `1:30` and the like, which YAML 1.1 reads as sixties.
fn is_base_60(value: &str) -> bool {
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let sixty = |part: &str| match part.as_bytes() {
        [unit] => unit.is_ascii_digit(),
        [ten, unit] => (b'0'..=b'5').contains(ten) && unit.is_ascii_digit(),
        _ => false,
    };
    let rest: Vec<&str> = parts.collect();
    !rest.is_empty()
        && first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && rest.iter().all(|part| sixty(part))
        && digits(fraction)
}

/// `2006-1-2`, alone or followed by a time.
fn is_time(value: &str) -> bool {
    let (date, time) = match value.find(['T', 't', ' ']) {
        Some(end) => (&value[..end], Some(&value[end + 1..])),
        None => (value, None),
    };
    let number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut parts = date.split('-');
    let day = parts.next().is_some_and(|year| number(year, 4..=4))
        && parts.next().is_some_and(|month| number(month, 1..=2))
        && parts.next().is_some_and(|day| number(day, 1..=2))
        && parts.next().is_none();
    day && time.is_none_or(|time| time.starts_with(|c: char| c.is_ascii_digit()) && time.contains(':'))
}

/// Orders keys as kubeadm's library does: letters after everything else, runs of digits by their number.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(place) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    let (left, right) = (a[place], b[place]);
    match (left.is_alphabetic(), right.is_alphabetic()) {
        (true, true) => left.cmp(&right),
        (letter, other) if letter != other => {
            // After a digit, `a1b` comes before `a12`.
            let after_digit = place > 0 && a[place - 1].is_ascii_digit();
            if letter == after_digit { Ordering::Less } else { Ordering::Greater }
        }
        _ => {
            let run = |text: &[char]| text[place..].iter().take_while(|c| c.is_ascii_digit()).collect::<String>();
            let (left_run, right_run) = (run(&a), run(&b));
            let trimmed = |run: &str| run.trim_start_matches('0').to_owned();
            let number = |run: &str| (trimmed(run).len(), trimmed(run));
            number(&left_run).cmp(&number(&right_run)).then(left.cmp(&right))
        }
    }
}
