//! The cluster that a node joins: found, proven to be the right one, and asked how it is configured. What `init` has as
//! seeds, `join` learns here.

use std::net::{IpAddr, Ipv4Addr};

use kubewright_config::model::ApiEndpoint;
use kubewright_config::model::Discovery as By;
use kubewright_config::{KubeletDoc, stored_cluster};
use kubewright_discovery::{Discovered, DiscoveryError, Powers, ReadFile, Wanted, discover};
use kubewright_node::{DiscoveryBackend, KubeAccess, ObjectRef};
use time::OffsetDateTime;

use crate::artifacts::ClusterAdmin;
use crate::asking::{Asking, entry};
use crate::prelude::*;

/// The cluster, as every phase of `join` needs it. Made by `preflight`; a run without it looks again.
#[derive(Debug, Clone)]
pub struct FoundCluster {
    /// Credentials for the kubelet's first certificate.
    pub bootstrap: Discovered,
    /// This node's settings in the form that `init` has, which most shared modules take.
    pub init: InitConfiguration,
    /// The cluster's configuration.
    pub cluster: ClusterConfiguration,
    /// The kubelets' shared configuration.
    pub kubelet: KubeletDoc,
    /// What depends on the cluster's version.
    pub facts: VersionFacts,
}

impl Value for FoundCluster {
    const NAME: &'static str = "cluster";
}

impl Artifact<Node> for FoundCluster {
    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let (Some(join), Some(options)) = (seeds.get::<JoinConfiguration>(), seeds.get::<JoinOptions>()) else {
            return Ok(None);
        };
        let read = |path: &Utf8Path| view.read(path);
        let (backend, now) = (view.discovery(), view.clock().now());
        let looking = Looking { backend, read: &read, now, asking: Asking::Unheard(view.kube()) };
        find(join, options, &looking).await.map(Some)
    }
}

/// What finding the cluster takes.
pub struct Looking<'a> {
    /// Looks for it.
    pub backend: &'a dyn DiscoveryBackend,
    /// Reads the discovery file.
    pub read: ReadFile<'a>,
    /// The time.
    pub now: OffsetDateTime,
    /// Asks it once it is found.
    pub asking: Asking<'a>,
}

/// Finds the cluster and reads its configuration with the bootstrap credentials.
///
/// # Errors
/// It is not found in time, does not prove to be the right one, or lacks what `init` stores.
pub async fn find(
    join: &JoinConfiguration,
    options: &JoinOptions,
    looking: &Looking<'_>,
) -> Result<FoundCluster, Failure> {
    let admin = options.control_plane && (looking.read)(paths::ADMIN_CONF.into())?.is_some();
    let own = By::File(paths::ADMIN_CONF.into());
    let wanted = match admin {
        // As kubeadm: an administrator needs no token, and an expired one does not stop a second attempt.
        true => Wanted { discovery: &own, tls_bootstrap_token: None, limit: join.timeouts.discovery },
        false => Wanted::from(join),
    };
    let asking = looking.asking;
    let powers = Powers { backend: looking.backend, read: looking.read, now: looking.now, report: asking.report() };
    let mut bootstrap = discover(&wanted, &powers).await.map_err(DiscoveryError::into_failure)?;

    let access = bootstrap.access(join.timeouts.kubernetes_api_call);
    asking.note(
        "preflight",
        "Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...",
    );
    asking
        .note("preflight", "Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.");
    let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", "kubeadm-config");
    let stored = asking.get(&access, &name).await.context("cannot read the cluster's configuration")?;
    let text = entry(&stored, "ClusterConfiguration", &name)?;
    let (cluster, facts) = stored_cluster(text.as_bytes()).context(format!("cannot use {name}"))?;
    bootstrap.rename_cluster(&cluster.cluster_name);

    let name = ObjectRef::namespaced("v1", "ConfigMap", "kube-system", &facts.kubelet.config_map);
    let stored = asking.get(&access, &name).await.context("cannot read the kubelet's configuration")?;
    let kubelet = KubeletDoc::stored(entry(&stored, "kubelet", &name)?, options.resolved_active)
        .context(format!("cannot use {name}"))?;

    let init = as_init(&join.clone().for_cluster(&facts));
    Ok(FoundCluster { bootstrap, init, cluster, kubelet, facts })
}

/// This node's settings as `init` has them. A worker has no API server; its endpoint stands for none.
pub fn as_init(join: &JoinConfiguration) -> InitConfiguration {
    let none = ApiEndpoint { advertise_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), bind_port: 6443 };
    InitConfiguration {
        bootstrap_tokens: Vec::new(),
        dry_run: join.dry_run,
        node_registration: join.node_registration.clone(),
        local_api_endpoint: join.control_plane.as_ref().map_or(none, |plane| plane.local_api_endpoint),
        certificate_key: join.control_plane.as_ref().and_then(|plane| plane.certificate_key.clone()),
        skip_phases: Vec::new(),
        patches_directory: join.patches_directory.clone(),
        timeouts: join.timeouts.clone(),
    }
}

/// Whether phases of a control plane have anything to do.
pub fn control_plane(seeds: &Seeds) -> Applies {
    match seeds.get::<JoinConfiguration>() {
        Some(join) if join.control_plane.is_none() => Applies::No { why: "the node joins as a worker".into() },
        _ => Applies::Yes,
    }
}

/// The administrator's access to the cluster, where `admin.conf` says that it is: this node's own API server comes up
/// after its etcd has joined.
///
/// # Errors
/// `admin.conf` is not there.
pub fn admin(files: &Files, found: &FoundCluster) -> Result<ClusterAdmin, Failure> {
    let ClusterAdmin(access) = own_admin(files, found)?;
    Ok(ClusterAdmin(KubeAccess { server: None, ..access }))
}

/// The administrator's access to this node's own API server.
///
/// # Errors
/// `admin.conf` is not there.
pub fn own_admin(files: &Files, found: &FoundCluster) -> Result<ClusterAdmin, Failure> {
    let path = Utf8Path::new(paths::ADMIN_CONF);
    let contents = files.read(path)?.ok_or_else(|| {
        Failure::new(format!("the kubeconfig `{path}` is not there"))
            .hint("run `join phase control-plane-prepare kubeconfig --control-plane` first")
    })?;
    ClusterAdmin::of(path, &contents, &found.init)
}

pub mod stand_in;
#[cfg(test)]
mod tests;
