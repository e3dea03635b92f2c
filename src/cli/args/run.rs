//! Flags of every command that runs a workflow.

use std::num::NonZeroUsize;

use clap::{ArgAction, Args};

use super::pflag::go_bool;

/// What `--dry-run` may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// Everything is done.
    No,
    /// Nothing is done, and what would be is printed whole.
    Whole,
    /// Nothing is done, and what would be is printed as a difference to what is there.
    Diff,
}

impl DryRun {
    /// How a run is to be, when the flag is laid over the file: only the flag can ask for a difference.
    pub fn of(flag: Option<Self>, file: bool) -> Self {
        match flag {
            Some(Self::Diff) => Self::Diff,
            _ if file => Self::Whole,
            _ => Self::No,
        }
    }
}

impl std::str::FromStr for DryRun {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match go_bool(text) {
            Some(true) => Ok(Self::Whole),
            Some(false) => Ok(Self::No),
            None if text.eq_ignore_ascii_case("diff") => Ok(Self::Diff),
            None => Err("it is one of true, false, diff".into()),
        }
    }
}

/// The file, how much of the workflow is run and how; kubeadm's flags that all workflows share, and ours.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// Don't apply any changes; just output what would be done: whole, or with `diff` as the difference to what is there
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL|diff")]
    pub dry_run: Option<DryRun>,
    /// A list of checks whose errors will be shown as warnings. Value 'all' ignores errors from all checks
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub ignore_preflight_errors: Option<Vec<String>>,
    /// List of phases to be skipped
    #[arg(long, value_name = "PHASES", value_delimiter = ',', action = ArgAction::Append)]
    pub skip_phases: Vec<String>,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    pub strict: bool,
    /// Do not go on with a run that was killed or failed: plan every phase anew
    #[arg(long)]
    pub fresh: bool,
    /// How many phases may run at the same time [default: the number of processors]
    #[arg(long, value_name = "COUNT")]
    pub jobs: Option<NonZeroUsize>,
}
