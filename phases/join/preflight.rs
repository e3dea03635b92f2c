//! Looks whether this machine can join, and finds the cluster, before anything is changed.

use futures_util::future::join_all;
use kubewright_config::model::Discovery as By;
use kubewright_config::{KubeletDoc, default_version, stored_cluster};
use kubewright_node::Discovery;
use kubewright_pki::CertificateKind;

use crate::asking::Asking;
use crate::checks::{Check, Finding, Powers, Subject, path_label};
use crate::init::preflight::{judge, pull_images};
use crate::issuing::read_authority;
use crate::joining::{FoundCluster, Looking, as_init, find};
use crate::preflight as checks;
use crate::preflight::port::taken;
use crate::prelude::*;
use crate::stand_in::installed_kubelet;

/// The phase `preflight`.
pub struct Preflight;

/// What every joining node is checked for, before the cluster is asked; kubeadm: `RunJoinNodeChecks`.
const COMMON: &[&dyn Check] = &[
    &checks::cri::Cri,
    &checks::container_runtime_version::ContainerRuntimeVersion,
    &checks::service_docker::ServiceDocker,
    &checks::is_docker_systemd_check::IsDockerSystemdCheck,
    &checks::swap::Swap,
    &checks::file_existing::FileExisting,
    &checks::hostname::Hostname,
    &checks::service_kubelet::ServiceKubelet,
    &checks::patches::Patches,
    &checks::dir_writable::DirWritable,
];

/// What needs the cluster's version and the kubelets' shared configuration. kubeadm looks at the kernel and at control groups
/// before discovery, when it cannot know whether the kubelets here were told to live with version 1 of them.
const OF_THE_CLUSTER: &[&dyn Check] =
    &[&checks::kubelet_version::KubeletVersion, &checks::system_verification::SystemVerification];

/// What a further control plane is checked for, once the cluster is known; kubeadm: `RunInitNodeChecks` as a second round.
const CONTROL_PLANE: &[&dyn Check] = &[
    &checks::num_cpu::NumCpu,
    &checks::mem::Mem,
    &checks::kubernetes_version::KubernetesVersion,
    &checks::firewalld::Firewalld,
    &checks::file_available::FileAvailable,
    &checks::http_proxy::HttpProxy,
    &checks::http_proxy_cidr::HttpProxyCidr,
    &checks::dir_available::DirAvailable,
];

impl Phase<Node> for Preflight {
    const ABOUT: &'static str = "Run join pre-flight checks";
    const RANK: u16 = 100;

    type Input = (Read<JoinConfiguration>, Read<JoinOptions>, Powers, Use<Kube>, Use<Discovery>);
    type Output = FoundCluster;

    async fn run(
        &self,
        (join, options, powers, kube, discovery): Self::Input,
        report: &Report,
    ) -> Result<FoundCluster, Failure> {
        report.note("preflight", "Running pre-flight checks");
        let shared = options.as_init();
        let names = &join.node_registration.ignore_preflight_errors;
        let (files, probe, _, runtime, clock) = &powers;

        let mut init = as_init(&join);
        let (cluster, facts) = stand_in(probe, &join).await?;
        let kubelet = KubeletDoc::stored("{}", false)?;
        let worker = join.control_plane.is_none();
        if let By::Token(by) = &join.discovery
            && let Ok(address) = by.api_server_endpoint.host().parse()
        {
            init.local_api_endpoint.advertise_address = address;
        }
        let address = !init.local_api_endpoint.advertise_address.is_unspecified();
        let subject = Subject::of(&init, &cluster, &kubelet, &facts, &shared, &powers, report);
        // Without root most other checks fail too, and say less: that one stands alone, and first.
        judge(checks::is_privileged_user::IsPrivilegedUser.look(&subject).await, names, report)?;
        let mut findings = absent(&join, worker, probe);
        findings.extend(looked(COMMON.iter(), &subject).await);
        if let By::Token(by) = &join.discovery {
            findings.extend(checks::http_proxy::on_the_way_to(by.api_server_endpoint.host(), &probe.environment()));
        }
        if address {
            findings.extend(checks::file_content::FileContent.look(&subject).await);
        }
        findings.extend(taken(10250, probe));
        judge(findings, names, report)?;

        let read = |path: &Utf8Path| files.read(path);
        let looking =
            Looking { backend: &**discovery, read: &read, now: clock.now(), asking: Asking::Aloud(&kube, report) };
        let found = find(&join, &options, &looking).await?;
        let subject = Subject {
            init: &found.init,
            cluster: &found.cluster,
            kubelet: &found.kubelet,
            facts: &found.facts,
            ..subject
        };
        let mut findings = looked(OF_THE_CLUSTER.iter(), &subject).await;
        if worker {
            judge(findings, names, report)?;
            return Ok(found);
        }
        ready_for_another(&join, &found, files, report)?;
        findings.extend(looked(CONTROL_PLANE.iter(), &subject).await);
        // Those of an external etcd come with the others that are uploaded.
        if found.init.certificate_key.is_none() {
            let certificates = checks::external_etcd_client_certificates::ExternalEtcdClientCertificates;
            findings.extend(certificates.look(&subject).await);
        }
        let etcd = if found.cluster.etcd.local().is_some() { [2379, 2380].as_slice() } else { &[] };
        let ports = [found.init.local_api_endpoint.bind_port, 10259, 10257];
        findings.extend(ports.iter().chain(etcd).filter_map(|port| taken(*port, probe)));
        judge(findings, names, report)?;
        pull_images(&found.init, &found.cluster, &found.facts, runtime, report).await?;
        Ok(found)
    }
}

