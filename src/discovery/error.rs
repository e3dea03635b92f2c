//! Why a cluster was not found, or does not prove to be the right one; and what the user can do.

use std::time::Duration;

use camino::Utf8PathBuf;
use kubewright_engine::{Failure, FailureKind};
use kubewright_node::{KubeError, KubeErrorKind};
use kubewright_pki::{DiscoveryHash, PkiError};

use crate::DocumentFault;

/// Discovery failed. No text holds a token, a key or a line of a kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Something was not there in time.
    #[error("timed out after {} s waiting for {what}: {cause}", limit.as_secs_f64())]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// Why it was not there, as far as is known.
        cause: String,
        /// What the user can do.
        hint: String,
    },
    /// The server refused, in a way that waiting does not heal.
    #[error("{endpoint} does not show the ConfigMap cluster-info")]
    Fetch {
        /// The server.
        endpoint: String,
        /// What it said.
        #[source]
        source: KubeError,
    },
    /// The server shows a certificate that the cluster's authorities did not sign, or none for this host and time.
    #[error("{endpoint} cannot prove that it belongs to the cluster whose cluster-info it showed")]
    Impostor {
        /// The server.
        endpoint: String,
        /// What is wrong with its certificate.
        #[source]
        source: KubeError,
    },
    /// What came back is no `cluster-info`.
    #[error("{endpoint} shows something else than the ConfigMap cluster-info")]
    NotClusterInfo {
        /// The server.
        endpoint: String,
    },
    /// The signature was not made with this token.
    #[error("the signature of the cluster-info of {endpoint} was not made with the token `{token_id}`")]
    Signature {
        /// The server.
        endpoint: String,
        /// The public half of the token.
        token_id: String,
    },
    /// Nothing proves what a server without verified TLS said.
    #[error(
        "nothing proves the authority that {endpoint} shows: its certificate is not to be looked at, and there is no \
             signature of a token"
    )]
    Unproven {
        /// The server.
        endpoint: String,
    },
    /// The signed kubeconfig cannot be used.
    #[error("the kubeconfig in the cluster-info of {endpoint} cannot be used")]
    Payload {
        /// The server.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        source: DocumentFault,
    },
    /// None of the authorities has a pinned key.
    #[error("no authority of the cluster at {endpoint} has a pinned key; theirs are {}", listed(found))]
    WrongPin {
        /// The server.
        endpoint: String,
        /// What the pins of its authorities would be.
        found: Vec<DiscoveryHash>,
    },
    /// The authorities cannot be used.
    #[error("the cluster's certificate authority from {endpoint} cannot be used")]
    Authority {
        /// Where they came from.
        endpoint: String,
        /// What is wrong with them.
        #[source]
        source: PkiError,
    },
    /// There are no authorities.
    #[error("the kubeconfig from {origin} has no `certificate-authority-data`")]
    NoAuthority {
        /// Where it came from.
        origin: String,
    },
    /// The two fetches gave different bytes.
    #[error("the cluster-info that {endpoint} shows over verified TLS differs from the one that it showed before")]
    SecondFetch {
        /// The server.
        endpoint: String,
    },
    /// A pin is malformed.
    #[error("the hash of the certificate authority cannot be understood")]
    Pin {
        /// What is wrong with it.
        #[source]
        source: PkiError,
    },
    /// Nothing says which authority the cluster has.
    #[error("no hash of the cluster's certificate authority is given")]
    NoPins,
    /// The discovery file is not there, or a file that it refers to.
    #[error("the file `{path}` for discovery is not there")]
    Absent {
        /// The file.
        path: Utf8PathBuf,
    },
    /// The discovery file, or a file that it refers to, cannot be read.
    #[error("the file for discovery cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// The reader's words, with the path.
        why: String,
    },
    /// The discovery file cannot be downloaded.
    #[error("cannot download the discovery file from {url}")]
    Download {
        /// The URL, without what may be a secret in it.
        url: String,
        /// What was said.
        #[source]
        source: KubeError,
    },
    /// A kubeconfig from a URL refers to a file, and nobody knows where that would be.
    #[error("the kubeconfig from {origin} refers to the file `{path}`, which is no absolute path")]
    RelativePath {
        /// Where the kubeconfig came from.
        origin: String,
        /// The path.
        path: String,
    },
    /// The discovery file cannot be used.
    #[error("the discovery file {origin} cannot be used")]
    Document {
        /// Its path or URL.
        origin: String,
        /// What is wrong with it.
        #[source]
        source: DocumentFault,
    },
    /// There is nothing to ask for the kubelet's certificate with.
    #[error("the discovery file {origin} has no credentials, and no token for the TLS bootstrap is given")]
    NoCredentials {
        /// Its path or URL.
        origin: String,
    },
}

