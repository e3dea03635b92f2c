//! The kubelet's and kube-proxy's own configuration documents, merged over our defaults.
//!
//! They stay JSON values: their types have hundreds of fields that we do not set. `shapes.yaml` has their types, and
//! `component/kubelet.rs` and `component/kube_proxy.rs` the rules that a typical mistake breaks.

mod kube_proxy;
mod kubelet;
mod rules;
pub(crate) mod shape;
mod stored;

use kubewright_value::Value as Named;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::duration;
use crate::error::ConfigError;
use crate::facts::{ResolvConf, VersionFacts};
use crate::host::HostFacts;
use crate::model::{ApiEndpoint, ClusterConfiguration};
use crate::validate::Check;
use crate::yaml;
use rules::Rules;
use shape::{SHAPES, Shape};

pub use stored::StoredComponent;

pub(crate) const KUBELET_GROUP: &str = "kubelet.config.k8s.io";
/// The API version of the kubelet's document that is read and written.
pub const KUBELET_API: &str = "kubelet.config.k8s.io/v1beta1";
pub(crate) const KUBE_PROXY_GROUP: &str = "kubeproxy.config.k8s.io";
/// The API version of kube-proxy's document that is read and written.
pub const KUBE_PROXY_API: &str = "kubeproxy.config.k8s.io/v1alpha1";

/// systemd-resolved's list of real servers; the usual file names its local stub, which pods cannot reach.
const RESOLVED_CONF: &str = "/run/systemd/resolve/resolv.conf";

/// KubeletConfiguration as the shared ConfigMap holds it: without patches and without what belongs to one node.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeletDoc {
    /// The whole document, zero fields included.
    pub document: Value,
    /// Whether the user gave a document; its ConfigMap then has no hash annotation.
    pub user_supplied: bool,
    /// `resolvConf` for this node where the version decides it per node, and nobody set it.
    pub node_resolv_conf: Option<String>,
}

impl Named for KubeletDoc {
    const NAME: &'static str = "KubeletConfiguration";
}

impl KubeletDoc {
    /// Reads the document that a cluster stores for its kubelets. A node that has systemd-resolved takes its list of
    /// servers, unless the document names one.
    ///
    /// # Errors
    /// It is not one YAML object.
    pub fn stored(text: &str, resolved_active: bool) -> Result<Self, ConfigError> {
        let document = yaml::document(text.as_bytes())?.value().clone();
        let unset = document.get("resolvConf").and_then(Value::as_str).unwrap_or_default().is_empty();
        let node_resolv_conf = (resolved_active && unset).then(|| RESOLVED_CONF.to_owned());
        Ok(Self { document, user_supplied: true, node_resolv_conf })
    }

    /// Writes the document for the ConfigMap.
    pub fn config_map_yaml(&self) -> String {
        yaml::to_string(&self.document)
    }

    /// Returns the document with what is decided on the node. A run that has written the node's file before uploads
    /// this one to the ConfigMap, as kubeadm does.
    pub fn with_node(&self) -> Value {
        let mut document = self.document.clone();
        if let (Some(path), Some(map)) = (&self.node_resolv_conf, document.as_object_mut()) {
            map.insert("resolvConf".to_owned(), path.clone().into());
        }
        document
    }

    /// Returns the address and port of the kubelet's health endpoint; `None` if it is off.
    pub fn healthz(&self) -> Option<(&str, u16)> {
        let port =
            self.document.get("healthzPort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok())?;
        let address = self.document.get("healthzBindAddress").and_then(Value::as_str)?;
        (port > 0).then_some((address, port))
    }
}

/// KubeProxyConfiguration as the ConfigMap holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeProxyDoc {
    /// The whole document, zero fields included.
    pub document: Value,
    /// Whether the user gave a document; its ConfigMap then has no hash annotation.
    pub user_supplied: bool,
}

impl Named for KubeProxyDoc {
    const NAME: &'static str = "KubeProxyConfiguration";
}

