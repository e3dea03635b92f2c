//! Takes this node's API server out of `ClusterStatus`, which clusters of 1.20 and 1.21 keep in `kubeadm-config`: their
//! kubeadm goes by it where a pod has no annotation. kubeadm 1.20: `app/cmd/phases/reset/updateclusterstatus.go`.

use std::net::SocketAddr;
use std::time::Duration;

use kubewright_config::model::ApiEndpoint;
use kubewright_config::{KubernetesVersion, facts_for, yaml};
use kubewright_node::{KubeAccess, KubeErrorKind};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::cluster_status::{kubeadm_config, without};
use crate::prelude::*;
use crate::resetting::go_on;
use crate::running::{ADVERTISED, certified_name};

/// The phase `update-cluster-status`.
pub struct UpdateClusterStatus;

/// How long an API server may take. One says that it is busy while etcd elects a leader.
const LIMIT: Duration = Duration::from_secs(10);
/// How long there may be none. Most resets are for what has broken, but one that has just ended behind a load balancer gives
/// way to the next.
const NOBODY: Duration = Duration::from_secs(2);

impl Phase<Node> for UpdateClusterStatus {
    const ABOUT: &'static str = "Remove this node from the ClusterStatus object";
    const RANK: u16 = 150;
    // Nothing may change on a node that fails its checks; no value says so, because single phases run without them.
    const AFTER: &'static [&'static str] = &["preflight"];

    type Input = (Read<ResetOptions>, Use<Files>, Use<Kube>);
    type Output = ();

    async fn run(&self, (options, files, kube): Self::Input, report: &Report) -> Result<(), Failure> {
        let path = paths::static_pod("kube-apiserver");
        let Some(manifest) = files.read(&path)? else { return Ok(()) };
        let Ok(document) = yaml::document(manifest.as_bytes()) else { return Ok(()) };
        // Of a version that cannot be told, the cluster itself says whether it keeps a list.
        let version = image_version(document.value());
        let keeps_none = version.and_then(|version| facts_for(&version).ok()).is_some_and(|it| !it.api.cluster_status);
        let Some(kubeconfig) = files.read(&options.kubeconfig)?.filter(|_| !keeps_none) else { return Ok(()) };
        let Ok(kubeconfig) = String::from_utf8(kubeconfig.as_bytes().to_vec()).map(Zeroizing::new) else {
            return Ok(());
        };
        let access = |call_limit| KubeAccess { kubeconfig: kubeconfig.clone(), server: None, call_limit };

        let name = certified_name(&|path| files.read(path))?;
        let endpoint = advertised(document.value());
        let object = kubeadm_config();
        let change = |live: &Json| without(live, name.as_deref(), endpoint).map(|(changed, _)| changed);
        let taken = async {
            let live = match kube.get_once(&access(LIMIT), &object).await {
                Err(error) if error.kind == KubeErrorKind::Busy => kube.get(&access(LIMIT), &object, report).await?,
                Err(error) if error.kind == KubeErrorKind::Unreachable => {
                    kube.get(&access(NOBODY), &object, report).await?
                }
                answer => answer?,
            };
            let found = live.and_then(|live| without(&live, name.as_deref(), endpoint));
            let Some((_, gone)) = found else { return Ok::<_, Failure>(()) };
            let what = "from the ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace";
            report.note("reset", format!("Removing info for node {gone:?} {what}"));
            kube.change(&access(LIMIT), &object, report, change).await
        };
        if let Err(failure) = taken.await {
            let failure = go_on(failure)?;
            report.warn(format!("[reset] This node's API server may stay in the cluster's ClusterStatus: {failure}"));
        }
        Ok(())
    }
}

/// Where the node's API server says that it listens.
fn advertised(pod: &Json) -> Option<ApiEndpoint> {
    let endpoint: SocketAddr = pod.pointer(ADVERTISED)?.as_str()?.parse().ok()?;
    Some(ApiEndpoint { advertise_address: endpoint.ip(), bind_port: endpoint.port() })
}

/// The version in the image's tag, if that is one.
fn image_version(pod: &Json) -> Option<KubernetesVersion> {
    let image = pod.pointer("/spec/containers/0/image")?.as_str()?;
    image.rsplit_once(':')?.1.parse().ok()
}
