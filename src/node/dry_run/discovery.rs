//! Discovery in a dry run: the real cluster if there is one, else a made-up one, so that `join` can be tried anywhere.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::behind::{Answers, Behind};
use crate::discovery::{DiscoveryBackend, StandIn, Trust};
use crate::kube::{KubeAccess, KubeError, KubeErrorKind};

/// How long a cluster may take to answer before it counts as none. A firewall that drops packets says nothing, and who
/// tries a command on a machine without a cluster should not wait for it.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks the real cluster; once nobody has answered there, every further answer is made up.
pub(super) struct DryDiscovery {
    real: Arc<dyn DiscoveryBackend>,
    behind: Arc<Behind>,
}

impl DryDiscovery {
    pub(super) fn new(real: Arc<dyn DiscoveryBackend>, behind: Arc<Behind>) -> Self {
        Self { real, behind }
    }
}

#[async_trait]
impl DiscoveryBackend for DryDiscovery {
    async fn cluster_info(&self, server: &str, trust: &Trust) -> Result<Json, KubeError> {
        if self.behind.is_silent() {
            return Ok(made_up());
        }
        // Only before anything is known of the cluster: half of a real one and half of a made-up one fit nowhere.
        if *trust != Trust::Anybody || self.behind.answers() != Answers::Cluster {
            return self.real.cluster_info(server, trust).await;
        }
        match tokio::time::timeout(PATIENCE, self.real.cluster_info(server, trust)).await {
            Ok(Err(error)) if error.kind != KubeErrorKind::Unreachable => Err(error),
            Ok(Ok(object)) => Ok(object),
            Ok(Err(_)) | Err(_) => {
                self.behind.fall_silent();
                Ok(made_up())
            }
        }
    }

    /// Always real, as in kubeadm: who has a kubeconfig has a cluster.
    async fn cluster_info_as(&self, access: &KubeAccess) -> Result<Json, KubeError> {
        self.real.cluster_info_as(access).await
    }

    async fn document(&self, url: &str) -> Result<Zeroizing<Vec<u8>>, KubeError> {
        self.real.document(url).await
    }

    fn stand_in(&self) -> Option<StandIn> {
        self.behind.is_silent().then_some(STAND_IN)
    }
}

/// The token and the pin that kubeadm's dry run knows; its acceptance tests use them.
const STAND_IN: StandIn = StandIn {
    token: "abcdef.abcdef0123456789",
    pin: "sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a",
};

/// A document with the authority that the pin is of.
const KUBECONFIG: &str = include_str!("cluster-info.conf");
/// What the controller manager would have made of that document and that token; a test of `kubewright-discovery` checks it.
const SIGNATURE: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..rh3cVKiU2mdt3CqHzC81sNE-4WQLRHMtXduHWfSbrIM";

fn made_up() -> Json {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cluster-info", "namespace": "kube-public"},
        "data": {"kubeconfig": KUBECONFIG, "jws-kubeconfig-abcdef": SIGNATURE},
    })
}
