//! `-v` and `--vmodule`: what the program does inside, on standard error in klog's form, at the levels that kubeadm's
//! users expect: 1 what is decided, 5 what is run, 6 every request, 8 details. Other libraries' traces never show, since
//! nobody has looked through what they tell of secrets.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::str::FromStr;
use std::sync::OnceLock;

use kubewright_engine::{Failure, FailureContext};
use time::OffsetDateTime;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::program;

/// From this level on, errors are told with everything that led to them.
const STACK: i32 = 5;
/// Requests have a target of their own: in klog they are between "what is run" and details.
const REQUEST: &str = "request";

static VERBOSITY: OnceLock<i32> = OnceLock::new();

/// Whether errors are told with everything that led to them.
pub fn tells_stack() -> bool {
    VERBOSITY.get().is_some_and(|level| *level >= STACK)
}

/// Whether anything is told.
pub fn is_on() -> bool {
    LevelFilter::current() > LevelFilter::OFF
}

/// Begins to tell, if there is anything to tell.
pub fn begin(verbosity: i32, vmodule: Option<&str>) -> Result<(), Failure> {
    let modules = vmodule.unwrap_or_default().parse::<Modules>().map_err(Failure::new);
    let modules =
        modules.context(format!("invalid argument {:?} for \"--vmodule\" flag", vmodule.unwrap_or_default()))?;
    let _ = VERBOSITY.set(verbosity);
    if verbosity < 1 && modules.0.iter().all(|(_, level)| *level < 1) {
        return Ok(());
    }
    let subscriber = tracing_subscriber::registry().with(Klog { verbosity, modules });
    // A second one in one process is a test's; the first goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Levels of single files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Modules(Vec<(String, i32)>);

impl FromStr for Modules {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let setting = |setting: &str| {
            let (pattern, level) = setting.split_once('=').filter(|(pattern, _)| !pattern.is_empty())?;
            Some((pattern.to_owned(), level.parse().ok()?))
        };
        let settings = text.split(',').filter(|part| !part.is_empty());
        let settings =
            settings.map(|part| setting(part).ok_or("syntax error: expect comma-separated list of filename=N"));
        Ok(Self(settings.collect::<Result<_, _>>()?))
    }
}

/// Whether a name fits a pattern in which `*` stands for any characters and `?` for one.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => fits(rest, name) || (!name.is_empty() && fits(pattern, &name[1..])),
        ([b'?', pattern @ ..], [_, name @ ..]) => fits(pattern, name),
        ([a, pattern @ ..], [b, name @ ..]) => a == b && fits(pattern, name),
        _ => false,
    }
}

struct Klog {
    verbosity: i32,
    modules: Modules,
}

impl Klog {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.module_path().is_some_and(|module| module.starts_with("kubewright"));
        let level = match (*metadata.level(), metadata.target()) {
            (Level::ERROR | Level::WARN, _) => 0,
            (Level::INFO, _) => 1,
            (Level::DEBUG, REQUEST) => 6,
            (Level::DEBUG, _) => 5,
            (Level::TRACE, _) => 8,
        };
        let file = stem(metadata);
        let wanted = self.modules.0.iter().find(|(pattern, _)| fits(pattern.as_bytes(), file.as_bytes()));
        ours && level <= wanted.map_or(self.verbosity, |(_, level)| *level)
    }
}

fn stem<'a>(metadata: &'a Metadata<'_>) -> &'a str {
    let file = metadata.file().unwrap_or("?").rsplit('/').next().unwrap_or("?");
    file.strip_suffix(".rs").unwrap_or(file)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Klog {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let letter = match *metadata.level() {
            Level::ERROR => 'E',
            Level::WARN => 'W',
            _ => 'I',
        };
        let now = OffsetDateTime::now_utc();
        let stamp = format_description!("[month][day] [hour]:[minute]:[second].[subsecond digits:6]");
        let stamp = now.format(stamp).unwrap_or_default();
        let (pid, line) = (std::process::id(), metadata.line().unwrap_or_default());
        let mut words = Words::default();
        event.record(&mut words);
        let text = format!("{letter}{stamp} {pid:>7} {}.rs:{line}] {}{}\n", stem(metadata), words.message, words.rest);
        // Nothing is left to tell when the terminal itself is gone.
        let _ = io::stderr().write_all(program::speak(&text).as_bytes());
    }
}

/// An event's message, and its other fields as `name=value`.
#[derive(Default)]
struct Words {
    message: String,
    rest: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests;
