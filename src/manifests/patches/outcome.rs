//! Sees that patches left something that Kubernetes can use, and writes it as a typed client would.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Target;

/// Checks a patched object and brings it into the form in which kubeadm writes it. Says what is wrong otherwise.
///
/// Fields that our types do not know stay: the cluster's version may be newer than they are.
pub(super) fn settle(target: Target, object: &mut Value) -> Result<(), String> {
    let (api_version, kind, name) = match target {
        Target::KubeletConfiguration => ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", None),
        Target::CorednsDeployment => ("apps/v1", "Deployment", Some("coredns")),
        Target::KubeProxyDaemonSet => ("apps/v1", "DaemonSet", Some("kube-proxy")),
        pod => ("v1", "Pod", Some(pod.name())),
    };
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if (text("/apiVersion"), text("/kind")) != (api_version, kind) {
        return Err(format!("`{} {}` instead of `{api_version} {kind}`", text("/apiVersion"), text("/kind")));
    }
    if let Some(name) = name.filter(|name| *name != text("/metadata/name")) {
        return Err(format!("the name `{}` instead of `{name}`", text("/metadata/name")));
    }
    match target {
        // kubeadm writes it as the patches left it.
        Target::KubeletConfiguration => Ok(()),
        Target::CorednsDeployment | Target::KubeProxyDaemonSet => {
            drop_nulls(object);
            if let Some(spec) = object.pointer_mut("/spec/template/spec") {
                complete(spec);
            }
            if target == Target::CorednsDeployment { fits::<Deployment>(object) } else { fits::<DaemonSet>(object) }
        }
        _ => {
            drop_nulls(object);
            if let Some(spec) = object.get_mut("spec") {
                complete(spec);
            }
            fits::<Pod>(object)?;
            match object.pointer("/spec/containers").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                true => Err("a pod without containers".to_owned()),
                false => Ok(()),
            }
        }
    }
}

/// The kubelet would refuse what does not fit, and `init` would wait for a component that never starts.
fn fits<'a, T: Deserialize<'a>>(object: &'a Value) -> Result<(), String> {
    T::deserialize(object).map(drop).map_err(|error| error.to_string())
}

/// A typed object cannot hold null; the one exception is the time of creation, which older versions write so.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| !value.is_null() || key == "creationTimestamp");
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Writes what a container must have, and as text the quantities that may be given as numbers.
fn complete(spec: &mut Value) {
    drop_empty(spec, EMPTIED_IN_SPEC);
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            drop_empty(container, EMPTIED_IN_CONTAINER);
            if let Some(fields) = container.as_object_mut() {
                fields.entry("resources").or_insert_with(|| Value::Object(Map::new()));
            }
            for resources in ["/resources/requests", "/resources/limits"] {
                let quantities = container.pointer_mut(resources).and_then(Value::as_object_mut);
                quantities.into_iter().flat_map(|quantities| quantities.values_mut()).for_each(quote);
            }
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        volume.pointer_mut("/emptyDir/sizeLimit").into_iter().for_each(quote);
    }
}

/// Takes lists away from which a patch has deleted the last item.
fn drop_empty(object: &mut Value, lists: &[&str]) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, value| {
            !lists.contains(&name.as_str()) || value.as_array().is_none_or(|list| !list.is_empty())
        });
    }
}

const EMPTIED_IN_SPEC: &[&str] = &[
    "hostAliases",
    "imagePullSecrets",
    "initContainers",
    "resourceClaims",
    "schedulingGates",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
];
const EMPTIED_IN_CONTAINER: &[&str] = &["args", "command", "env", "ports", "volumeDevices", "volumeMounts"];

fn quote(quantity: &mut Value) {
    if let Value::Number(number) = quantity {
        *quantity = Value::String(number.to_string());
    }
}
