//! Installs kube-proxy.

use kubewright_config::KubeProxyDoc;
use kubewright_manifests::patches::Target;

use crate::artifacts::ClusterAdmin;
use crate::patching::patch_object;
use crate::prelude::*;

/// The phase `addon/kube-proxy`.
pub struct KubeProxy;

impl Phase<Node> for KubeProxy {
    const ABOUT: &'static str = "Install the kube-proxy addon to a Kubernetes cluster";
    const RANK: u16 = 1301;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<KubeProxyDoc>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Read<ClusterAdmin>,
        Use<Kube>,
        Use<Probe>,
    );
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        match seeds.get::<ClusterConfiguration>() {
            Some(cluster) if cluster.proxy.disabled => Applies::No { why: "proxy.disabled is set".into() },
            _ => Applies::Yes,
        }
    }

    async fn run(
        &self,
        (init, cluster, document, facts, options, admin, kube, probe): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let (endpoint, proxies) = (&init.local_api_endpoint, &options.proxy_environment);
        let mut objects = kubewright_manifests::kube_proxy(&cluster, &document, endpoint, &facts, proxies)?;
        // Before anything is applied: a patch that does not fit leaves no half of the addon behind.
        for object in objects.iter_mut().filter(|object| object["kind"] == "DaemonSet") {
            *object = patch_object(Target::KubeProxyDaemonSet, object.take(), &init, &facts, &probe, report)?;
        }
        for object in objects {
            kube.apply(&admin.0, &object, report).await?;
        }
        report.note("addons", "Applied essential addon: kube-proxy");
        Ok(())
    }
}
