//! Tells all that could not be renewed, once everything else was done.

use crate::prelude::*;
use crate::renewal::{Outcome, Outcomes};

/// The phase `verdict`.
pub struct Verdict;

impl Phase<Node> for Verdict {
    const ABOUT: &'static str = "Tell all certificates that could not be renewed";
    const RANK: u16 = 900;
    // What was renewed is to be in use, whatever became of the others.
    const AFTER: &'static [&'static str] = &["restart"];

    type Input = Outcomes;
    type Output = ();

    async fn run(&self, outcomes: Outcomes, _: &Report) -> Result<(), Failure> {
        let failed: Vec<String> = Outcome::all(&outcomes)
            .into_iter()
            .filter_map(|(managed, outcome)| match outcome {
                Outcome::Failed { why } => Some(format!("\n\t{}: {why}", managed.name())),
                _ => None,
            })
            .collect();
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(format!("these certificates were not renewed:{}", failed.concat()))
                .hint("all others were; mend these, and run the same command again")),
        }
    }
}
