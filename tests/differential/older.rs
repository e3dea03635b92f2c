//! Turns a document in v1beta4 into the older forms, by rules of its own: kubewright's must not be trusted here.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    case::Case,
    content::documents,
    error::{DifferentialError, Result},
    release::Release,
};

/// A version of kubeadm's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    V1beta2,
    V1beta3,
    #[default]
    V1beta4,
}

impl Form {
    fn api_version(self) -> &'static str {
        match self {
            Self::V1beta2 => "kubeadm.k8s.io/v1beta2",
            Self::V1beta3 => "kubeadm.k8s.io/v1beta3",
            Self::V1beta4 => "kubeadm.k8s.io/v1beta4",
        }
    }
}

/// The documents in that form, with the version and the algorithm of keys added.
pub(crate) fn turned(text: &str, case: &Case, release: Release, form: Form) -> Result<String> {
    if case.as_is {
        return Ok(text.to_owned());
    }
    let mut read = documents(text).map_err(|error| DifferentialError::data(&case.name, error))?;
    add_cluster(&mut read, case, release, form);
    for document in &mut read {
        if !is_kubeadms(document) {
            continue;
        }
        document["apiVersion"] = json!(form.api_version());
        if form < Form::V1beta4 {
            lower(document, form).map_err(|why| DifferentialError::data(&case.name, why))?;
        }
    }
    written(&read, case)
}

/// Documents that are in the right form already, with the version and the algorithm of keys added.
pub(crate) fn finish(text: &str, case: &Case, release: Release, form: Form) -> Result<String> {
    if case.as_is {
        return Ok(text.to_owned());
    }
    let mut read = documents(text).map_err(|error| DifferentialError::data(&case.name, error))?;
    add_cluster(&mut read, case, release, form);
    written(&read, case)
}

fn written(read: &[Value], case: &Case) -> Result<String> {
    let texts: Result<Vec<String>, _> = read.iter().map(serde_saphyr::to_string).collect();
    Ok(texts.map_err(|error| DifferentialError::data(&case.name, error))?.join("---\n"))
}

fn is_kubeadms(document: &Value) -> bool {
    document["apiVersion"].as_str().is_some_and(|version| version.starts_with("kubeadm.k8s.io/"))
}

/// Makes sure that there is a ClusterConfiguration, which names the version, and keys that are quickly made.
fn add_cluster(read: &mut Vec<Value>, case: &Case, release: Release, form: Form) {
    if case.as_is {
        return;
    }
    if !read.iter().any(|document| document["kind"] == "ClusterConfiguration") {
        read.push(json!({"apiVersion": form.api_version(), "kind": "ClusterConfiguration"}));
    }
    for cluster in read.iter_mut().filter(|document| document["kind"] == "ClusterConfiguration") {
        if cluster["kubernetesVersion"].is_null() {
            cluster["kubernetesVersion"] = json!(release.to_string());
        }
        if case.rsa {
            continue;
        }
        if form == Form::V1beta4 {
            if cluster["encryptionAlgorithm"].is_null() {
                cluster["encryptionAlgorithm"] = json!("ECDSA-P256");
            }
        } else if cluster["featureGates"]["PublicKeysECDSA"].is_null() {
            cluster["featureGates"]["PublicKeysECDSA"] = json!(true);
        }
    }
}

/// Takes a document one or two forms down, or says which field has no place there.
fn lower(document: &mut Value, form: Form) -> Result<(), String> {
    let fields = document.as_object_mut().ok_or("a document is no map")?;
    let timeout = fields.remove("timeouts");
    for name in ["encryptionAlgorithm", "certificateValidityPeriod", "caCertificateValidityPeriod", "proxy"] {
        // The algorithm that this test adds on its own.
        if fields.get(name).is_some_and(|value| value == "ECDSA-P256") {
            fields.remove(name);
            fields.entry("featureGates").or_insert_with(|| json!({}))["PublicKeysECDSA"] = json!(true);
        } else if fields.contains_key(name) {
            return Err(format!("`{name}` has no place before v1beta4"));
        }
    }
    if timeout.is_some() {
        return Err("`timeouts` has no place before v1beta4: write the older form in `config-1.20`".into());
    }
    for component in ["apiServer", "controllerManager", "scheduler"] {
        if let Some(component) = fields.get_mut(component).and_then(Value::as_object_mut) {
            arguments(component, "extraArgs")?;
        }
    }
    if let Some(etcd) = fields.get_mut("etcd").and_then(|etcd| etcd.get_mut("local")).and_then(Value::as_object_mut) {
        arguments(etcd, "extraArgs")?;
    }
    if let Some(node) = fields.get_mut("nodeRegistration").and_then(Value::as_object_mut) {
        arguments(node, "kubeletExtraArgs")?;
        if node.contains_key("imagePullSerial") {
            return Err("`imagePullSerial` has no place before v1beta4".into());
        }
    }
    if form == Form::V1beta2 {
        for name in ["skipPhases", "patches"] {
            if fields.contains_key(name) {
                return Err(format!("`{name}` has no place in v1beta2"));
            }
        }
        if let Some(dns) = fields.get_mut("dns").and_then(Value::as_object_mut) {
            if dns.contains_key("disabled") {
                return Err("`dns.disabled` has no place in v1beta2".into());
            }
            dns.insert("type".into(), json!("CoreDNS"));
        }
    }
    Ok(())
}

/// A list of names and values becomes a map.
fn arguments(component: &mut Map<String, Value>, field: &str) -> Result<(), String> {
    if component.contains_key("extraEnvs") {
        return Err("`extraEnvs` has no place before v1beta4".into());
    }
    let Some(list) = component.get(field) else { return Ok(()) };
    let mut map = Map::new();
    for argument in list.as_array().ok_or_else(|| format!("`{field}` is no list"))? {
        let name = argument["name"].as_str().ok_or("an argument has no name")?.to_owned();
        if map.insert(name.clone(), argument["value"].clone()).is_some() {
            return Err(format!("`{name}` is twice in `{field}`, which has no place before v1beta4"));
        }
    }
    component.insert(field.to_owned(), Value::Object(map));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_arguments_become_maps_and_what_has_no_place_is_refused() {
        let mut document = json!({"kind": "ClusterConfiguration", "dns": {"imageTag": "v1"},
            "apiServer": {"extraArgs": [{"name": "v", "value": "4"}]}});
        lower(&mut document, Form::V1beta2).unwrap();
        assert_eq!(document["apiServer"]["extraArgs"], json!({"v": "4"}));
        assert_eq!(document["dns"]["type"], "CoreDNS");
        for newer in [
            json!({"scheduler": {"extraEnvs": []}}),
            json!({"timeouts": {}}),
            json!({"proxy": {"disabled": true}}),
            json!({"etcd": {"local": {"extraArgs": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}}}),
        ] {
            assert!(lower(&mut newer.clone(), Form::V1beta3).is_err(), "{newer}");
        }
        assert!(lower(&mut json!({"patches": {}}), Form::V1beta2).is_err());
        lower(&mut json!({"patches": {}}), Form::V1beta3).unwrap();
    }
}
