//! Access to the API with an administrator's credentials: the evidence that the control plane answers.

use kubewright_node::KubeAccess;
use zeroize::Zeroizing;

use crate::prelude::*;

/// How API phases reach the cluster. Made by `wait-control-plane`; other runs read it from `--kubeconfig`.
#[derive(Debug, Clone)]
pub struct ClusterAdmin(pub KubeAccess);

impl Value for ClusterAdmin {
    const NAME: &'static str = "cluster-admin";
}

impl ClusterAdmin {
    /// Takes the credentials of one kubeconfig. With the default `admin.conf` the node talks to its own API server: a
    /// load balancer may not know this node yet.
    pub fn of(path: &Utf8Path, contents: &Contents, init: &InitConfiguration) -> Result<Self, Failure> {
        let text = std::str::from_utf8(contents.as_bytes()).context(format!("cannot read the kubeconfig `{path}`"))?;
        let own = path == paths::ADMIN_CONF || path == paths::SUPER_ADMIN_CONF;
        Ok(Self(KubeAccess {
            kubeconfig: Zeroizing::new(text.to_owned()),
            server: own.then(|| init.local_api_endpoint.url()),
            call_limit: init.timeouts.kubernetes_api_call,
        }))
    }
}

impl Artifact<Node> for ClusterAdmin {
    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let (Some(options), Some(init)) = (seeds.get::<InitOptions>(), seeds.get::<InitConfiguration>()) else {
            return Ok(None);
        };
        match view.read(&options.kubeconfig)? {
            Some(contents) => Ok(Some(Self::of(&options.kubeconfig, &contents, init)?)),
            None => Ok(None),
        }
    }
}
