//! Go templates, with the two functions that Kubernetes adds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gtmpl_ng::{Context, FuncError, Template, Value};
use kubewright_engine::{Failure, FailureContext};
use serde_json::Value as Json;

/// How Go shows a value that is not there.
const MISSING: &str = "<no value>";

/// A template that was parsed.
pub struct GoTemplate {
    template: Template,
    text: String,
    allow_missing: bool,
}

impl GoTemplate {
    /// Parses a template.
    pub fn parse(text: &str, allow_missing: bool) -> Result<Self, Failure> {
        let mut template = Template::default();
        template.add_func("base64decode", base64decode);
        template.add_func("exists", exists);
        template.parse(text).map_err(|error| Failure::new(first_line(&error)).context(parsing(text)))?;
        Ok(Self { template, text: text.to_owned(), allow_missing })
    }

    /// Fills it in.
    pub fn render(&self, object: &Json) -> Result<String, Failure> {
        let doing = || format!("error executing template {:?}", self.text);
        let rendered = self.template.render(&Context::from(value(object)));
        let text = rendered.map_err(|error| Failure::new(first_line(&error)).context(doing()))?;
        // The engine cannot stop at a missing key, but it shows one as Go does, and no object of ours holds these words.
        if !self.allow_missing && text.contains(MISSING) {
            let failure = Failure::new("map has no entry for a key that the template names").context(doing());
            return Err(failure).hint("look at the object's fields with `-o json`");
        }
        Ok(text)
    }
}

fn parsing(text: &str) -> String {
    format!("error parsing template {text}")
}

/// The rest is the way through nested templates.
fn first_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            (None, None) => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(value).collect()),
        Json::Object(fields) => Value::Map(fields.iter().map(|(name, field)| (name.clone(), value(field))).collect()),
    }
}

fn base64decode(arguments: &[Value]) -> Result<Value, FuncError> {
    let [Value::String(text)] = arguments else { return Err(FuncError::Generic("base64decode takes one text".into())) };
    let bytes = STANDARD.decode(text).map_err(|error| FuncError::Generic(format!("base64decode: {error}")))?;
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

fn exists(arguments: &[Value]) -> Result<Value, FuncError> {
    let (found, steps) = arguments.split_first().ok_or_else(|| FuncError::Generic("exists takes a value".into()))?;
    let step = |found: &Value, step: &Value| match (found, step) {
        (Value::Map(fields) | Value::Object(fields), Value::String(name)) => fields.get(name).cloned(),
        (Value::Array(items), Value::Number(index)) => {
            index.as_u64().and_then(|index| items.get(usize::try_from(index).ok()?)).cloned()
        }
        _ => None,
    };
    let found = steps.iter().try_fold(found.clone(), |found, next| step(&found, next));
    Ok(Value::Bool(found.is_some()))
}
