//! The kubelet's files of a node that is upgraded: its configuration, where it looks for the API server, and flags that
//! kubelets of the new version refuse. kubeadm: `phases/upgrade/postupgrade.go`, `cmd/phases/upgrade/kubeconfig.go`.

use kubewright_config::KubeletDoc;
use kubewright_manifests::kubelet;
use kubewright_manifests::patches::{PatchType, Target};

use super::{UpgradeOptions, UpgradedCluster};
use crate::credentials;
use crate::patching::{patch_object, tell_applied};
use crate::prelude::*;

/// Writes the kubelet's configuration as the cluster has it; the kubelet reads it when it is started next.
///
/// # Errors
/// A patch does not fit, or a file cannot be written.
pub fn write_configuration(
    found: &UpgradedCluster,
    files: &Files,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    let UpgradedCluster { init, cluster, facts, .. } = found;
    let registration = &init.node_registration;
    if let Some(instance) = kubelet::instance_config(registration, cluster, facts)? {
        let path = paths::kubelet("instance-config.yaml");
        if files.read(&path)?.is_none() {
            files.write(&path, &Contents::public(instance), paths::PUBLIC_FILE)?;
        }
    }
    let own = patch_object(Target::KubeletConfiguration, found.kubelet.with_node(), init, facts, probe, report)?;
    if facts.uses_instance_config(cluster) {
        tell_applied(PatchType::Strategic, Target::KubeletConfiguration, report);
    }
    let own = KubeletDoc { document: own, user_supplied: found.kubelet.user_supplied, node_resolv_conf: None };
    let text = kubelet::config(&own, registration, cluster, facts);
    let path = paths::kubelet("config.yaml");
    report.note("upgrade/kubelet-config", format!("Writing kubelet configuration to file \"{path}\""));
    files.write(&path, &Contents::public(text), paths::PUBLIC_FILE)?;
    report.note("upgrade/kubelet-config", "The kubelet configuration for this node was successfully upgraded!");
    Ok(())
}

/// Lets the kubelet of a control plane talk to the API server beside it, from the versions on that want that.
///
/// # Errors
/// Its kubeconfig cannot be read or written, or the kubelet does not start anew.
pub async fn point_kubelet(
    found: &UpgradedCluster,
    options: &UpgradeOptions,
    files: &Files,
    services: &Services,
    report: &Report,
) -> Result<(), Failure> {
    let path = Utf8Path::new(paths::KUBELET_CONF);
    let local = found.init.local_api_endpoint.url();
    let shared = found.cluster.endpoint(&found.init.local_api_endpoint).url();
    if found.facts.credentials.kubelet_local_endpoint
        && options.control_plane
        && let Some(contents) = files.read(path)?
    {
        let mut document = credentials::parse(path, &contents)?;
        if document.server() == Some(shared.as_str()) && shared != local && document.set_server(&local) {
            let text = Contents::secret(credentials::render(&document)?);
            files.write(path, &text, paths::SECRET_FILE)?;
            services.restart("kubelet").await.context("the kubelet could not be started with its new kubeconfig")?;
        }
    }
    report.note("upgrade/kubeconfig", "The kubeconfig files for this node were successfully upgraded!");
    Ok(())
}

/// Flags that kubelets of later versions do not take any more, wherever they were once written; who passed over the
/// version that removed one has it still.
const OBSOLETE: [(&str, u64); 3] =
    [("container-runtime", 27), ("network-plugin", 24), ("pod-infra-container-image", 35)];

/// Takes flags out that the kubelet of the new version refuses.
///
/// # Errors
/// The file cannot be read or written.
pub fn drop_obsolete_flags(found: &UpgradedCluster, files: &Files, report: &Report) -> Result<(), Failure> {
    let path = paths::kubelet("kubeadm-flags.env");
    let Some(contents) = files.read(&path)? else { return Ok(()) };
    let text = String::from_utf8(contents.as_bytes().to_vec()).context(format!("cannot read `{path}`"))?;
    let minor = found.facts.version.minor();
    let mut kept = text.clone();
    for (flag, since) in OBSOLETE.iter().filter(|(_, since)| minor >= *since) {
        let without = without_flag(&kept, flag);
        if without != kept {
            let line =
                format!("Removing the flag --{flag} from \"{path}\": kubelets have not taken it since 1.{since}");
            report.note("upgrade/post-upgrade", line);
            kept = without;
        }
    }
    if kept != text {
        files.write(&path, &Contents::public(kept), paths::PUBLIC_FILE)?;
    }
    Ok(())
}

/// The file without `--flag=value`.
fn without_flag(text: &str, flag: &str) -> String {
    let begins = format!("--{flag}=");
    let line = |line: &str| {
        let Some((name, value)) = line.split_once('=') else { return line.to_owned() };
        let bare = value.trim_matches('"');
        let words: Vec<_> = bare.split(' ').filter(|word| !word.starts_with(&begins)).collect();
        match words.len() == bare.split(' ').count() {
            true => line.to_owned(),
            false => format!("{name}=\"{}\"", words.join(" ")),
        }
    };
    let ends = if text.ends_with('\n') { "\n" } else { "" };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + ends
}

#[cfg(test)]
mod tests {
    use super::without_flag;

    #[test]
    fn only_the_named_flag_goes() {
        let text = "KUBELET_KUBEADM_ARGS=\"--container-runtime=remote --container-runtime-endpoint=unix:///x --a=b\"\n";
        let wanted = "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///x --a=b\"\n";
        assert_eq!(without_flag(text, "container-runtime"), wanted);
        assert_eq!(without_flag(text, "network-plugin"), text);
    }
}
