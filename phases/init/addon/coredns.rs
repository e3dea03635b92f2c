//! Installs CoreDNS.

use kubewright_manifests::patches::Target;
use kubewright_node::ObjectRef;
use serde_json::Value as Json;

use crate::artifacts::ClusterAdmin;
use crate::patching::patch_object;
use crate::prelude::*;

/// The phase `addon/coredns`.
pub struct Coredns;

impl Phase<Node> for Coredns {
    const ABOUT: &'static str = "Install the CoreDNS addon to a Kubernetes cluster";
    const RANK: u16 = 1300;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<VersionFacts>,
        Read<ClusterAdmin>,
        Use<Kube>,
        Use<Probe>,
    );
    type Output = ();

    fn applies(&self, seeds: &Seeds) -> Applies {
        match seeds.get::<ClusterConfiguration>() {
            Some(cluster) if cluster.dns.disabled => Applies::No { why: "dns.disabled is set".into() },
            _ => Applies::Yes,
        }
    }

    async fn run(
        &self,
        (init, cluster, facts, admin, kube, probe): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let deployment = ObjectRef::namespaced("apps/v1", "Deployment", "kube-system", "coredns");
        let live = kube.get(&admin.0, &deployment, report).await?;
        let replicas = live.as_ref().and_then(|live| live.pointer("/spec/replicas")).and_then(Json::as_u64);
        let config = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "coredns");
        let corefile = kube.get(&admin.0, &config, report).await?;
        let corefile = corefile.as_ref().and_then(|live| live.pointer("/data/Corefile")).and_then(Json::as_str);
        let mut objects = kubewright_manifests::coredns(&cluster, &facts, replicas)?;
        // Before anything is applied: a patch that does not fit leaves no half of the addon behind.
        for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
            *object = patch_object(Target::CorednsDeployment, object.take(), &init, &facts, &probe, report)?;
        }
        for object in objects {
            let own = object.pointer("/data/Corefile").and_then(Json::as_str);
            if own.is_some() && corefile.is_some_and(|live| !live.is_empty() && Some(live) != own) {
                report.warn("the ConfigMap kube-system/coredns has a Corefile of its own, which is kept");
                continue;
            }
            kube.apply(&admin.0, &object, report).await?;
        }
        report.note("addons", "Applied essential addon: CoreDNS");
        Ok(())
    }
}
