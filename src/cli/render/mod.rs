//! Events and failures as people and scripts read them. Data goes to standard output, talk to standard error; kubeadm
//! tells its progress on standard output, and so does the plain form.

pub mod dry_run;
mod json;
mod plain;
mod pretty;
mod traces;

use std::io::{self, IsTerminal, Write};

use kubewright_config::Warning;
use kubewright_engine::{Event, EventKind, Failure, Renderer, Standing};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::args::{Global, Progress};
use crate::exit::Exit;
use crate::given::append_events;
use crate::{program, trace};

use json::Json;
use plain::Plain;
use pretty::Pretty;
use traces::Traces;

/// Chooses how the run is shown.
pub fn choose(global: &Global) -> Result<Vec<Box<dyn Renderer>>, Exit> {
    let terminal = io::stderr().is_terminal() && io::stdout().is_terminal();
    let mut renderers: Vec<Box<dyn Renderer>> = vec![match global.progress {
        Progress::Json => Box::new(Json::new(io::stdout())),
        Progress::Pretty => Box::new(Pretty::new()),
        Progress::Auto if terminal => Box::new(Pretty::new()),
        Progress::Auto | Progress::Plain => Box::new(Plain::new(io::stdout(), io::stderr())),
    }];
    renderers.extend(also(global)?);
    Ok(renderers)
}

/// Who listens too, however the run is shown: the log, and the file of `--events`.
pub fn also(global: &Global) -> Result<Vec<Box<dyn Renderer>>, Exit> {
    let mut renderers: Vec<Box<dyn Renderer>> = Vec::new();
    if trace::is_on() {
        renderers.push(Box::new(Traces));
    }
    if let Some(path) = &global.events {
        renderers.push(Box::new(Json::new(append_events(path)?)));
    }
    Ok(renderers)
}

/// Shows events until the run has ended.
pub async fn consume(mut events: UnboundedReceiver<Event>, mut renderers: Vec<Box<dyn Renderer>>) -> io::Result<()> {
    while let Some(event) = events.recv().await {
        show(&mut renderers, |renderer| renderer.event(&event))?;
    }
    show(&mut renderers, |renderer| renderer.finish())
}

/// Shows something everywhere. A reader that has gone away, such as `| head`, wants no more, and stops nothing else.
fn show(
    renderers: &mut Vec<Box<dyn Renderer>>,
    mut how: impl FnMut(&mut Box<dyn Renderer>) -> io::Result<()>,
) -> io::Result<()> {
    let mut outcome = Ok(());
    renderers.retain_mut(|renderer| match how(renderer) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
        Err(error) => {
            outcome = Err(error);
            false
        }
    });
    outcome
}

/// Writes data that the user asked for.
pub fn data(text: &str) {
    // A reader that has gone away, such as `| head`, wants no more.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Asks something; the answer is typed on the same line.
pub fn ask(text: &str) {
    data(text);
    let _ = io::stdout().flush();
}

/// Writes a line of progress, as phases do.
pub fn note(tag: &str, text: &str) {
    data(&(note_line(tag, text) + "\n"));
}

/// Writes a warning.
pub fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {}", program::speak(text));
}

/// Writes the warnings of a configuration.
pub fn warn_of(warnings: &[Warning]) {
    warnings.iter().for_each(|warning| warn(&warning.to_string()));
}

/// Says what is no error, and no data.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", program::speak(text));
}

/// Tells why the program failed: the chain on one line, then what the user can do.
pub fn say_failure(failure: &Failure) {
    let _ = write_failure(&mut io::stderr(), &failure.chain(), &standing_line(failure.standing()), failure.hints());
}

/// The hints are ours; the last line is kubeadm's, which people know. With `-v=5` what led to it stands one link a line
/// instead.
fn write_failure(out: &mut dyn Write, chain: &[String], standing: &[String], hints: &[String]) -> io::Result<()> {
    writeln!(out, "error: {}", program::speak(&chain.join(": ")))?;
    standing.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    hints.iter().try_for_each(|hint| writeln!(out, "hint: {}", program::speak(hint)))?;
    if !trace::tells_stack() {
        return writeln!(out, "To see the stack trace of this error execute with --v=5 or higher");
    }
    // The first link is what the line above begins with.
    let causes = chain.iter().enumerate().skip(1);
    causes.into_iter().try_for_each(|(depth, link)| writeln!(out, "{:depth$}because {}", "", program::speak(link)))
}

/// What a failed phase did that cannot be taken back, as its files are.
fn standing_line(standing: &[Standing]) -> Vec<String> {
    let list = |sure: bool| {
        let effects = standing.iter().filter(|standing| standing.sure == sure);
        effects.map(|standing| standing.effect.to_string()).collect::<Vec<_>>().join(", ")
    };
    let of = |sure: bool, what: &str| {
        let list = list(sure);
        (!list.is_empty()).then(|| format!("{what}: {list}"))
    };
    let stands = of(true, "stands until the next run goes on with it");
    stands.into_iter().chain(of(false, "may have happened, the next run looks")).collect()
}

/// The line of a phase as kubeadm prints it.
fn note_line(tag: &str, text: &str) -> String {
    let text = program::speak(text);
    if tag.is_empty() { text.into_owned() } else { format!("[{tag}] {text}") }
}

/// The error of a phase as kubeadm words it.
fn phase_error(phase: &str, chain: &[String]) -> Vec<String> {
    std::iter::once(format!("error execution phase {phase}")).chain(chain.iter().cloned()).collect()
}

/// What a dry run says of a change.
fn dry_line(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Effect { effect, .. } => Some(format!("[dryrun] Would {} {}", effect.action, effect.object)),
        _ => None,
    }
}
