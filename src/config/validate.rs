//! The rules that values must follow, one function each: text in, typed value out or an error noted.
//!
//! The rules are kubeadm's (`apis/kubeadm/validation`); those that it lacks, and without which a component would not
//! start, stand in docs/parity.md. Every error says what to change.

pub(crate) mod file;
mod name;
mod registry;
mod subnets;
mod taint;
mod volume;

use camino::Utf8PathBuf;
use url::Url;

pub use file::check_file;
pub(crate) use file::{PLACEHOLDER, reachable};
pub(crate) use taint::TAINT_EFFECTS;
pub(crate) use volume::PATH_TYPES;

use crate::error::{ConfigError, Warning};
use crate::model::{Arg, EnvVar};
use crate::net::{HostPort, HostPortError};
use crate::v1beta4;
use crate::yaml::{self, Document};

/// Collects faults and warnings of one document.
#[derive(Default)]
pub(crate) struct Check<'a> {
    /// Where lines are looked up; `None` for settings that came from flags.
    pub document: Option<&'a Document>,
    /// Faults found so far.
    pub errors: Vec<ConfigError>,
    /// Warnings so far.
    pub warnings: Vec<Warning>,
}

impl<'a> Check<'a> {
    pub fn new(document: Option<&'a Document>) -> Self {
        Self { document, ..Self::default() }
    }

    /// Notes a fault with its line.
    pub fn error(&mut self, error: ConfigError) {
        let line = self.document.map(|document| document.line(&error.field));
        self.errors.push(error.at(line));
    }

    /// Notes a fault of a value, and what to change.
    pub fn invalid(
        &mut self,
        field: &str,
        value: impl std::fmt::Display,
        reason: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.error(ConfigError::invalid(field, value, reason).hint(fix));
    }

    /// Notes that a field has no value, and what to give.
    pub fn missing(&mut self, field: &str, reason: impl Into<String>, fix: impl Into<String>) {
        self.error(ConfigError::field(field, reason).hint(fix));
    }

    /// Notes a warning with its line.
    pub fn warn(&mut self, field: &str, message: impl Into<String>) {
        self.tell(Warning::new(field, message));
    }

    /// Takes over a warning, with its line.
    pub fn tell(&mut self, warning: Warning) {
        let line = self.document.map(|document| document.line(&warning.field));
        self.warnings.push(warning.at(line));
    }

    /// Takes a result's value, or notes its error and takes `fallback`.
    pub fn or<T>(&mut self, result: Result<T, ConfigError>, fallback: T) -> T {
        result.unwrap_or_else(|error| {
            self.error(error);
            fallback
        })
    }