impl KubeProxyDoc {
    /// Writes the document for the ConfigMap's key `config.conf`, without a newline at its end.
    pub fn config_map_yaml(&self) -> String {
        let mut text = yaml::to_string(&self.document);
        text.pop();
        text
    }
}

/// Computes the annotation `kubeadm.kubernetes.io/component-config.hash` of a ConfigMap from its values, which must
/// come in the order of their keys.
pub fn config_hash<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for value in values {
        hash.update(value);
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}

/// Makes the kubelet's document from the user's, which is the one that is checked.
pub(crate) fn kubelet(
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    host: &HostFacts,
    check: &mut Check<'_>,
) -> KubeletDoc {
    checked(&SHAPES.kubelet, check, kubelet::check);
    defaulted_kubelet(cluster, facts, host.resolved_active, check)
}

/// Adds the version's defaults to the document at hand.
fn defaulted_kubelet(
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    resolved_active: bool,
    check: &mut Check<'_>,
) -> KubeletDoc {
    let mut merge = Merge::new(&facts.kubelet.zero_document, KUBELET_API, "KubeletConfiguration", check);
    merge.default("staticPodPath", "/etc/kubernetes/manifests".into());
    merge.default("clusterDNS", json!([cluster.dns_ip()]));
    // An empty list is the user's wish; Go leaves it out when it writes the document.
    merge.remove_empty("clusterDNS");
    merge.default("clusterDomain", cluster.networking.dns_domain.clone().into());
    merge.default("authentication.x509.clientCAFile", cluster.certificate_path("ca.crt").as_str().into());
    merge.default("authentication.anonymous.enabled", false.into());
    merge.default("authentication.webhook.enabled", true.into());
    merge.default("authorization.mode", "Webhook".into());
    merge.default("healthzBindAddress", "127.0.0.1".into());
    merge.default("healthzPort", 10248.into());
    if merge.get("readOnlyPort").and_then(Value::as_i64).is_some_and(|port| port != 0) {
        merge.check.warn("readOnlyPort", "the read-only port lets everyone read; 0 closes it");
    }
    if merge.get("rotateCertificates") == Some(&Value::Bool(false)) {
        merge.check.warn("rotateCertificates", "taken as true: certificates are always rotated");
    }
    merge.set("rotateCertificates", true.into());
    if let Some(driver) = &facts.kubelet.cgroup_driver {
        merge.fill("cgroupDriver", driver.clone().into());
    }
    if facts.api_server.dual_stack_gate
        && let Some(on) = cluster.feature_gates.get("IPv6DualStack")
    {
        merge.set("featureGates.IPv6DualStack", (*on).into());
    }
    let resolv_conf = (resolved_active && merge.is_unset("resolvConf")).then(|| RESOLVED_CONF.to_owned());
    let node_resolv_conf = match facts.kubelet.resolv_conf {
        ResolvConf::PerNode => resolv_conf,
        ResolvConf::Shared => {
            if let Some(path) = resolv_conf {
                merge.set("resolvConf", path.into());
            }
            None
        }
    };
    KubeletDoc { document: merge.document, user_supplied: check.document.is_some(), node_resolv_conf }
}

/// Makes kube-proxy's document from the user's, which is the one that is checked.
pub(crate) fn kube_proxy(
    endpoint: ApiEndpoint,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    check: &mut Check<'_>,
) -> KubeProxyDoc {
    let pod_subnet = cluster.networking.pod_subnet.is_some();
    checked(&SHAPES.kube_proxy, check, |rules| kube_proxy::check(rules, pod_subnet, facts));
    defaulted_kube_proxy(endpoint, cluster, facts, check)
}

