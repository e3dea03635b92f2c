//! Keeps or makes the certificate `etcd-peer`.

use kubewright_config::ServingNames;
use kubewright_pki::{CertificateKind, SanSet};

use crate::artifacts;
use crate::issuing::Issuing;
use crate::prelude::*;

/// The phase `certs/etcd-peer`.
pub struct EtcdPeer;

impl Phase<Node> for EtcdPeer {
    const ABOUT: &'static str = "Generate the certificate for etcd nodes to communicate with each other";
    const RANK: u16 = 207;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<VersionFacts>,
        Read<artifacts::EtcdCa>,
        Use<Files>,
        Use<Clock>,
    );
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        artifacts::local_etcd_certificate(seeds, CertificateKind::EtcdPeer)
    }

    async fn run(&self, (init, cluster, facts, ca, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let names = ServingNames::etcd_peer(&init, &cluster);
        let issuing = Issuing::new(&cluster, &facts, &clock);
        issuing
            .ensure_leaf(
                CertificateKind::EtcdPeer,
                &ca.0,
                &init.node_registration.name,
                SanSet::new(names.dns, names.ips),
                &files,
                report,
            )
            .await
    }
}
