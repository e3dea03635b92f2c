//! Keeps or makes the certificate `apiserver`.

use kubewright_config::ServingNames;
use kubewright_pki::{CertificateKind, SanSet};

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/apiserver`.
pub struct Apiserver;

impl Phase<Node> for Apiserver {
    const ABOUT: &'static str = "Generate the certificate for serving the Kubernetes API";
    const RANK: u16 = 201;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<VersionFacts>,
        Read<artifacts::ClusterCa>,
        Use<Files>,
        Use<Clock>,
    );
    type Output = ();

    async fn run(&self, (init, cluster, facts, ca, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let names = ServingNames::api_server(&init, &cluster);
        let issuing = Issuing::new(&cluster, &facts, &clock);
        issuing
            .ensure_leaf(
                CertificateKind::Apiserver,
                &ca.0,
                &init.node_registration.name,
                SanSet::new(names.dns, names.ips),
                &files,
                report,
            )
            .await
    }
}