impl DiscoveryError {
    /// One thing that the user can run or change.
    pub fn hint(&self) -> String {
        const NEW_COMMAND: &str = "`token create --print-join-command` on a control-plane node";
        match self {
            Self::Deadline { hint, .. } => hint.clone(),
            Self::Fetch { source, .. } if source.kind == KubeErrorKind::Unauthorized => {
                "give a discovery file with valid credentials: the API server takes no anonymous requests, or refuses these"
                    .into()
            }
            Self::Fetch { .. } | Self::NotClusterInfo { .. } => {
                "see whether the endpoint is an API server of the cluster, as host and port".into()
            }
            Self::Impostor { .. } => format!(
                "see whether the endpoint is right, this machine's clock too, and the API server's certificate covers the \
                 host; {NEW_COMMAND} prints the endpoint to use"
            ),
            Self::Signature { .. } => {
                format!("check the token; {NEW_COMMAND} makes a new one. If it is right, do not trust this endpoint")
            }
            Self::Unproven { .. } => {
                "put `certificate-authority-data` into the discovery file and remove `insecure-skip-tls-verify`".into()
            }
            Self::Payload { .. } => "repair the ConfigMap kube-public/cluster-info, or join with a discovery file".into(),
            Self::WrongPin { .. } => format!(
                "compare with the hash that {NEW_COMMAND} prints. If yours is right, do not trust this endpoint"
            ),
            Self::Authority { .. } => {
                "see whether this machine's clock is right; if it is, the authority of the cluster must be renewed".into()
            }
            Self::NoAuthority { .. } => "add `certificate-authority-data` to its cluster".into(),
            Self::SecondFetch { .. } => {
                "run the command again; if it happens again, somebody answers in the cluster's place".into()
            }
            Self::Pin { .. } => format!("give the hash that {NEW_COMMAND} prints"),
            Self::NoPins => format!(
                "give the hash that {NEW_COMMAND} prints, or `--discovery-token-unsafe-skip-ca-verification`"
            ),
            Self::Absent { .. } | Self::Unreadable { .. } => "check the path, and who may read the file".into(),
            Self::Download { .. } => {
                "see whether the URL is right and this machine's authorities vouch for its server".into()
            }
            Self::RelativePath { .. } => "put the contents into the kubeconfig, as `kubectl config view --flatten` does".into(),
            Self::Document { .. } => "repair it; `kubectl config view --flatten --minify` makes one that will do".into(),
            Self::NoCredentials { .. } => {
                "give `--tls-bootstrap-token`, or a discovery file with credentials".into()
            }
        }
    }

    /// The failure of a phase, in the context that kubeadm gives it, with the hint.
    pub fn into_failure(self) -> Failure {
        let (hint, late) = (self.hint(), matches!(self, Self::Deadline { .. }));
        let failure = Failure::from(self).context("couldn't validate the identity of the API Server").hint(hint);
        if late { failure.kind(FailureKind::Deadline) } else { failure }
    }
}

fn listed(found: &[DiscoveryHash]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