    /// Checks that a value is one of a few.
    pub fn one_of(&mut self, field: &str, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            let fix = match crate::wire::closest(value, known) {
                Some(meant) => format!("write {meant}"),
                None => "choose one of these".to_owned(),
            };
            self.invalid(field, value, format!("must be one of {}", known.join(", ")), fix);
        }
    }

    /// Checks that a path is absolute.
    pub fn absolute_path(&mut self, field: &str, path: &str) -> Utf8PathBuf {
        if !path.starts_with('/') {
            self.invalid(field, path, "the path is not absolute", "begin it with `/`");
        }
        path.into()
    }

    /// Checks that every flag has a name.
    pub fn args(&mut self, field: &str, args: Vec<v1beta4::Arg>) -> Vec<Arg> {
        let pointer = format!("/{}", field.replace('.', "/"));
        for (index, arg) in args.iter().enumerate() {
            // Before v1beta4 they were a map.
            let path = match self.document.and_then(|document| document.value().pointer(&pointer)) {
                Some(serde_json::Value::Object(_)) => yaml::child(field, &arg.name),
                _ => yaml::item(field, index),
            };
            if arg.name.is_empty() {
                self.missing(&path, "the argument has no name", "give it one, without dashes, such as `name: v`");
            } else if arg.name.starts_with('-') {
                let fix = format!("write `{}`", arg.name.trim_start_matches('-'));
                self.invalid(&path, &arg.name, "the name of an argument has no leading dashes", fix);
            } else if arg.name.contains(|c: char| c == '=' || c.is_whitespace()) {
                let fix = "put what follows the name into `value`";
                self.invalid(&path, &arg.name, "the name of an argument has no `=` and no spaces", fix);
            }
        }
        args.into_iter().map(|arg| Arg { name: arg.name, value: arg.value }).collect()
    }

    /// Checks environment variables and fills in the version of their field references.
    pub fn envs(&mut self, field: &str, envs: Vec<v1beta4::EnvVar>) -> Vec<EnvVar> {
        let take = |(index, env): (usize, v1beta4::EnvVar)| {
            let path = yaml::item(field, index);
            if env.name.is_empty() {
                self.missing(&path, "the variable has no name", "give it one, such as `name: HTTPS_PROXY`");
            } else if env.name.contains('=') {
                let fix = "put what follows the name into `value`";
                self.invalid(&path, &env.name, "the name of a variable has no `=`", fix);
            }
            if !env.value.is_empty() && env.value_from.is_some() {
                self.missing(&path, "value and valueFrom exclude each other", "remove one of them");
            }
            let mut value_from = env.value_from.map(|source| source.0);
            if let Some(reference) = value_from.as_mut().and_then(|from| from.get_mut("fieldRef")?.as_object_mut()) {
                reference.entry("apiVersion").or_insert_with(|| "v1".into());
            }
            EnvVar { name: env.name, value: env.value, value_from }
        };
        envs.into_iter().enumerate().map(take).collect()
    }

    /// Parses `host[:port]`; an empty text is no endpoint, and a missing port becomes `default_port`.
    pub fn endpoint(&mut self, field: &str, text: &str, default_port: Option<u16>) -> Option<HostPort> {
        if text.is_empty() {
            return None;
        }
        let fix = |error: &HostPortError| match error {
            HostPortError::Form => "put brackets around an IPv6 address, as in [fd00::1]:6443".to_owned(),
            HostPortError::Host(host) => match host.split_once("://").or_else(|| text.split_once("://")) {
                Some((scheme, _)) => format!("leave out `{scheme}://`"),
                None => {
                    let host = host.split('/').next().unwrap_or_default();
                    name::similar(host).unwrap_or_else(|| "for example lb.example.com:6443".to_owned())
                }
            },
            HostPortError::Port(_) | HostPortError::NoPort => "for example lb.example.com:6443".to_owned(),
        };
        let parsed = HostPort::parse(text, default_port);
        parsed.map_err(|error| self.invalid(field, text, error.to_string(), fix(&error))).ok()
    }

    /// Checks a port.
    pub fn port(&mut self, field: &str, port: i32) -> u16 {
        match u16::try_from(port) {
            Ok(port) if port > 0 => port,
            _ => {
                self.error(not_a_port(field, port));
                0
            }
        }
    }

    /// Checks URLs of an external etcd.
    pub fn urls(&mut self, field: &str, urls: &[String], https: bool) {
        for (index, url) in urls.iter().enumerate() {
            let path = yaml::item(field, index);
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let rest = rest.strip_prefix("http:").or_else(|| rest.strip_prefix("https:")).unwrap_or(rest);
            let host = if rest.is_empty() || rest.starts_with('/') { "10.0.0.1:2379" } else { rest };
            let fix = format!("write `https://{host}`");
            let scheme = url.split_once("://").filter(|(_, rest)| !rest.is_empty()).map(|(scheme, _)| scheme);
            match scheme {
                None | Some("") => self.invalid(&path, url, "a URL with a scheme is expected", fix),
                // kube-apiserver gets them all in one argument, with commas between them.
                Some(_) if url.contains(|c: char| c.is_whitespace() || c == ',') => {
                    self.invalid(
                        &path,
                        url,
                        "a URL has no spaces and no commas",
                        "write each URL as an entry of its own",
                    );
                }
                Some("http") if https => {
                    self.invalid(&path, url, "the URL must use https, since certificates are set", fix);
                }
                Some("http" | "https") => {
                    if let Err(error) = Url::parse(url) {
                        self.invalid(&path, url, format!("not a URL: {error}"), "for example https://10.0.0.1:2379");
                    }
                }
                Some(_) => self.invalid(&path, url, "etcd is reached by https, or by http", fix),
            }
        }
    }
}

/// What is said of a number that is no port of the API server.
pub(crate) fn not_a_port(field: &str, port: i32) -> ConfigError {
    ConfigError::number(field, port, "not a port between 1 and 65535").hint("6443 is the default")
}

#[cfg(test)]
mod tests;
