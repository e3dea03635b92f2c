//! `config migrate`: a file in the current API version, with every default in its place.

use zeroize::Zeroizing;

use crate::convert::Machine;
use crate::error::{ConfigErrors, Warning};
use crate::facts::ApiVersion;
use crate::host::HostFacts;
use crate::load::Told;
use crate::reading::Reading;
use crate::v1beta4::{self, Taint};
use crate::whole::{self, Whole};
use crate::wire::Wire;
use crate::yaml::{self, Document};
use crate::{component, write};

/// Writes a file in v1beta4: what `init` and the other commands would read from it, tokens and keys included.
///
/// kubeadm drops the configurations of kubelet and kube-proxy; they are kept here, as they stand.
///
/// # Errors
/// All faults at once, each with its field and line.
pub fn migrate(
    file: (&str, &[u8]),
    reading: Reading,
    host: &HostFacts,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<(Zeroizing<String>, Vec<Warning>), ConfigErrors> {
    let (name, bytes) = file;
    let mut told = Told::default();
    let documents = whole::documents(bytes, &mut told);
    let mut text = None;
    if told.errors.is_empty() {
        let mut machine = Machine { host, detect_runtime: true, needs_address: false, random };
        let whole = whole::read(&documents, reading, &mut machine, &mut told);
        text = Some(written(whole, &documents));
    }
    told.finish(text, Some(name), reading.strict)
}

fn written(whole: Whole, documents: &[Document]) -> Zeroizing<String> {
    let mut parts: Vec<Zeroizing<String>> = Vec::new();
    let mut add = |value, kind| {
        parts.push(Zeroizing::new(write::document(value, ApiVersion::V1beta4, kind)));
    };
    if let Some((loaded, given)) = whole.init {
        let mut init = write::init(&loaded.init);
        keep_node(&mut init.node_registration, given.node_registration, true);
        init.patches = given.patches;
        add(init.write(), "InitConfiguration");
        add(write::cluster(&loaded.cluster).write(), "ClusterConfiguration");
    }
    if let Some((join, given)) = whole.join {
        let mut written = write::join(&join);
        keep_node(&mut written.node_registration, given.node_registration, join.control_plane.is_some());
        written.patches = given.patches;
        add(written.write(), "JoinConfiguration");
    }
    if let Some((reset, given)) = whole.reset {
        let mut written = write::reset(&reset);
        written.ignore_preflight_errors = names(given.ignore_preflight_errors);
        add(written.write(), "ResetConfiguration");
    }
    if let Some((upgrade, given)) = whole.upgrade {
        let mut written = write::upgrade(&upgrade);
        written.apply.ignore_preflight_errors = names(given.apply.ignore_preflight_errors);
        written.node.ignore_preflight_errors = names(given.node.ignore_preflight_errors);
        written.plan.ignore_preflight_errors = names(given.plan.ignore_preflight_errors);
        add(written.write(), "UpgradeConfiguration");
    }
    for group in [component::KUBELET_GROUP, component::KUBE_PROXY_GROUP] {
        let of_group = |document: &&Document| {
            let api_version = document.value().get("apiVersion").and_then(|value| value.as_str());
            api_version.and_then(|version| version.split_once('/')).is_some_and(|(found, _)| found == group)
        };
        let found = documents.iter().filter(of_group);
        parts.extend(found.map(|document| Zeroizing::new(yaml::to_string(document.value()))));
    }
    let length = parts.iter().map(|part| part.len() + 4).sum();
    // A text that grows leaves copies of its secrets behind.
    let mut text = Zeroizing::new(String::with_capacity(length));
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        text.push_str(part);
    }
    text
}

/// Keeps what the internal form changes or leaves out, though it means the same.
fn keep_node(
    written: &mut v1beta4::NodeRegistrationOptions,
    given: v1beta4::NodeRegistrationOptions,
    control_plane: bool,
) {
    written.ignore_preflight_errors = names(given.ignore_preflight_errors);
    let default: Option<Vec<Taint>> = written.taints.take().filter(|_| control_plane);
    written.taints = given.taints.or(default);
}

fn names(given: Vec<String>) -> Vec<String> {
    given.into_iter().filter(|name| !name.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests;
