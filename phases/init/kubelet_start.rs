//! Writes the kubelet's files and starts it with them.

use kubewright_config::KubeletDoc;
use kubewright_manifests::kubelet;
use kubewright_manifests::patches::{PatchType, Target};

use crate::patching::{patch_object, tell_applied};
use crate::prelude::*;

/// The phase `kubelet-start`.
pub struct KubeletStart;

impl Phase<Node> for KubeletStart {
    const ABOUT: &'static str = "Write kubelet settings and (re)start the kubelet";
    const RANK: u16 = 600;
    // The kubelet reads certificates, kubeconfigs and static pods as soon as it runs, and no value stands for their files.
    const AFTER: &'static [&'static str] = &["preflight", "certs", "kubeconfig", "etcd", "control-plane"];

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<KubeletDoc>,
        Read<VersionFacts>,
        Use<Files>,
        Use<Services>,
        Use<Probe>,
    );
    type Output = ();

    async fn run(
        &self,
        (init, cluster, document, facts, files, services, probe): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        let registration = &init.node_registration;
        files.ensure_dir(Utf8Path::new(paths::KUBELET_DIR), paths::SECRET_DIR)?;
        let write = |name: &str, what: &str, text: String| {
            let path = paths::kubelet(name);
            report.note("kubelet-start", format!("Writing kubelet {what} to file \"{path}\""));
            files.write(&path, &Contents::public(text), paths::PUBLIC_FILE)
        };
        let flags = kubelet::flags_env(registration, &cluster, &facts, false)?;
        write("kubeadm-flags.env", "environment file with flags", flags)?;
        if let Some(instance) = kubelet::instance_config(registration, &cluster, &facts)? {
            write("instance-config.yaml", "configuration", instance)?;
        }
        // Patches meet what was decided on the node, and not the runtime's endpoint, which stays ours.
        let own = patch_object(Target::KubeletConfiguration, document.with_node(), &init, &facts, &probe, report)?;
        if facts.uses_instance_config(&cluster) {
            // For kubeadm the instance's part is a patch like the user's, and it says so.
            tell_applied(PatchType::Strategic, Target::KubeletConfiguration, report);
        }
        let own = KubeletDoc { document: own, user_supplied: document.user_supplied, node_resolv_conf: None };
        write("config.yaml", "configuration", kubelet::config(&own, registration, &cluster, &facts))?;

        report.note("kubelet-start", "Starting the kubelet");
        // As kubeadm: a machine without a service manager, or with one of its own, may start the kubelet by other means.
        // If nobody does, the next phase says so.
        if services.init_system().is_none() {
            report.warn("no systemd or OpenRC found: make sure that the kubelet is started");
        } else if !services.state("kubelet").await?.exists {
            report.warn("there is no service kubelet: make sure that the kubelet is started");
        } else {
            // kubeadm only warns. Here the phase must not count as finished: the next run would not start the kubelet.
            services
                .restart("kubelet")
                .await
                .context("the kubelet could not be started")
                .hint("look at the kubelet's log: `systemctl status kubelet`, `journalctl -xeu kubelet`")
                .hint("then run the same command again: it goes on from here")?;
        }
        Ok(())
    }
}