async fn looked<'a>(checks: impl Iterator<Item = &'a &'static dyn Check>, subject: &Subject<'_>) -> Vec<Finding> {
    join_all(checks.map(|check| check.look(subject))).await.into_iter().flatten().collect()
}

/// A cluster of the installed kubelet's version, as long as the real one is not known; its own version decides later.
async fn stand_in(probe: &Probe, join: &JoinConfiguration) -> Result<(ClusterConfiguration, VersionFacts), Failure> {
    let version = installed_kubelet(&**probe).await.unwrap_or_else(default_version);
    // Only the addresses' family of the cluster that is joined is of interest.
    let v6 = match &join.discovery {
        By::Token(by) => by.api_server_endpoint.host().contains(':'),
        By::File(_) => false,
    };
    let subnet = if v6 { "fd00:10:96::/112" } else { "10.96.0.0/12" };
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n\
         networking:\n  serviceSubnet: {subnet}\n"
    );
    Ok(stored_cluster(text.as_bytes())?)
}

/// What the kubelet writes must not be there yet.
fn absent(join: &JoinConfiguration, worker: bool, probe: &Probe) -> Vec<Finding> {
    let mut paths: Vec<&Utf8Path> = vec![paths::KUBELET_CONF.into(), paths::BOOTSTRAP_KUBELET_CONF.into()];
    if worker {
        paths.push(&join.ca_cert_path);
    }
    let present = |path: &Utf8Path| {
        probe.exists(path).then(|| {
            Finding::error(
                format!("FileAvailable-{}", path_label(path)),
                format!("{path} already exists"),
                "this machine is, or was, a node; if it is to leave its cluster, run `kubewright reset`",
            )
        })
    };
    paths.into_iter().filter_map(present).collect()
}

/// Whether the cluster can have another control plane: others must reach it at one address, and its authorities must be
/// here or come with the certificate key. kubeadm: `checkIfReadyForAdditionalControlPlane`.
fn ready_for_another(
    join: &JoinConfiguration,
    found: &FoundCluster,
    files: &Files,
    report: &Report,
) -> Result<(), Failure> {
    let FoundCluster { cluster, .. } = found;
    let unfit = |why: String, hint: &str| {
        Failure::new(why)
            .context("one or more conditions for hosting a new control plane instance is not satisfied")
            .kind(FailureKind::Preflight)
            .hint(hint)
    };
    if cluster.control_plane_endpoint.is_none() {
        return Err(unfit(
            "unable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address".into(),
            "set controlPlaneEndpoint in the ConfigMap kube-system/kubeadm-config, to an address that reaches every control plane",
        ));
    }
    if join.control_plane.as_ref().is_some_and(|plane| plane.certificate_key.is_some()) {
        return Ok(());
    }
    const COPY: &str = "copy the shared certificates from another control plane, or upload them there with `init phase \
                        upload-certs --upload-certs` and give --certificate-key here";
    let mut kinds = vec![CertificateKind::Ca, CertificateKind::FrontProxyCa];
    if cluster.etcd.local().is_some() {
        kinds.push(CertificateKind::EtcdCa);
    }
    for kind in kinds {
        let name = kind.profile().base_name;
        match read_authority(cluster, kind, |path| files.read(path))? {
            None => {
                let path = cluster.certificate_path(format!("{name}.crt"));
                return Err(unfit(format!("failure loading certificate for {name}: `{path}` is not there"), COPY));
            }
            Some(authority) if authority.key.is_none() => {
                report.warn(format!("the key of the authority {name} is not here: assuming that it signs elsewhere"));
            }
            Some(_) => {}
        }
    }
    for name in ["sa.key", "sa.pub"] {
        let path = cluster.certificate_path(name);
        if files.read(&path)?.is_none() {
            return Err(unfit(format!("failure loading key for service account: `{path}` is not there"), COPY));
        }
    }
    Ok(())
}
