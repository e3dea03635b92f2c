//! Discovery with a kubeconfig, from a file or a URL: whoever provides it vouches for the cluster. kubeadm:
//! `app/discovery/file`, `app/discovery/https`.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{BootstrapToken, yaml};
use kubewright_node::{KubeAccess, KubeError, KubeErrorKind, STRANGER_LIMIT};
use zeroize::Zeroizing;

use crate::bootstrap::Found;
use crate::in_force::InForce;
use crate::patience::{Look, Missing, look_for};
use crate::token::cluster_of;
use crate::{ClusterInfo, DiscoveryError, Powers, document, verify};

/// Finds the cluster that a kubeconfig names; `location` is its path or its https URL.
pub(crate) async fn find(
    location: &str,
    token: Option<&BootstrapToken>,
    limit: Duration,
    powers: &Powers<'_>,
) -> Result<Found, DiscoveryError> {
    let (bytes, directory) = match is_url(location) {
        true => (download(location, limit, powers).await?, None),
        false => (read(Utf8Path::new(location), powers)?, Utf8Path::new(location).parent()),
    };
    let origin = shown(location);
    let fault = |source| DiscoveryError::Document { origin: origin.clone(), source };
    let mut parts = InForce::of(&document::parse(&bytes).map_err(fault)?).map_err(fault)?;
    parts.check().map_err(fault)?;
    for reference in parts.references() {
        let path = match directory {
            Some(directory) => directory.join(&reference.path),
            None if Utf8Path::new(&reference.path).is_absolute() => Utf8PathBuf::from(&reference.path),
            None => return Err(DiscoveryError::RelativePath { origin: origin.clone(), path: reference.path }),
        };
        let contents = read(&path, powers)?;
        parts.embed(&reference, &contents);
    }
    if let Some(info) = refresh(&parts, limit, powers).await? {
        compare(&mut parts, &info, token, powers)?;
    }
    Ok(Found { parts, origin })
}

/// True for what is fetched instead of read.
fn is_url(location: &str) -> bool {
    location.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// The location without what may be a secret in it: user, password, query.
fn shown(location: &str) -> String {
    if !is_url(location) {
        return location.to_owned();
    }
    let (scheme, rest) = location.split_at(8);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    format!("{scheme}{}{path}", host.rsplit('@').next().unwrap_or_default())
}

fn read(path: &Utf8Path, powers: &Powers<'_>) -> Result<Zeroizing<Vec<u8>>, DiscoveryError> {
    match (powers.read)(path) {
        Ok(Some(contents)) => Ok(Zeroizing::new(contents.as_bytes().to_vec())),
        Ok(None) => Err(DiscoveryError::Absent { path: path.to_owned() }),
        Err(failure) => Err(DiscoveryError::Unreadable { path: path.to_owned(), why: failure.chain().join(": ") }),
    }
}

async fn download(url: &str, limit: Duration, powers: &Powers<'_>) -> Result<Zeroizing<Vec<u8>>, DiscoveryError> {
    let what = format!("{} to give the discovery file", shown(url));
    look_for(powers.report, what, limit, || async {
        match powers.backend.document(url).await {
            Ok(document) => Ok(Look::Done(document)),
            Err(error) if heals(&error) => Ok(Look::NotYet(Missing {
                cause: error.message,
                hint: "see whether this machine can fetch the discovery file from there".into(),
            })),
            Err(source) => Err(DiscoveryError::Download { url: shown(url), source }),
        }
    })
    .await
}

/// Fetches `cluster-info` with the file's own means; `None` if the cluster does not let us.
async fn refresh(parts: &InForce, limit: Duration, powers: &Powers<'_>) -> Result<Option<ClusterInfo>, DiscoveryError> {
    let server = &parts.cluster.server;
    let kubeconfig = serde_json::to_value(parts.to_client()).unwrap_or_default();
    let access =
        KubeAccess { kubeconfig: Zeroizing::new(yaml::to_string(&kubeconfig)), server: None, call_limit: limit };
    let what = format!("{server} to show cluster-info");
    let began = Instant::now();
    let object = look_for(powers.report, what, limit, || async {
        match powers.backend.cluster_info_as(&access).await {
            Ok(object) => Ok(Look::Done(Some(object))),
            Err(error) if error.kind == KubeErrorKind::Forbidden => Ok(Look::Done(None)),
            Err(error) if heals(&error) || error.kind == KubeErrorKind::NotFound => Ok(Look::NotYet(Missing {
                cause: error.message,
                hint: "see whether the server of the discovery file is right and reachable".into(),
            })),
            // A server that has just started does not know the token yet.
            Err(error) if error.kind == KubeErrorKind::Unauthorized && began.elapsed() < STRANGER_LIMIT => {
                Ok(Look::NotYet(Missing {
                    cause: error.message,
                    hint: "see whether the credentials of the discovery file are from this cluster, and in force"
                        .into(),
                }))
            }
            Err(source) => Err(DiscoveryError::Fetch { endpoint: server.clone(), source }),
        }
    })
    .await?;
    let Some(object) = object else {
        powers.warn(format!(
            "[discovery] {server} does not let us read the ConfigMap cluster-info; the discovery file is trusted as it is"
        ));
        return Ok(None);
    };
    Ok(ClusterInfo::read(&object))
}

/// Whether waiting can help.
fn heals(error: &KubeError) -> bool {
    matches!(error.kind, KubeErrorKind::Unreachable | KubeErrorKind::Busy)
}

/// Holds the file against the cluster's own word, and takes the authorities from there if the file has none.
fn compare(
    parts: &mut InForce,
    info: &ClusterInfo,
    token: Option<&BootstrapToken>,
    powers: &Powers<'_>,
) -> Result<(), DiscoveryError> {
    let server = parts.cluster.server.clone();
    // What the cluster says of itself is a help, not a condition: the file is trusted already.
    let Some(kubeconfig) = info.kubeconfig() else { return Ok(()) };
    let theirs = match cluster_of(kubeconfig, &server) {
        Ok(theirs) => theirs,
        Err(error) if parts.authority().is_none() => return Err(error),
        Err(_) => return Ok(()),
    };
    if theirs.cluster.server != server {
        powers.warn(format!(
            "[discovery] the server {server} of the discovery file is used, although cluster-info names {}",
            theirs.cluster.server
        ));
    }
    if parts.authority().is_some() {
        return Ok(());
    }
    let Some(authority) = theirs.authority() else { return Ok(()) };
    let signature = token.and_then(|token| Some((token, info.signature(token.id())?)));
    match signature {
        Some((token, signature)) if !verify(token, kubeconfig, signature) => {
            let token_id = token.id().to_owned();
            return Err(DiscoveryError::Signature { endpoint: server, token_id });
        }
        None if parts.is_insecure() => return Err(DiscoveryError::Unproven { endpoint: server }),
        _ => {}
    }
    parts.adopt_authority(&authority);
    Ok(())
}

#[cfg(test)]
mod tests;
