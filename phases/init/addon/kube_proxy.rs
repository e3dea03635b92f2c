//! Installs kube-proxy.

use kubewright_config::KubeProxyDoc;

use crate::artifacts::ClusterAdmin;
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
        (init, cluster, document, facts, options, admin, kube): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let (endpoint, proxies) = (&init.local_api_endpoint, &options.proxy_environment);
        for object in kubewright_manifests::kube_proxy(&cluster, &document, endpoint, &facts, proxies)? {
            kube.apply(&admin.0, &object, report).await?;
        }
        report.note("addons", "Applied essential addon: kube-proxy");
        Ok(())
    }
}
