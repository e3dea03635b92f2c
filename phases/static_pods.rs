//! What the three components of the control plane share when their static pods are written.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{ClusterConfiguration, InitConfiguration, VersionFacts};
use kubewright_engine::{Failure, Report};
use kubewright_manifests::{ControlPlaneNode, ManifestError, StaticPod};
use kubewright_node::{Contents, Files, Probe};

use crate::options::InitOptions;
use crate::patching::patch_pod;
use crate::paths;
use crate::rootless::without_root;

/// Renders one component for this machine, with the user's patches, and writes its manifest.
#[expect(clippy::too_many_arguments, reason = "what three phases take from the engine, each by its type")]
pub fn write_component(
    render: fn(&ControlPlaneNode<'_>) -> Result<StaticPod, ManifestError>,
    init: &InitConfiguration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    options: &InitOptions,
    files: &Files,
    probe: &Probe,
    report: &Report,
) -> Result<(), Failure> {
    let pod = render_component(render, init, cluster, facts, options, files, probe, report)?;
    // Its parent is for everybody, whichever phase comes first.
    files.ensure_dir(Utf8Path::new(paths::KUBERNETES_DIR), paths::PUBLIC_DIR)?;
    files.ensure_dir(Utf8Path::new(paths::MANIFESTS_DIR), paths::SECRET_DIR)?;
    files.write(&paths::static_pod(pod.name), &Contents::public(pod.yaml), paths::SECRET_FILE)
}

/// Renders one component for this machine, with the user's patches. Nothing is written but what a control plane without
/// root needs.
///
/// # Errors
/// A template or a patch does not fit, or a file that the component reads is not there.
#[expect(clippy::too_many_arguments, reason = "what three phases take from the engine, each by its type")]
pub fn render_component(
    render: impl FnOnce(&ControlPlaneNode<'_>) -> Result<StaticPod, ManifestError>,
    init: &InitConfiguration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    options: &InitOptions,
    files: &Files,
    probe: &Probe,
    report: &Report,
) -> Result<StaticPod, Failure> {
    let candidates = &facts.static_pod.ca_mount_candidates;
    let directories: Vec<Utf8PathBuf> =
        candidates.iter().filter(|directory| probe.list(directory).is_some()).cloned().collect();
    let keyless = files.read(&cluster.certificate_path("ca.key"))?.is_none();
    let external_ca = keyless && files.read(&cluster.certificate_path("ca.crt"))?.is_some();
    let node = ControlPlaneNode {
        ca_directories: &directories,
        proxy_environment: &options.proxy_environment,
        external_ca,
        ..ControlPlaneNode::of_init(init, cluster, facts)
    };
    let pod = without_root(render(&node)?, cluster, facts, files)?;
    patch_pod(pod, init, facts, probe, report)
}
