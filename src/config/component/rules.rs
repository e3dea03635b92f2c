//! What the rules of both documents share: a value by its path, and the checks of single values.

use serde_json::Value;

use crate::error::ConfigError;
use crate::net;
use crate::validate::Check;
use crate::yaml::{self, Document};

/// A user's document while its rules are checked.
pub(super) struct Rules<'c, 'a> {
    document: &'a Document,
    /// Where faults are noted.
    pub check: &'c mut Check<'a>,
}

impl<'c, 'a> Rules<'c, 'a> {
    pub fn new(document: &'a Document, check: &'c mut Check<'a>) -> Self {
        Self { document, check }
    }

    /// Returns the value that the user gave.
    pub fn get(&self, path: &str) -> Option<&'a Value> {
        let value = path.split('.').try_fold(self.document.value(), |value, key| value.get(key))?;
        (!value.is_null()).then_some(value)
    }

    pub fn text(&self, path: &str) -> Option<&'a str> {
        self.get(path)?.as_str().filter(|text| !text.is_empty())
    }

    pub fn whole(&self, path: &str) -> Option<i64> {
        self.get(path)?.as_i64()
    }

    /// Returns a map of text; the keys may have dots.
    pub fn texts(&self, path: &str) -> Vec<(&'a str, &'a str)> {
        let map = self.get(path).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
    }

    /// Returns a list of text, each with its path.
    pub fn list(&self, path: &str) -> Vec<(String, &'a str)> {
        let list = self.get(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let entry = |(index, value): (usize, &'a Value)| Some((yaml::item(path, index), value.as_str()?));
        list.iter().enumerate().filter_map(entry).collect()
    }

    /// Checks that numbers are within bounds.
    pub fn range(&mut self, paths: &[&str], least: i64, most: i64) {
        for path in paths {
            if let Some(number) = self.whole(path).filter(|number| !(least..=most).contains(number)) {
                let reason = match most {
                    i64::MAX => format!("must be {least} or more"),
                    _ => format!("must be between {least} and {most}"),
                };
                let error = ConfigError::number(*path, number, reason);
                self.check.error(error.hint("choose another number, or leave it out to have the default"));
            }
        }
    }

    /// Checks that text is one of a few; empty text is the default.
    pub fn one_of(&mut self, path: &str, known: &[&str]) {
        if let Some(text) = self.text(path) {
            self.known(path, text, known);
        }
    }

    fn known(&mut self, path: &str, text: &str, known: &[&str]) {
        if !known.contains(&text) {
            let fix = match crate::wire::closest(text, known) {
                Some(meant) => format!("write {meant}"),
                None => "choose one of these, or leave it out to have the default".to_owned(),
            };
            self.check.invalid(path, text, format!("must be one of {}", known.join(", ")), fix);
        }
    }

    /// Checks that every entry of a list is one of a few.
    pub fn each_of(&mut self, path: &str, known: &[&str]) {
        for (path, text) in self.list(path) {
            self.known(&path, text, known);
        }
    }

    /// Checks that text is an address.
    pub fn address(&mut self, path: &str, example: &str) {
        if let Some(text) = self.text(path)
            && net::parse_ip(text).is_none()
        {
            self.check.invalid(path, text, "not an IP address", format!("for example {example}"));
        }
    }

    /// Checks that text is an address with a port, or an address to which the component adds its port.
    pub fn address_with_port(&mut self, path: &str, example: &str) {
        let Some(text) = self.text(path) else { return };
        let host_port = net::HostPort::parse(text, Some(1));
        if !host_port.is_ok_and(|it| it.ip().is_some()) {
            self.check.invalid(path, text, "not an IP address with a port", format!("for example {example}"));
        }
    }

    /// Checks that the entries of a list are subnets, or equal `word`.
    pub fn cidrs(&mut self, path: &str, word: Option<&str>) {
        for (path, text) in self.list(path) {
            if net::parse_cidr(text).is_none() && Some(text) != word {
                self.check.invalid(&path, text, "not a subnet", "for example 10.0.0.0/8");
            }
        }
    }

    /// Checks taints.
    pub fn taints(&mut self, path: &str) {
        let list = self.get(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |taint: &Value, name: &str| taint.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let taint = |taint: &Value| crate::v1beta4::Taint {
            key: text(taint, "key"),
            value: text(taint, "value"),
            effect: text(taint, "effect"),
            time_added: None,
        };
        self.check.taints(path, list.iter().map(taint).collect());
    }
}
