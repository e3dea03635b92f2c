//! Looks whether renewing would lose anything that a certificate says, before any is renewed.

use crate::issuing::Issuing;
use crate::prelude::*;
use crate::renewal::{NothingLost, RenewOptions, losses};

/// The phase `inspect`.
pub struct Inspect;

impl Phase<Node> for Inspect {
    const ABOUT: &'static str = "Look whether a renewed certificate would say less than the old one";
    const RANK: u16 = 100;

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Read<RenewOptions>, Use<Files>, Use<Clock>);
    type Output = NothingLost;

    async fn run(
        &self,
        (cluster, facts, options, files, clock): Self::Input,
        _: &Report,
    ) -> Result<NothingLost, Failure> {
        let issuing = Issuing::new(&cluster, &facts, &clock);
        let mut wrong = Vec::new();
        for managed in options.chosen.iter().filter(|managed| managed.is_of(&cluster, &facts)) {
            // What cannot be read or signed is told by the phase that renews it, and the others have their turn.
            let lost = losses(*managed, &issuing, &options, &files).await.unwrap_or_default();
            if !lost.is_empty() {
                wrong.push(format!("\n\t{}: {}", managed.name(), lost.join(", ")));
            }
        }
        match wrong.is_empty() {
            true => Ok(NothingLost),
            false => Err(Failure::new(format!("renewed certificates would lack what the old ones say:{}", wrong.concat()))
                .hint("nothing was changed; have those certificates signed by whoever made them, or remove them and run `init phase certs`")
                .kind(FailureKind::Validation)),
        }
    }
}
