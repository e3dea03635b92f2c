//! Keeps or makes the key pair that signs service account tokens.

use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/sa`.
pub struct Sa;

impl Phase<Node> for Sa {
    const ABOUT: &'static str = "Generate a private key for signing service account tokens along with its public key";
    const RANK: u16 = 210;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    const AFTER: &'static [&'static str] = &["preflight"];

    type Input = (Read<ClusterConfiguration>, Read<VersionFacts>, Use<Files>, Use<Clock>);
    type Output = ();

    async fn run(&self, (cluster, facts, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        Issuing::new(&cluster, &facts, &clock).ensure_service_account_key(&files, report).await
    }
}
