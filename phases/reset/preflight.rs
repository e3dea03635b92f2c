//! Looks whether this machine may be emptied. Whoever typed the command was asked before it began.

use crate::init::preflight::judge;
use crate::preflight::is_privileged_user;
use crate::prelude::*;

/// The phase `preflight`.
pub struct Preflight;

impl Phase<Node> for Preflight {
    const ABOUT: &'static str = "Run reset pre-flight checks";
    const RANK: u16 = 100;

    type Input = (Read<ResetConfiguration>, Use<Probe>);
    type Output = ();

    async fn run(&self, (reset, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        report.note("preflight", "Running pre-flight checks");
        judge(is_privileged_user::look(&probe), &reset.ignore_preflight_errors, report)
    }
}