fn defaulted_kube_proxy(
    endpoint: ApiEndpoint,
    cluster: &ClusterConfiguration,
    facts: &VersionFacts,
    check: &mut Check<'_>,
) -> KubeProxyDoc {
    let mut merge = Merge::new(&facts.kube_proxy.zero_document, KUBE_PROXY_API, "KubeProxyConfiguration", check);
    let any = if endpoint.advertise_address.is_ipv4() { "0.0.0.0" } else { "::" };
    merge.default("bindAddress", any.into());
    if let Some(pods) = &cluster.networking.pod_subnet {
        merge.default("clusterCIDR", pods.as_str().into());
    }
    merge.default("clientConnection.kubeconfig", "/var/lib/kube-proxy/kubeconfig.conf".into());
    if facts.api_server.dual_stack_gate
        && let Some(on) = cluster.feature_gates.get("IPv6DualStack")
    {
        merge.set("featureGates.IPv6DualStack", (*on).into());
    }
    KubeProxyDoc { document: merge.document, user_supplied: check.document.is_some() }
}

/// Checks the types of a user's document, and its rules if the types are right.
fn checked(shape: &Shape, check: &mut Check<'_>, rules: impl FnOnce(&mut Rules<'_, '_>)) {
    let Some(given) = check.document else { return };
    shape.check("", given.value(), check);
    if check.errors.is_empty() {
        rules(&mut Rules::new(given, check));
    }
}

/// A user's document laid over the zero values, to which defaults are added.
struct Merge<'a, 'b> {
    document: Value,
    check: &'b mut Check<'a>,
}

impl<'a, 'b> Merge<'a, 'b> {
    fn new(zero: &Value, api: &str, kind: &str, check: &'b mut Check<'a>) -> Self {
        let mut document = zero.clone();
        if let Some(given) = check.document {
            check.warnings.extend(given.duplicates().iter().map(crate::wire::duplicate));
            overlay(&mut document, given.value());
        }
        if let Some(map) = document.as_object_mut() {
            map.insert("apiVersion".to_owned(), api.into());
            map.insert("kind".to_owned(), kind.into());
        }
        Self { document, check }
    }

    fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.document, |value, key| value.get(key))
    }

    fn is_unset(&self, path: &str) -> bool {
        match self.get(path) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            // Go cannot tell 0 from unset except through a pointer, and the ports that we set are such pointers.
            Some(_) => false,
        }
    }

    fn set(&mut self, path: &str, value: Value) {
        let mut place = &mut self.document;
        for key in path.split('.') {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            let Some(map) = place.as_object_mut() else { return };
            place = map.entry(key.to_owned()).or_insert(Value::Null);
        }
        *place = value;
    }

    fn remove_empty(&mut self, key: &str) {
        if let Some(map) = self.document.as_object_mut()
            && map.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty)
        {
            map.remove(key);
        }
    }

    /// Sets a field that is unset.
    fn fill(&mut self, path: &str, value: Value) {
        if self.is_unset(path) {
            self.set(path, value);
        }
    }

    /// Sets a field that is unset, and warns if the user chose something else.
    fn default(&mut self, path: &str, value: Value) {
        if self.is_unset(path) {
            self.set(path, value);
        } else if let Some(chosen) = self.get(path).filter(|chosen| **chosen != value) {
            let message = format!("the recommended value is {value}; kept {chosen}");
            self.check.warn(path, message);
        }
    }
}

/// Durations that have no zero value in a document, since Go leaves them out when they are unset.
const OPTIONAL_DURATIONS: [&str; 2] = ["cpuCFSQuotaPeriod", "maxContainerRestartPeriod"];

/// Lays a user's values over zero values. `null` leaves the zero value; a duration gets Go's canonical form.
fn overlay(zero: &mut Value, given: &Value) {
    let (Value::Object(zero), Value::Object(given)) = (&mut *zero, given) else {
        *zero = given.clone();
        return;
    };
    for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        // A string where the zero value is `0s` or null can only be a duration: no other nullable field is a string.
        let duration = zero.get(key).is_some_and(|zero| zero == "0s" || zero.is_null())
            || OPTIONAL_DURATIONS.contains(&key.as_str());
        let value = match value {
            Value::String(text) if duration => {
                duration::parse(text).map_or_else(|_| value.clone(), |parsed| duration::format(parsed).into())
            }
            _ => value.clone(),
        };
        match zero.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())) {
            place @ Value::Object(_) => overlay(place, &value),
            place => *place = value,
        }
    }
}

#[cfg(test)]
mod tests;
