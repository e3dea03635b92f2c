//! What is wrong with a configuration: every fault at once, each with its field, line and fix.

use std::borrow::Cow;
use std::fmt;

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Path of the field, such as `networking.podSubnet`, or the flag; empty for the document as a whole.
    pub field: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// The value as it was given, quoted; `None` where it is missing or secret.
    pub value: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// What to change.
    pub hint: Option<String>,
}

impl ConfigError {
    /// Makes an error about a field's value; the value is quoted.
    pub fn invalid(field: impl Into<String>, value: impl fmt::Display, reason: impl Into<String>) -> Self {
        let value = Some(format!("{:?}", value.to_string()));
        Self { field: field.into(), line: None, value, reason: reason.into(), hint: None }
    }

    /// Makes an error about a number, which stands without quotes.
    pub fn number(field: impl Into<String>, value: impl Into<i64>, reason: impl Into<String>) -> Self {
        let value = Some(value.into().to_string());
        Self { field: field.into(), line: None, value, reason: reason.into(), hint: None }
    }

    /// Makes an error about a field whose value is missing or must not be repeated.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), line: None, value: None, reason: reason.into(), hint: None }
    }

    /// Makes an error about the input as a whole.
    pub fn document(reason: impl Into<String>) -> Self {
        Self::field("", reason)
    }

    /// Adds what to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the line in the file.
    #[must_use]
    pub fn at(mut self, line: Option<usize>) -> Self {
        self.line = self.line.or(line);
        self
    }
}

impl fmt::Display for ConfigError {
    /// Writes `<field.path>: Invalid value: <value>: <reason>`, kubeadm's form; the line and hint are left to renderers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", one_line(&self.field))?;
        }
        if let Some(value) = &self.value {
            write!(f, "Invalid value: {value}: ")?;
        }
        f.write_str(&one_line(&self.reason))
    }
}

impl std::error::Error for ConfigError {}

/// All faults of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// Name of the file, if the configuration came from one.
    pub file: Option<String>,
    /// The faults, at least one.
    pub errors: Vec<ConfigError>,
}

impl fmt::Display for ConfigErrors {
    /// Writes `file:line: error`, one fault a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match (&self.file, error.line) {
                (Some(file), Some(line)) => write!(f, "{file}:{line}: {error}")?,
                (Some(file), None) => write!(f, "{file}: {error}")?,
                (None, _) => write!(f, "{error}")?,
            }
            if let Some(hint) = &error.hint {
                write!(f, " ({})", one_line(hint))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Refuses what strict reading refuses, in the order of lines, and returns the warnings if there is nothing of it.
///
/// # Errors
/// Every unknown or repeated field and every unknown document, with its line.
pub(crate) fn strictly(warnings: Vec<Warning>) -> Result<Vec<Warning>, Vec<ConfigError>> {
    let error = |warning: &Warning| {
        let (reason, fix) = warning.refusal.clone()?;
        Some(ConfigError::field(warning.field.clone(), reason).at(warning.line).hint(fix))
    };
    let mut errors: Vec<ConfigError> = warnings.iter().filter_map(error).collect();
    if errors.is_empty() {
        return Ok(warnings);
    }
    errors.sort_by_key(|error| error.line);
    Err(errors)
}

/// Something that deserves a look but stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Path of the field, or empty.
    pub field: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// What was found, and what was done about it.
    pub message: String,
    /// What strict reading says of it, and the fix: it refuses what has no meaning, or stands twice.
    pub refusal: Option<(String, String)>,
}

impl Warning {
    /// Makes a warning about a field; an empty field means the whole input.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), line: None, message: message.into(), refusal: None }
    }

    /// Adds the line in the file.
    #[must_use]
    pub fn at(mut self, line: Option<usize>) -> Self {
        self.line = self.line.or(line);
        self
    }

    /// Marks what strict reading refuses, with what it says then and the fix.
    #[must_use]
    pub fn refused(mut self, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        self.refusal = Some((reason.into(), fix.into()));
        self
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", one_line(&self.field))?;
        }
        f.write_str(&one_line(&self.message))
    }
}

/// Escapes what would break a line or steer a terminal: keys and kinds come from the file as they are.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect::<String>().into()
}
