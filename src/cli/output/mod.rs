//! `-o`: objects of `output.kubeadm.k8s.io` in the forms that kubeadm names. A command hands in its object, and the text
//! that people read; which of them is printed is decided here.

mod document;
mod jsonpath;
mod kyaml;
mod table;
mod template;

use clap::{ArgAction, Args};
use kubewright_config::yaml;
use kubewright_engine::{Failure, FailureContext};
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::PrettyFormatter;

use crate::env_vars;
use crate::given::read_template;
use document::Document;
use jsonpath::JsonPath;
use template::GoTemplate;

pub use table::aligned;

/// The flags of commands that print objects.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Output format. One of: text|json|yaml|kyaml|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: String,
    /// If true, ignore any errors in templates when a field or map key is missing in the template. Only applies to golang and jsonpath output formats
    #[arg(
        long, value_name = "BOOL", action = ArgAction::Set, value_parser = super::args::bool_parser(),
        num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true"
    )]
    pub allow_missing_template_keys: bool,
    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long)]
    pub show_managed_fields: bool,
}

/// The API group of what is printed.
pub const API_VERSION: &str = "output.kubeadm.k8s.io/v1alpha3";

/// One object: its kind, and its fields in the order in which JSON shows them.
#[derive(Debug, Serialize)]
pub struct Object<T> {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    #[serde(flatten)]
    fields: T,
}

impl<T> Object<T> {
    /// Makes an object of [`API_VERSION`].
    pub fn new(kind: &'static str, fields: T) -> Self {
        Self { kind, api_version: API_VERSION, fields }
    }
}

/// Prints objects in one form.
pub struct Printer {
    form: Form,
    show_managed_fields: bool,
    printed: usize,
}

enum Form {
    Text,
    Json,
    Yaml,
    Kyaml,
    Template(GoTemplate),
    JsonPath(JsonPath),
    JsonPathAsJson(JsonPath),
}

/// Every form, as errors list them.
const FORMS: &[&str] = &[
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "kyaml",
    "template",
    "templatefile",
    "text",
    "yaml",
];

impl OutputArgs {
    /// The printer that the flags ask for. Templates are read and parsed here, before the command does its work.
    ///
    /// # Errors
    /// An unknown form, a template that is missing, cannot be read or parsed.
    pub fn printer(&self) -> Result<Printer, Failure> {
        let form = self.form().context("could not construct output printer")?;
        Ok(Printer { form, show_managed_fields: self.show_managed_fields, printed: 0 })
    }

    fn form(&self) -> Result<Form, Failure> {
        let (name, template) = match self.output.split_once('=') {
            Some((name, template)) => (name, Some(template)),
            None => (self.output.as_str(), None),
        };
        match (name, template) {
            ("text", None) => return Ok(Form::Text),
            ("json", None) => return Ok(Form::Json),
            ("yaml", None) => return Ok(Form::Yaml),
            ("kyaml", None) if env_vars::kyaml() => return Ok(Form::Kyaml),
            _ => {}
        }
        let in_file = matches!(name, "go-template-file" | "templatefile" | "jsonpath-file");
        let path = |text: &str| JsonPath::parse(text, self.allow_missing_template_keys);
        let form: &dyn Fn(&str) -> Result<Form, Failure> = match name {
            "go-template" | "template" | "go-template-file" | "templatefile" => {
                &|text| GoTemplate::parse(text, self.allow_missing_template_keys).map(Form::Template)
            }
            "jsonpath" | "jsonpath-file" => &|text| path(text).map(Form::JsonPath),
            "jsonpath-as-json" => &|text| path(text).map(Form::JsonPathAsJson),
            _ => return Err(self.unknown()),
        };
        match template.filter(|template| !template.is_empty()) {
            None => Err(Failure::new("template format specified but no template given")
                .hint(format!("give it one: `-o {name}={}`", if in_file { "FILE" } else { "TEMPLATE" }))),
            Some(file) if in_file => form(&read_template(file)?),
            Some(text) => form(text),
        }
    }

    fn unknown(&self) -> Failure {
        let known: Vec<&str> = FORMS.iter().copied().filter(|form| *form != "kyaml" || env_vars::kyaml()).collect();
        Failure::new(format!(
            "unable to match a printer suitable for the output format {:?}, allowed formats are: {}",
            self.output,
            known.join(",")
        ))
    }
}

impl Printer {
    /// Whether people read it: then commands may say what they do meanwhile.
    pub fn is_text(&self) -> bool {
        matches!(self.form, Form::Text)
    }

    /// The object in the printer's form; `text` is asked for only where people read it.
    ///
    /// # Errors
    /// A template that does not fit the object.
    pub fn print<T: Serialize>(&mut self, object: &T, text: impl FnOnce() -> String) -> Result<String, Failure> {
        let again = self.printed > 0;
        self.printed += 1;
        if self.is_text() {
            return Ok(text());
        }
        let mut value = serde_json::to_value(object)?;
        if !self.show_managed_fields
            && let Some(metadata) = value.get_mut("metadata").and_then(Json::as_object_mut)
        {
            metadata.remove("managedFields");
        }
        match &self.form {
            Form::Text => Ok(String::new()),
            Form::Json => indented(object),
            Form::Yaml => Ok(format!("{}{}", if again { "---\n" } else { "" }, yaml::to_string(&value))),
            Form::Kyaml => Ok(kyaml::to_string(&Document::of(object)?)),
            Form::Template(template) => template.render(&value),
            Form::JsonPath(path) => path.render(&value),
            Form::JsonPathAsJson(path) => path.results(&value)?.iter().map(indented).collect(),
        }
    }
}

/// JSON with four blanks a level, and what Go writes as escapes, as kubeadm prints it.
fn indented<T: Serialize>(value: &T) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    ")))?;
    let mut text = String::with_capacity(bytes.len() + 1);
    for c in String::from_utf8(bytes)?.chars() {
        match c {
            // In JSON they stand inside texts only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
