//! Keeps or makes every certificate of the new control plane.

use kubewright_config::ServingNames;
use kubewright_pki::{CertificateKind, SanSet};

use crate::issuing::Issuing;
use crate::joining::{self, FoundCluster};
use crate::prelude::*;

/// The phase `control-plane-prepare/certs`.
pub struct Certs;

impl Phase<Node> for Certs {
    const ABOUT: &'static str = "Generate the certificates for the new control plane components";
    const RANK: u16 = 210;
    // It makes an authority that is not there, and so must not look before those of the cluster were fetched.
    const AFTER: &'static [&'static str] = &["control-plane-prepare/download-certs"];

    type Input = (Read<FoundCluster>, Use<Files>, Use<Clock>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(&self, (found, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        use CertificateKind as Kind;
        let FoundCluster { init, cluster, facts, .. } = &*found;
        let directory = &cluster.certificates_dir;
        report.note("certs", format!("Using certificateDir folder \"{directory}\""));
        let issuing = Issuing::new(cluster, facts, &clock);
        let name = &init.node_registration.name;
        let sans = |names: ServingNames| SanSet::new(names.dns, names.ips);
        let none = SanSet::default;

        let mut leaves = vec![
            (
                Kind::Ca,
                vec![
                    (Kind::Apiserver, sans(ServingNames::api_server(init, cluster))),
                    (Kind::ApiserverKubeletClient, none()),
                ],
            ),
            (Kind::FrontProxyCa, vec![(Kind::FrontProxyClient, none())]),
        ];
        if cluster.etcd.local().is_some() {
            leaves.push((
                Kind::EtcdCa,
                vec![
                    (Kind::EtcdServer, sans(ServingNames::etcd_server(init, cluster))),
                    (Kind::EtcdPeer, sans(ServingNames::etcd_peer(init, cluster))),
                    (Kind::EtcdHealthcheckClient, none()),
                    (Kind::ApiserverEtcdClient, none()),
                ],
            ));
        }
        for (authority, below) in leaves {
            // An authority of our own would be a cluster of our own: preflight or the download brought it.
            let known = crate::issuing::read_authority(cluster, authority, |path| files.read(path))?;
            let base = authority.profile().base_name;
            let known = known.ok_or_else(|| {
                let path = cluster.certificate_path(format!("{base}.crt"));
                Failure::new(format!("the cluster's authority `{path}` is not here"))
                    .hint("copy the shared certificates from another control plane, or give --certificate-key")
            })?;
            for (kind, names) in below {
                issuing.ensure_leaf(kind, &known, name, names, &files, report).await?;
            }
        }
        report.note("certs", format!("Valid certificates and keys now exist in \"{directory}\""));
        issuing.ensure_service_account_key(&files, report).await?;
        report.note("certs", "Using the existing \"sa\" key");
        Ok(())
    }
}
