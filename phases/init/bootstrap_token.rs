//! Makes the tokens that nodes join with, the rules that let them, and the public half of the cluster's kubeconfig.

use kubewright_manifests::{rbac, uploads};

use crate::artifacts::{BootstrapTokens, ClusterAdmin};
use crate::credentials;
use crate::prelude::*;

/// The phase `bootstrap-token`.
pub struct BootstrapToken;

impl Phase<Node> for BootstrapToken {
    const ABOUT: &'static str = "Generates bootstrap tokens used to join a node to a cluster";
    const RANK: u16 = 1100;

    type Input = (
        Read<InitConfiguration>,
        Read<VersionFacts>,
        Read<InitOptions>,
        Read<ClusterAdmin>,
        Use<Files>,
        Use<Kube>,
        Use<Clock>,
    );
    type Output = BootstrapTokens;

    async fn run(
        &self,
        (init, facts, options, admin, files, kube, clock): Self::Input,
        report: &Report,
    ) -> Result<BootstrapTokens, Failure> {
        let tokens: Vec<_> = init.bootstrap_tokens.iter().map(|entry| entry.token.clone()).collect();
        if !options.skip_token_print {
            let shown: Vec<_> = tokens.iter().map(|token| token.reveal().to_string()).collect();
            report.note(
                "bootstrap-token",
                match shown.as_slice() {
                    [one] => format!("Using token: {one}"),
                    several => format!("Using tokens: [{}]", several.join(" ")),
                },
            );
        }
        report.note("bootstrap-token", "Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles");
        for entry in &init.bootstrap_tokens {
            let secret = uploads::bootstrap_token(entry, clock.now())?;
            kube.apply(&admin.0, secret.object(), report).await?;
        }
        for line in [
            "Configured RBAC rules to allow Node Bootstrap tokens to get nodes",
            "Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials",
            "Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token",
            "Configured RBAC rules to allow certificate rotation for all node client certificates in the cluster",
        ] {
            report.note("bootstrap-token", line);
        }
        if facts.credentials.kubelet_client_binding {
            let line =
                "Configured RBAC rules to allow the API server kubelet client certificate to access the kubelet API";
            report.note("bootstrap-token", line);
        }
        for object in rbac::bootstrap(&facts)? {
            kube.apply(&admin.0, &object, report).await?;
        }

        report.note("bootstrap-token", "Creating the \"cluster-info\" ConfigMap in the \"kube-public\" namespace");
        let path = &options.kubeconfig;
        let contents = files
            .read(path)?
            .ok_or_else(|| Failure::new(format!("the kubeconfig `{path}` is not there")))
            .hint("run `init phase kubeconfig admin` first, or name another with --kubeconfig")?;
        let document = credentials::parse(path, &contents)?;
        let server = document.server().unwrap_or_default();
        let Some(authority) = credentials::authorities(path, &document, |file| files.read(file))? else {
            return Err(Failure::new(format!("the kubeconfig `{path}` names no certificate authority"))
                .hint("embed the authority, as `kubectl config view --flatten` does"));
        };
        for object in uploads::cluster_info(server, &authority, &facts)? {
            kube.apply(&admin.0, &object, report).await?;
        }
        Ok(BootstrapTokens(tokens))
    }
}
