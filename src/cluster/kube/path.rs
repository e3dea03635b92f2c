//! From a kind to its place in the API: a table of the kinds that kubewright touches, instead of a discovery round trip.

use std::fmt::Write as _;

/// Where the objects of a kind are: its API version, its kind, its plural in paths, and whether it lives in a namespace.
struct Place {
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
}

const fn namespaced(api_version: &'static str, kind: &'static str, plural: &'static str) -> Place {
    Place { api_version, kind, plural, namespaced: true }
}

const fn cluster_wide(api_version: &'static str, kind: &'static str, plural: &'static str) -> Place {
    Place { api_version, kind, plural, namespaced: false }
}

const PLACES: &[Place] = &[
    namespaced("v1", "ConfigMap", "configmaps"),
    namespaced("v1", "Endpoints", "endpoints"),
    namespaced("v1", "Event", "events"),
    cluster_wide("v1", "Namespace", "namespaces"),
    cluster_wide("v1", "Node", "nodes"),
    namespaced("v1", "Pod", "pods"),
    namespaced("v1", "Secret", "secrets"),
    namespaced("v1", "Service", "services"),
    namespaced("v1", "ServiceAccount", "serviceaccounts"),
    namespaced("apps/v1", "DaemonSet", "daemonsets"),
    namespaced("apps/v1", "Deployment", "deployments"),
    namespaced("apps/v1", "ReplicaSet", "replicasets"),
    namespaced("batch/v1", "Job", "jobs"),
    cluster_wide("certificates.k8s.io/v1", "CertificateSigningRequest", "certificatesigningrequests"),
    namespaced("coordination.k8s.io/v1", "Lease", "leases"),
    namespaced("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    namespaced("events.k8s.io/v1", "Event", "events"),
    namespaced("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
    cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings"),
    namespaced("rbac.authorization.k8s.io/v1", "Role", "roles"),
    namespaced("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
];

/// The path of a kind's objects. Without a namespace, the objects of a namespaced kind can be listed but not named.
pub(super) fn collection(api_version: &str, kind: &str, namespace: Option<&str>) -> Result<String, String> {
    let place = place(api_version, kind)?;
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    match namespace {
        Some(_) if !place.namespaced => Err(format!("a {kind} belongs to the whole cluster, not to a namespace")),
        Some(namespace) => {
            Ok(format!("{root}/{api_version}/namespaces/{}/{}", segment(namespace, "namespace")?, place.plural))
        }
        None => Ok(format!("{root}/{api_version}/{}", place.plural)),
    }
}

/// The path to which an object of this kind is posted.
pub(super) fn home(api_version: &str, kind: &str, namespace: Option<&str>) -> Result<String, String> {
    if namespace.is_none() && place(api_version, kind)?.namespaced {
        return Err(format!("a {kind} needs a namespace"));
    }
    collection(api_version, kind, namespace)
}

/// The path of one object.
pub(super) fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Result<String, String> {
    Ok(format!("{}/{}", home(api_version, kind, namespace)?, segment(name, "name")?))
}

/// Writes bytes that mean something in a path or query as `%XX`.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// The whole table.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str, bool)> {
    PLACES.iter().map(|place| (place.api_version, place.kind, place.plural, place.namespaced))
}

fn place(api_version: &str, kind: &str) -> Result<&'static Place, String> {
    PLACES
        .iter()
        .find(|place| place.api_version == api_version && place.kind == kind)
        .ok_or_else(|| format!("kubewright does not know the kind {kind} of {api_version}"))
}

/// The API server's own rule for a name in a path: not empty, not `.` or `..`, no `/` and no `%`.
fn segment(text: &str, what: &str) -> Result<String, String> {
    if text.is_empty() || text == "." || text == ".." || text.contains(['/', '%']) {
        return Err(format!("`{text}` cannot be the {what} of an object"));
    }
    Ok(encode(text))
}

#[cfg(test)]
mod tests;
