//! The template's text to its parts.

use serde_json::Value as Json;

use super::{Comparison, Node, Operand, Path, Step};

/// Parses a whole template.
pub fn template(text: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser { rest: text };
    // The innermost range is the last; each begins with what it ranges over.
    let mut open: Vec<(Option<Path>, Vec<Node>)> = vec![(None, Vec::new())];
    while !parser.rest.is_empty() {
        let (before, action) = parser.rest.split_once('{').map_or((parser.rest, None), |(a, b)| (a, Some(b)));
        if !before.is_empty() {
            push(&mut open, Node::Text(before.to_owned()));
        }
        let Some(action) = action else { break };
        parser.rest = action;
        parser.action(&mut open)?;
    }
    // As in kubectl, a range whose end is missing is none: nothing follows that it could print.
    let (_, nodes) = open.swap_remove(0);
    Ok(nodes)
}

fn push(open: &mut [(Option<Path>, Vec<Node>)], node: Node) {
    if let Some((_, nodes)) = open.last_mut() {
        nodes.push(node);
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// All between `{` and `}`.
    fn action(&mut self, open: &mut Vec<(Option<Path>, Vec<Node>)>) -> Result<(), String> {
        loop {
            self.blanks();
            match self.peek() {
                None => return Err("unclosed action".into()),
                Some('}') => {
                    self.rest = &self.rest[1..];
                    return Ok(());
                }
                Some(quote @ ('"' | '\'')) => {
                    let text = self.quoted(quote)?;
                    push(open, Node::Text(text));
                }
                Some(c) if c.is_ascii_alphabetic() => match self.word() {
                    "range" => {
                        self.blanks();
                        let path = self.path()?;
                        open.push((Some(path), Vec::new()));
                    }
                    "end" => match open.pop() {
                        Some((Some(path), nodes)) => push(open, Node::Range(path, nodes)),
                        _ => return Err("not in range, nothing to end".into()),
                    },
                    word @ ("true" | "false") => push(open, Node::Text(word.to_owned())),
                    word => return Err(format!("unrecognized identifier {word}")),
                },
                Some(c) if c.is_ascii_digit() || c == '-' => {
                    let number = self.number()?;
                    push(open, Node::Text(number.to_string()));
                }
                Some(_) => {
                    let path = self.path()?;
                    push(open, Node::Path(path));
                }
            }
        }
    }

    fn path(&mut self) -> Result<Path, String> {
        let mut path = Path { from_root: false, steps: Vec::new() };
        match self.peek() {
            Some('$') => {
                path.from_root = true;
                self.rest = &self.rest[1..];
            }
            Some('@') => self.rest = &self.rest[1..],
            Some('.' | '[') => {}
            other => return Err(format!("unexpected {other:?} where a path begins")),
        }
        loop {
            if let Some(rest) = self.rest.strip_prefix("..") {
                path.steps.push(Step::Deep);
                // A name may follow at once.
                self.rest = rest;
                if self.peek().is_some_and(is_name) {
                    path.steps.push(Step::Field(self.name()));
                }
                continue;
            }
            match self.peek() {
                Some('.') => {
                    self.rest = &self.rest[1..];
                    match self.peek() {
                        Some('*') => {
                            self.rest = &self.rest[1..];
                            path.steps.push(Step::Every);
                        }
                        Some(c) if is_name(c) || c == '\\' => path.steps.push(Step::Field(self.name())),
                        // `{.}` is the value itself.
                        _ => {}
                    }
                }
                Some('[') => {
                    let step = self.brackets()?;
                    path.steps.push(step);
                }
                _ => return Ok(path),
            }
        }
    }

    /// A field's name; a backslash takes the next character for a part of it.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                c if is_name(c) => name.push(c),
                _ => {
                    end = at;
                    break;
                }
            }
        }
        self.rest = &self.rest[end..];
        name
    }

    fn brackets(&mut self) -> Result<Step, String> {
        self.rest = &self.rest[1..];
        self.blanks();
        if let Some(rest) = self.rest.strip_prefix("?(") {
            self.rest = rest;
            let step = self.filter()?;
            self.expect(')', "unterminated filter")?;
            self.expect(']', "unterminated array")?;
            return Ok(step);
        }
        let mut steps = vec![self.element()?];
        loop {
            self.blanks();
            match self.peek() {
                Some(',') => {
                    self.rest = &self.rest[1..];
                    self.blanks();
                    steps.push(self.element()?);
                }
                Some(']') => {
                    self.rest = &self.rest[1..];
                    break;
                }
                _ => return Err("unterminated array".into()),
            }
        }
        if steps.len() == 1 {
            return Ok(steps.swap_remove(0));
        }
        Ok(Step::Union(steps.into_iter().map(|step| Path { from_root: false, steps: vec![step] }).collect()))
    }

    /// One of what stands between commas in brackets.
    fn element(&mut self) -> Result<Step, String> {
        match self.peek() {
            Some('*') => {
                self.rest = &self.rest[1..];
                Ok(Step::Every)
            }
            Some(quote @ ('\'' | '"')) => Ok(Step::Field(self.quoted(quote)?)),
            None => Err("unterminated array".into()),
            _ => {
                let end = self.rest.find([']', ',']).ok_or("unterminated array")?;
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                items(text.trim())
            }
        }
    }

    fn filter(&mut self) -> Result<Step, String> {
        let left = self.operand()?;
        self.blanks();
        let operators = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (text, comparison) in operators {
            if let Some(rest) = self.rest.strip_prefix(text) {
                self.rest = rest;
                let right = self.operand()?;
                return Ok(Step::Filter(left, Some((comparison, right))));
            }
        }
        Ok(Step::Filter(left, None))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.blanks();
        match self.peek() {
            Some(quote @ ('"' | '\'')) => Ok(Operand::Value(self.quoted(quote)?.into())),
            Some(c) if c.is_ascii_digit() || c == '-' => Ok(Operand::Value(self.number()?)),
            Some(c) if c.is_ascii_alphabetic() => match self.word() {
                "true" => Ok(Operand::Value(true.into())),
                "false" => Ok(Operand::Value(false.into())),
                word => Err(format!("unrecognized identifier {word}")),
            },
            _ => self.path().map(Operand::Path),
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '.'))).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        serde_json::from_str::<serde_json::Number>(text).map(Json::Number).map_err(|_| format!("bad number {text}"))
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(escaped) => text.push(escaped),
                    None => break,
                },
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        Err("unterminated quoted string".into())
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn expect(&mut self, wanted: char, complaint: &str) -> Result<(), String> {
        self.blanks();
        self.rest = self.rest.strip_prefix(wanted).ok_or(complaint)?;
        Ok(())
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }
}

fn is_name(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '.' | '[' | ']' | '{' | '}' | ',' | '(' | ')' | '=' | '!' | '<' | '>' | '\\' | '*')
}

/// `3`, `-1`, `1:4`, `::2`.
fn items(text: &str) -> Result<Step, String> {
    let wrong = || format!("invalid array index {text}");
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<i64>().map(Some).map_err(|_| wrong()),
    };
    let parts: Vec<&str> = text.split(':').collect();
    match *parts {
        [index] => match number(index)? {
            Some(index) => Ok(Step::Items { from: Some(index), to: None, by: 1, single: true }),
            None => Err(wrong()),
        },
        [from, to] => Ok(Step::Items { from: number(from)?, to: number(to)?, by: 1, single: false }),
        [from, to, by] => {
            let by = usize::try_from(number(by)?.unwrap_or(1)).ok().filter(|by| *by > 0).ok_or_else(wrong)?;
            Ok(Step::Items { from: number(from)?, to: number(to)?, by, single: false })
        }
        _ => Err(wrong()),
    }
}
