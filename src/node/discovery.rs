//! How a node that knows nothing yet learns about its cluster. Here is only how bytes are fetched and from whom they are
//! believed; what they prove is decided in `kubewright-discovery`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kubewright_engine::Capability;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::kube::{KubeAccess, KubeError, ObjectRef};
use crate::{Node, NodeSession};

/// The most that is read of one answer, in bytes. A `cluster-info` has a few thousand.
pub const MAX_DISCOVERY_BYTES: usize = 1 << 20;

/// Whose certificate the server must show.
#[derive(Clone, PartialEq, Eq)]
pub enum Trust {
    /// Anybody's: what comes back proves nothing.
    Anybody,
    /// One that these authorities signed, for the host that was asked; certificates in DER.
    Authorities(Vec<Vec<u8>>),
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anybody => f.write_str("Anybody"),
            Self::Authorities(all) => write!(f, "Authorities({})", all.len()),
        }
    }
}

/// What answers in a dry run when no cluster can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandIn {
    /// The token that its `cluster-info` is signed with.
    pub token: &'static str,
    /// The pin of its authority, `sha256:<hex>`.
    pub pin: &'static str,
}

/// Fetches what a joining node has to see. Every request is tried once, has a deadline of 10 s, and reads at most
/// [`MAX_DISCOVERY_BYTES`].
#[async_trait]
pub trait DiscoveryBackend: Send + Sync {
    /// Gets the ConfigMap `cluster-info` without credentials from a server such as `https://10.0.0.1:6443`. A redirect is
    /// not followed.
    async fn cluster_info(&self, server: &str, trust: &Trust) -> Result<Json, KubeError>;
    /// Gets the ConfigMap `cluster-info` as the user of a kubeconfig, and trusts whom it trusts.
    async fn cluster_info_as(&self, access: &KubeAccess) -> Result<Json, KubeError>;
    /// Gets a document over HTTPS and trusts the authorities of this machine.
    async fn document(&self, url: &str) -> Result<Zeroizing<Vec<u8>>, KubeError>;
    /// What has answered instead of a cluster that cannot be reached; only ever in a dry run.
    fn stand_in(&self) -> Option<StandIn> {
        None
    }
}

/// The power to look for a cluster; it changes nothing.
#[derive(Clone)]
pub struct Discovery(Arc<dyn DiscoveryBackend>);

impl Capability<Node> for Discovery {
    const NAME: &'static str = "discovery";

    fn of(session: &NodeSession) -> Self {
        Self(Arc::clone(&session.backends.discovery))
    }
}

impl std::ops::Deref for Discovery {
    type Target = dyn DiscoveryBackend;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// The name of the ConfigMap `cluster-info`.
pub fn cluster_info_name() -> ObjectRef {
    ObjectRef::namespaced("v1", "ConfigMap", "kube-public", "cluster-info")
}
