//! Waits until the kubelet is healthy and has its first certificate.

use std::time::{Duration, Instant};

use kubewright_config::{KubeletDoc, format_duration};
use kubewright_manifests::patches::Target;
use kubewright_node::{Attempt, KubeAccess, wait_for};
use kubewright_pki::{Certificate, Kubeconfig, PrivateKey, Source};
use zeroize::Zeroizing;

use crate::artifacts::ClusterAdmin;
use crate::credentials::{parse, render};
use crate::joining::FoundCluster;
use crate::patching::patch_object;
use crate::prelude::*;
use crate::registration::annotate_socket;

/// The phase `kubelet-wait-bootstrap`.
pub struct KubeletWaitBootstrap;

impl Phase<Node> for KubeletWaitBootstrap {
    const ABOUT: &'static str = "Wait for the kubelet to bootstrap itself";
    const RANK: u16 = 600;
    // A control plane's kubelet asks its own API server, which needs its etcd to be a member.
    const AFTER: &'static [&'static str] = &["kubelet-start", "etcd-join"];

    type Input = (Read<JoinConfiguration>, Read<FoundCluster>, Use<Files>, Use<Kube>, Use<Probe>);
    type Output = ();

    async fn run(&self, (join, found, files, kube, probe): Self::Input, report: &Report) -> Result<(), Failure> {
        let FoundCluster { init, facts, .. } = &*found;
        let document =
            patch_object(Target::KubeletConfiguration, found.kubelet.with_node(), init, facts, &probe, report)?;
        let own = KubeletDoc { document, user_supplied: true, node_resolv_conf: None };
        if let Some((host, port)) = own.healthz() {
            let limit = join.timeouts.kubelet_health_check;
            crate::init::wait_control_plane::wait_kubelet(host, port, limit, &probe, report).await?;
        }

        let limit = join.timeouts.tls_bootstrap;
        report.note(
            "kubelet-start",
            format!(
                "Waiting for the kubelet to perform the TLS Bootstrap. This can take up to {}",
                format_duration(limit)
            ),
        );
        let start = Instant::now();
        wait_for(report, "the kubelet to get its certificate", limit, || async { look(&files) })
            .await
            .hint("look at the kubelet's log: `systemctl status kubelet`, `journalctl -xeu kubelet`")
            .hint("see whether its request was approved: `kubectl get csr` on a control-plane node")
            .hint("then run the same command again: it goes on from here")?;
        report.note("kubelet-start", format!("The kubelet has its certificate after {:.3?}", start.elapsed()));
        if facts.node.cri_socket_annotation {
            let kubelet = ClusterAdmin(kubelet(&files, join.timeouts.kubernetes_api_call)?);
            annotate_socket(&kube, &kubelet, init, report).await?;
        }
        files.remove(paths::BOOTSTRAP_KUBELET_CONF.into())
    }
}

/// The kubelet's own access to the cluster, with its credentials inside: a node may change its own Node object.
fn kubelet(files: &Files, call_limit: Duration) -> Result<KubeAccess, Failure> {
    let path = Utf8Path::new(paths::KUBELET_CONF);
    let gone = |path: &Utf8Path| Failure::new(format!("`{path}` is not there any more"));
    let mut document = parse(path, &files.read(path)?.ok_or_else(|| gone(path))?)?;
    if let Some(Source::File(name)) = document.client_certificate()? {
        let path = Utf8Path::new(paths::KUBERNETES_DIR).join(name);
        // The kubelet keeps both in one file, which it replaces as a whole.
        let both = files.read(&path)?.ok_or_else(|| gone(&path))?;
        let doing = || format!("cannot use `{path}`");
        let certificate = Certificate::from_pem(both.as_bytes()).context(doing())?;
        let key = PrivateKey::from_pem(both.as_bytes()).context(doing())?;
        document.set_client_cert(&certificate, &key)?;
    }
    Ok(KubeAccess { kubeconfig: Zeroizing::new(render(&document)?), server: None, call_limit })
}

/// Whether `kubelet.conf` can be used: the kubelet writes it before the certificate that it refers to is issued.
fn look(files: &Files) -> Result<Attempt<()>, Failure> {
    let path = Utf8Path::new(paths::KUBELET_CONF);
    let Some(contents) = files.read(path)? else {
        return Ok(Attempt::NotYet(format!("{path} is not there yet")));
    };
    // It may be read while it is being written.
    let Ok(document) = parse(path, &contents) else {
        return Ok(Attempt::NotYet(format!("{path} is not whole yet")));
    };
    Ok(match missing(&document, files)? {
        Some(file) => Attempt::NotYet(format!("{file}, which {path} names, is not there yet")),
        None => Attempt::Done(()),
    })
}

/// A file of the kubeconfig's credentials that is not there.
fn missing(document: &Kubeconfig, files: &Files) -> Result<Option<Utf8PathBuf>, Failure> {
    let sources = [document.client_certificate(), document.client_key()];
    for source in sources.into_iter().filter_map(|source| source.ok().flatten()) {
        if let Source::File(name) = source {
            let path = Utf8Path::new(paths::KUBERNETES_DIR).join(name);
            if files.read(&path)?.is_none() {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}
