//! Discovery with a token: whoever can sign with its secret knows the cluster, and whoever shows a certificate of the pinned
//! authority is the cluster. kubeadm: `app/discovery/token`.

use std::time::Duration;

use kubewright_config::BootstrapToken;
use kubewright_config::model::BootstrapTokenDiscovery;
use kubewright_node::{KubeErrorKind, StandIn, Trust};
use kubewright_pki::Certificate;

use crate::bootstrap::Found;
use crate::document::{self, DocumentFault};
use crate::in_force::InForce;
use crate::patience::{Look, Missing, look_for};
use crate::{ClusterInfo, DiscoveryError, Pinning, Powers, verify};

/// Finds the cluster behind an endpoint.
pub(crate) async fn find(
    by: &BootstrapTokenDiscovery,
    limit: Duration,
    powers: &Powers<'_>,
) -> Result<Found, DiscoveryError> {
    let endpoint = by.api_server_endpoint.url();
    let mut pins = by.ca_cert_hashes.clone();
    let mut pinning = Pinning::parse(&pins, by.unsafe_skip_ca_verification)?;
    let mut search = Search { endpoint: &endpoint, token: by.token.clone(), limit, powers };

    let first = search.fetch(&Trust::Anybody).await?;
    if let Some(stand_in) = powers.backend.stand_in() {
        powers.warn(format!("nobody answers at {endpoint}; the dry run goes on with a made-up cluster"));
        if search.adopt(&stand_in, &first) {
            pins.push(stand_in.pin.to_owned());
            pinning = Pinning::parse(&pins, by.unsafe_skip_ca_verification)?;
        }
    }
    let kubeconfig = signed(&first, &search.token, &endpoint)?;
    let parts = cluster_of(kubeconfig, &endpoint)?;
    let bundle = bundle(&parts, &endpoint)?;
    let Some(trusted) = pinning.choose(&bundle, &endpoint, powers.now)? else {
        return Ok(Found { parts, origin: endpoint });
    };

    let trust = Trust::Authorities(trusted.iter().map(|one| one.der().to_vec()).collect());
    let second = search.fetch(&trust).await?;
    match second.kubeconfig() == Some(kubeconfig) {
        true => Ok(Found { parts, origin: endpoint }),
        false => Err(DiscoveryError::SecondFetch { endpoint }),
    }
}

struct Search<'a> {
    endpoint: &'a str,
    token: BootstrapToken,
    limit: Duration,
    powers: &'a Powers<'a>,
}

impl Search<'_> {
    /// Fetches until there is a kubeconfig with a signature of the token.
    async fn fetch(&self, trust: &Trust) -> Result<ClusterInfo, DiscoveryError> {
        let what = match trust {
            Trust::Anybody => {
                format!("{} to show cluster-info, signed with the token `{}`", self.endpoint, self.token.id())
            }
            Trust::Authorities(_) => format!("{} to show cluster-info again over verified TLS", self.endpoint),
        };
        let backend = self.powers.backend;
        look_for(self.powers.report, what, self.limit, || async {
            let object = match backend.cluster_info(self.endpoint, trust).await {
                Ok(object) => object,
                Err(error) => return judge(self.endpoint, trust, error),
            };
            let info = ClusterInfo::read(&object)
                .ok_or_else(|| DiscoveryError::NotClusterInfo { endpoint: self.endpoint.to_owned() })?;
            // Only in a dry run: what stands in for the cluster knows one token, and nobody will sign with another.
            let signed = info.signature(self.token.id()).is_some() || backend.stand_in().is_some();
            Ok(match (info.kubeconfig(), signed) {
                (Some(_), true) => Look::Done(info),
                (Some(_), false) => Look::NotYet(unsigned(&self.token)),
                (None, _) => Look::NotYet(Missing {
                    cause: "cluster-info has no kubeconfig".into(),
                    hint: "run `init phase bootstrap-token` on a control-plane node, or join with a discovery file"
                        .into(),
                }),
            })
        })
        .await
    }

    /// Goes on with the stand-in's own token if it knows no other, and says whether it does. kubeadm:
    /// `mutateTokenDiscoveryForDryRun`.
    fn adopt(&mut self, stand_in: &StandIn, found: &ClusterInfo) -> bool {
        let Ok(token) = stand_in.token.parse() else { return false };
        if found.signature(self.token.id()).is_some() {
            return false;
        }
        self.powers
            .warn(format!("its token `{}` and its authority count instead of those that were given", stand_in.token));
        self.token = token;
        true
    }
}

fn unsigned(token: &BootstrapToken) -> Missing {
    Missing {
        cause: format!("cluster-info has no signature for the token `{}`", token.id()),
        hint: "the token may have expired or belong to another cluster: make a new one with \
               `token create --print-join-command` on a control-plane node"
            .into(),
    }
}

/// Decides whether waiting can help. kubeadm always waits.
fn judge<T>(endpoint: &str, trust: &Trust, error: kubewright_node::KubeError) -> Result<Look<T>, DiscoveryError> {
    let hint = match error.kind {
        KubeErrorKind::Unreachable | KubeErrorKind::Busy => {
            "see whether the endpoint is right, the API server runs, and no firewall stands between"
        }
        KubeErrorKind::NotFound => {
            "run `init phase bootstrap-token` on a control-plane node, or join with a discovery file"
        }
        // Until `init` has made the rule that lets anybody read it.
        KubeErrorKind::Forbidden => {
            "let anonymous users read it with `init phase bootstrap-token` on a control-plane node, or join with a \
             discovery file"
        }
        _ => {
            let endpoint = endpoint.to_owned();
            return Err(match trust {
                Trust::Authorities(_) if error.kind == KubeErrorKind::Access => {
                    DiscoveryError::Impostor { endpoint, source: error }
                }
                _ => DiscoveryError::Fetch { endpoint, source: error },
            });
        }
    };
    Ok(Look::NotYet(Missing { cause: error.message, hint: hint.into() }))
}

fn signed<'a>(info: &'a ClusterInfo, token: &BootstrapToken, endpoint: &str) -> Result<&'a str, DiscoveryError> {
    let wrong = || DiscoveryError::Signature { endpoint: endpoint.to_owned(), token_id: token.id().to_owned() };
    let (kubeconfig, signature) = info.kubeconfig().zip(info.signature(token.id())).ok_or_else(wrong)?;
    match verify(token, kubeconfig, signature) {
        true => Ok(kubeconfig),
        false => Err(wrong()),
    }
}

/// Reads the signed kubeconfig. It has exactly one cluster: kubeadm would hold the pins against any one of several and then
/// talk to any other.
pub(crate) fn cluster_of(kubeconfig: &str, endpoint: &str) -> Result<InForce, DiscoveryError> {
    let read = || {
        let document = document::parse(kubeconfig.as_bytes())?;
        let parts = InForce::of(&document)?;
        parts.check()?;
        match document.clusters.len() {
            1 => Ok(parts.only_cluster()),
            count => Err(DocumentFault::SeveralClusters { count }),
        }
    };
    read().map_err(|source| DiscoveryError::Payload { endpoint: endpoint.to_owned(), source })
}

fn bundle(parts: &InForce, endpoint: &str) -> Result<Vec<Certificate>, DiscoveryError> {
    let origin = || endpoint.to_owned();
    let pem = parts.authority().ok_or_else(|| DiscoveryError::NoAuthority { origin: origin() })?;
    Certificate::bundle_from_pem(&pem).map_err(|source| DiscoveryError::Authority { endpoint: origin(), source })
}
