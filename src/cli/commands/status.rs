//! `status`: what the last run did on this node, what failed and why, what is left, who is changing the node just now, and
//! what to type next. Reads the journal and nothing else: no API server, no container runtime, no configuration.

mod shown;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_engine::{Failure, FailureContext, survey};
use kubewright_host::{LockError, NodeLock, Root, STATE_DIR};

use crate::args::like_pflag;
use crate::exit::Exit;
use crate::given::first_existing;
use crate::output::OutputArgs;
use crate::render::{data, warn};
use crate::{program, state};
use shown::Shown;

/// The command. kubeadm has none like it.
pub fn command() -> Command {
    let about = "Show what the last run did on this node, what is left, and what to type next";
    like_pflag(OutputArgs::augment_args(Command::new("status")).about(about).long_about(format!(
        "Show what the last run did on this node: the phases that finished, the one that failed and why, those that are \
         left, and what cannot be taken back. Says who is changing the node just now, and what to type next. It reads the \
         journal of {} and asks nobody else",
        program::name()
    )))
}

/// Shows it. Journals that are damaged are told, and stop nothing.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    let mut printer = OutputArgs::from_arg_matches(matches).map_err(Exit::of)?.printer()?;
    let root = rustix::process::geteuid().is_root();
    let place = state::root_of(root, &Root::system());
    let directory = place.place(STATE_DIR.into());
    let hint = "run the same command with sudo";
    let holder = NodeLock::holder(&place).map_err(|error| match error {
        error @ LockError::Io { .. } => Failure::from(error).hint(hint),
        error => error.into(),
    })?;
    let survey = survey(&directory).context("cannot tell what was run on this node").hint(hint)?;
    let shown = Shown::new(&survey, holder);
    data(&printer.print(&shown, || shown.text())?);
    let of_root = [Root::system().place(STATE_DIR.into())];
    if !root && printer.is_text() && first_existing(&of_root).is_some() {
        warn(&format!("these are your own runs; those of root are told to root only: {hint}"));
    }
    Ok(())
}
