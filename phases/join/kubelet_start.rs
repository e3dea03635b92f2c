//! Writes what the kubelet needs to ask for its first certificate, and starts it.

use kubewright_config::KubeletDoc;
use kubewright_manifests::kubelet;
use kubewright_manifests::patches::{PatchType, Target};
use kubewright_node::ObjectRef;
use serde_json::Value as Json;

use crate::joining::FoundCluster;
use crate::patching::{patch_object, tell_applied};
use crate::prelude::*;

/// The phase `kubelet-start`.
pub struct KubeletStart;

impl Phase<Node> for KubeletStart {
    const ABOUT: &'static str = "Write kubelet settings, certificates and (re)start the kubelet";
    const RANK: u16 = 400;
    // The kubelet reads static pods and certificates as soon as it runs; and a cluster whose etcd is ill is left alone.
    const AFTER: &'static [&'static str] = &["control-plane-prepare", "check-etcd"];

    type Input = (Read<JoinConfiguration>, Read<FoundCluster>, Use<Files>, Use<Kube>, Use<Services>, Use<Probe>);
    type Output = ();

    async fn run(
        &self,
        (join, found, files, kube, services, probe): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let FoundCluster { init, cluster, facts, .. } = &*found;
        // Before anything is written: a refused join leaves nothing behind.
        refuse_taken_name(&join, &found, &files, &kube, report).await?;

        let mut bootstrap = found.bootstrap.clone();
        if let Some(plane) = &join.control_plane
            && facts.credentials.kubelet_local_endpoint
        {
            bootstrap.set_server(&plane.local_api_endpoint.url());
        }
        files.ensure_dir(Utf8Path::new(paths::KUBERNETES_DIR), paths::PUBLIC_DIR)?;
        let document = Contents::secret(bootstrap.to_yaml().as_bytes());
        files.write(paths::BOOTSTRAP_KUBELET_CONF.into(), &document, paths::SECRET_FILE)?;
        if files.read(&join.ca_cert_path)?.is_none() {
            if let Some(parent) = join.ca_cert_path.parent() {
                files.ensure_dir(parent, paths::PUBLIC_DIR)?;
            }
            let authority = Contents::public(found.bootstrap.authority_pem());
            files.write(&join.ca_cert_path, &authority, paths::PUBLIC_FILE)?;
        }

        let manager = services.init_system().is_some() && services.state("kubelet").await?.exists;
        if manager {
            report.note("kubelet-start", "Stopping the kubelet");
            services.ensure_stopped("kubelet").await?;
        }
        let registration = &init.node_registration;
        files.ensure_dir(Utf8Path::new(paths::KUBELET_DIR), paths::SECRET_DIR)?;
        let write = |name: &str, what: &str, text: String| {
            let path = paths::kubelet(name);
            report.note("kubelet-start", format!("Writing kubelet {what} to file \"{path}\""));
            files.write(&path, &Contents::public(text), paths::PUBLIC_FILE)
        };
        if let Some(instance) = kubelet::instance_config(registration, cluster, facts)? {
            write("instance-config.yaml", "configuration", instance)?;
        }
        let shared = &found.kubelet;
        let own = patch_object(Target::KubeletConfiguration, shared.with_node(), init, facts, &probe, report)?;
        if facts.uses_instance_config(cluster) {
            tell_applied(PatchType::Strategic, Target::KubeletConfiguration, report);
        }
        let own = KubeletDoc { document: own, user_supplied: shared.user_supplied, node_resolv_conf: None };
        write("config.yaml", "configuration", kubelet::config(&own, registration, cluster, facts))?;
        // A control plane's taints are set with its labels, by an administrator.
        let worker = join.control_plane.is_none();
        let flags = kubelet::flags_env(registration, cluster, facts, worker)?;
        write("kubeadm-flags.env", "environment file with flags", flags)?;

        report.note("kubelet-start", "Starting the kubelet");
        if !manager {
            report.warn("no service kubelet is known here: make sure that the kubelet is started");
            return Ok(());
        }
        services
            .restart("kubelet")
            .await
            .context("the kubelet could not be started")
            .hint("look at the kubelet's log: `systemctl status kubelet`, `journalctl -xeu kubelet`")
            .hint("then run the same command again: it goes on from here")
    }
}

/// Two kubelets of one name would take each other's pods.
async fn refuse_taken_name(
    join: &JoinConfiguration,
    found: &FoundCluster,
    files: &Files,
    kube: &Kube,
    report: &Report,
) -> Result<(), Failure> {
    // The checks refuse a machine that has it, so it is from a run of ours that was stopped: the node is this one.
    if files.read(paths::KUBELET_CONF.into())?.is_some() {
        return Ok(());
    }
    let registration = &join.node_registration;
    let argument = registration.kubelet_extra_args.iter().rev().find(|arg| arg.name == "hostname-override");
    let name = argument.map_or(registration.name.as_str(), |arg| arg.value.as_str());
    let access = found.bootstrap.access(join.timeouts.kubernetes_api_call);
    let node = ObjectRef::cluster("v1", "Node", name);
    let live = kube.get(&access, &node, report).await.context(format!("cannot get Node {name:?}"))?;
    let conditions = live.as_ref().and_then(|live| live.pointer("/status/conditions")).and_then(Json::as_array);
    let ready = |condition: &Json| condition["type"] == "Ready" && condition["status"] == "True";
    if conditions.is_some_and(|conditions| conditions.iter().any(ready)) {
        return Err(Failure::new(format!(
            "a Node with name {name:?} and status \"Ready\" already exists in the cluster. \
             You must delete the existing Node or change the name of this new joining Node"
        ))
        .hint(format!(
            "choose another --node-name; or, if that machine is gone for good, `kubectl delete node {name}`"
        )));
    }
    Ok(())
}
