//! Writes the static pod of the local etcd and makes its data directory.

use kubewright_manifests::{ControlPlaneNode, EtcdStart};

use crate::artifacts;
use crate::patching::patch_pod;
use crate::prelude::*;
use crate::rootless;

/// The phase `etcd/local`.
pub struct Local;

impl Phase<Node> for Local {
    const ABOUT: &'static str = "Generate the static Pod manifest file for a local, single-node local etcd instance";
    const RANK: u16 = 400;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    // Without root, keys are given to the user that etcd runs as, and all four phases that write static pods add users
    // to the same files: one after the other.
    const AFTER: &'static [&'static str] = &["preflight", "certs"];

    type Input = (Read<InitConfiguration>, Read<ClusterConfiguration>, Read<VersionFacts>, Use<Files>, Use<Probe>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        artifacts::local_etcd(seeds)
    }

    async fn run(&self, (init, cluster, facts, files, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        let Some(etcd) = cluster.etcd.local() else { return Ok(()) };
        report.note("etcd", format!("Creating static Pod manifest for local etcd in \"{}\"", paths::MANIFESTS_DIR));
        // Without root it belongs to etcd's user from the start.
        if !rootless::wanted(&cluster, &facts) {
            files.ensure_dir(&etcd.data_dir, paths::SECRET_DIR)?;
        }
        let node = ControlPlaneNode::of_init(&init, &cluster, &facts);
        let pod = kubewright_manifests::etcd(&node, EtcdStart::NewCluster)?;
        let pod = rootless::without_root(pod, &cluster, &facts, &files)?;
        let pod = patch_pod(pod, &init, &facts, &probe, report)?;
        // Its parent is for everybody, whichever phase comes first.
        files.ensure_dir(Utf8Path::new(paths::KUBERNETES_DIR), paths::PUBLIC_DIR)?;
        files.ensure_dir(Utf8Path::new(paths::MANIFESTS_DIR), paths::SECRET_DIR)?;
        files.write(&paths::static_pod(pod.name), &Contents::public(pod.yaml), paths::SECRET_FILE)
    }
}
