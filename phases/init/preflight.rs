//! Looks whether this machine can become a control plane, and fetches the images, before anything is changed.

use futures_util::future::join_all;
use kubewright_config::KubeletDoc;
use kubewright_config::images::{self, Image};
use kubewright_config::model::ImagePullPolicy;

use crate::checks::{Finding, Powers, Subject, judged, ranked};
use crate::prelude::*;

/// The phase `preflight`.
pub struct Preflight;

/// What is said of the images, which are no check since pulling changes the node; for docs.
pub const PULLING: &str = "\
## Pull the images

- `ImagePull`: error
- `SandboxImage`: warning (kubeadm logs it without a name)

After all checks, since it changes the node: five attempts for each image, unless imagePullPolicy says that it need not be
pulled. The runtime's own sandbox image is compared with the one that the kubelet keeps.

Fix: pull the image by hand, name another --image-repository, or set imagePullPolicy; set the runtime's sandbox image
";

impl Phase<Node> for Preflight {
    const ABOUT: &'static str = "Run pre-flight checks";
    const RANK: u16 = 100;

    type Input = (
        Read<InitConfiguration>,
        Read<ClusterConfiguration>,
        Read<KubeletDoc>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Powers,
    );
    type Output = ();

    async fn run(
        &self,
        (init, cluster, kubelet, facts, options, powers): Self::Input,
        report: &Report,
    ) -> Result<(), Failure> {
        report.note("preflight", "Running pre-flight checks");
        let subject = Subject::of(&init, &cluster, &kubelet, &facts, &options, &powers, report);
        let names = &init.node_registration.ignore_preflight_errors;
        // Without root most other checks fail too, and say less: that one stands alone, and first.
        for batch in ranked().chunk_by(|one, next| one.rank() > 0 && next.rank() > 0) {
            let findings = join_all(batch.iter().map(|check| check.look(&subject))).await;
            judge(findings.into_iter().flatten().collect(), names, report)?;
        }

        pull_images(&init, &cluster, &facts, subject.runtime, report).await
    }
}

/// Pulls what a control plane runs.
pub async fn pull_images(
    init: &InitConfiguration,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    runtime: &Runtime,
    report: &Report,
) -> Result<(), Failure> {
    let names = &init.node_registration.ignore_preflight_errors;
    let socket = &init.node_registration.cri_socket;
    let policy = init.node_registration.image_pull_policy;
    let wanted = images::pull_list(cluster, facts);
    report.note("preflight", "Pulling images required for setting up a Kubernetes cluster");
    report.note("preflight", "This might take a minute or two, depending on the speed of your internet connection");
    report.note("preflight", "You can also perform this action beforehand using 'kubewright config images pull'");
    // One after the other, unless the configuration wants them all at once.
    let at_once = if init.node_registration.image_pull_serial { 1 } else { wanted.len() };
    let mut missing = Vec::new();
    for (round, images) in wanted.chunks(at_once.max(1)).enumerate() {
        let total = Some(wanted.len() as u64);
        report.progress(&images.join(", "), (round * at_once) as u64, total, "images");
        let outcomes = join_all(images.iter().map(|image| ensure_image(runtime, socket, image, policy))).await;
        for (image, outcome) in images.iter().zip(outcomes) {
            missing.extend(outcome.err().map(|failure| not_pulled(image, socket, &failure)));
        }
    }
    if policy != ImagePullPolicy::Never {
        missing.extend(other_sandbox(runtime, socket, cluster, facts).await);
    }
    judge(missing, names, report)
}

/// As kubeadm, a runtime that would start pods with another image than the kubelet keeps from being removed is told.
async fn other_sandbox(
    runtime: &Runtime,
    socket: &str,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
) -> Option<Finding> {
    let wanted = images::reference(Image::Pause, cluster, facts);
    let configured = runtime.status(socket).await.ok()?.sandbox_image.filter(|image| *image != wanted)?;
    let message = format!(
        "detected that the sandbox image \"{configured}\" of the container runtime is inconsistent with that used by \
         kubeadm. It is recommended to use \"{wanted}\" as the CRI sandbox image."
    );
    let fix = format!("set it in the runtime's configuration: in containerd's, `sandbox_image = \"{wanted}\"`");
    Some(Finding::warning("SandboxImage", message, fix))
}

fn not_pulled(image: &str, socket: &str, failure: &Failure) -> Finding {
    let fix = format!(
        "pull it by hand: `crictl --runtime-endpoint {socket} pull {image}`, or name another --image-repository"
    );
    Finding::error("ImagePull", format!("failed to pull image {image}: {failure}"), fix)
}

/// Tells all findings; fails if one of them is an error that is not ignored.
pub fn judge(findings: Vec<Finding>, ignore: &[String], report: &Report) -> Result<(), Failure> {
    let (warnings, outcome) = judged(findings, ignore);
    warnings.into_iter().for_each(|warning| report.warn(warning));
    outcome
}

async fn ensure_image(runtime: &Runtime, socket: &str, image: &str, policy: ImagePullPolicy) -> Result<(), Failure> {
    match policy {
        ImagePullPolicy::Never => return Ok(()),
        ImagePullPolicy::IfNotPresent if runtime.has_image(socket, image).await? => return Ok(()),
        _ => {}
    }
    runtime.pull(socket, image).await
}
