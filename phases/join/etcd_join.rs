//! Makes this node's etcd a member of the cluster's.

use kubewright_manifests::{ControlPlaneNode, EtcdMember, EtcdStart};
use kubewright_node::Etcd;
use kubewright_node::etcd::{Joined, Joining, Start};

use crate::admission::Admission;
use crate::joining::{self, FoundCluster, admin};
use crate::patching::patch_pod;
use crate::{etcd_access, prelude::*, rootless};

/// The phase `etcd-join`.
pub struct EtcdJoin;

/// How often the manifest is written for members that others added meanwhile.
const ATTEMPTS: usize = 8;

impl Phase<Node> for EtcdJoin {
    const ABOUT: &'static str = "Join etcd for control plane nodes";
    const RANK: u16 = 500;
    // A member that does not start costs the others: the kubelet that starts it runs first.
    const AFTER: &'static [&'static str] = &["kubelet-start"];

    type Input = (Read<FoundCluster>, Use<Files>, Use<Kube>, Use<Etcd>, Use<Probe>, Use<Runtime>, Use<Services>);
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        joining::control_plane(seeds)
    }

    async fn run(
        &self,
        (found, files, kube, etcd, probe, runtime, services): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let FoundCluster { init, cluster, facts, .. } = &*found;
        let Some(local) = cluster.etcd.local() else {
            report.note("control-plane-join", "Using external etcd - no local stacked instance added");
            return Ok(());
        };
        let admin = admin(&files, &found)?;
        let access = etcd_access::find(&found, &admin, &files, &kube, &etcd, report).await?;
        let address = init.local_api_endpoint.advertise_address;
        // Through the files, which in a dry run are not those of the disk.
        let has_data = || -> Result<bool, Failure> {
            Ok(files.list(&local.data_dir)?.is_some_and(|names| names.iter().any(|name| name == "member")))
        };
        let mut joining = Joining {
            name: init.node_registration.name.clone(),
            peer_url: format!("https://{}", std::net::SocketAddr::new(address, 2380)),
            has_data: has_data()?,
        };
        if !rootless::wanted(cluster, facts) {
            files.ensure_dir(&local.data_dir, paths::SECRET_DIR)?;
        }
        report.note("etcd", "Announced new etcd member joining to the existing etcd cluster");
        let (components, socket) = (&["etcd"], &*init.node_registration.cri_socket);
        let admission = Admission { components, socket, files: &files, runtime: &runtime, services: &services };
        let mut joined = match etcd.join_member(&access, &joining, report).await {
            // A run before this one had started etcd, which has come up since the look at its data.
            Err(_) if !joining.has_data && has_data()? => {
                joining.has_data = true;
                etcd.join_member(&access, &joining, report).await?
            }
            outcome => outcome?,
        };
        report.note("etcd", "Creating static Pod manifest for \"etcd\"");
        for _ in 0..ATTEMPTS {
            write_manifest(&found, &joined, &files, &probe, report)?;
            if joined.started {
                break;
            }
            files.publish()?;
            let start = etcd.await_start(&access, &joined, &joining, report);
            match admission.secured(start, report).await? {
                Start::Up(_) => break,
                Start::Changed(newer) => joined = newer,
            }
        }
        if joined.learner {
            etcd.promote_member(&access, joined.id, report).await?;
        }
        report.note("etcd", "Waiting for the new etcd member to join the cluster");
        etcd.wait_until_well(&access, access.call_limit, report).await.map(drop)
    }
}

fn write_manifest(
    found: &FoundCluster,
    joined: &Joined,
    files: &Files,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    let FoundCluster { init, cluster, facts, .. } = found;
    let members = EtcdMember::list(&joined.initial_cluster);
    let node = ControlPlaneNode::of_init(init, cluster, facts);
    let pod = kubewright_manifests::etcd(&node, EtcdStart::Joining(&members))?;
    let pod = rootless::without_root(pod, cluster, facts, files)?;
    let pod = patch_pod(pod, init, facts, probe, report)?;
    files.ensure_dir(Utf8Path::new(paths::MANIFESTS_DIR), paths::SECRET_DIR)?;
    files.write(&paths::static_pod(pod.name), &Contents::public(pod.yaml), paths::SECRET_FILE)
}
