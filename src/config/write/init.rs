//! InitConfiguration, and what it shares with other kinds.

use std::time::Duration;

use super::cluster::arg;
use crate::model::{ApiEndpoint, BootstrapTokenEntry, InitConfiguration, NodeRegistration, Taint, Timeouts};
use crate::token::{BootstrapToken, CertificateKey, SecretText};
use crate::v1beta4;

/// Converts an InitConfiguration.
pub(crate) fn init(init: &InitConfiguration) -> v1beta4::InitConfiguration {
    v1beta4::InitConfiguration {
        bootstrap_tokens: init.bootstrap_tokens.iter().map(bootstrap_token).collect(),
        dry_run: init.dry_run,
        node_registration: node_registration(&init.node_registration),
        local_api_endpoint: api_endpoint(&init.local_api_endpoint),
        certificate_key: certificate_key(init.certificate_key.as_ref()),
        skip_phases: init.skip_phases.clone(),
        patches: patches(init.patches_directory.as_deref()),
        timeouts: Some(timeouts(&init.timeouts)),
    }
}

fn bootstrap_token(entry: &BootstrapTokenEntry) -> v1beta4::BootstrapToken {
    v1beta4::BootstrapToken {
        token: token(&entry.token),
        description: entry.description.clone(),
        ttl: entry.ttl,
        expires: entry.expires.clone(),
        usages: entry.usages.clone(),
        groups: entry.groups.clone(),
    }
}

pub(super) fn token(token: &BootstrapToken) -> SecretText {
    token.reveal().to_string().into()
}

pub(super) fn certificate_key(key: Option<&CertificateKey>) -> SecretText {
    key.map(|key| key.reveal().to_string().into()).unwrap_or_default()
}

pub(super) fn patches(directory: Option<&camino::Utf8Path>) -> Option<v1beta4::Patches> {
    directory.map(|directory| v1beta4::Patches { directory: directory.to_string() })
}

pub(super) fn api_endpoint(endpoint: &ApiEndpoint) -> v1beta4::ApiEndpoint {
    v1beta4::ApiEndpoint {
        advertise_address: endpoint.advertise_address.to_string(),
        bind_port: endpoint.bind_port.into(),
    }
}

pub(super) fn node_registration(node: &NodeRegistration) -> v1beta4::NodeRegistrationOptions {
    let taint = |taint: &Taint| v1beta4::Taint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: taint.effect.clone(),
        time_added: None,
    };
    v1beta4::NodeRegistrationOptions {
        name: node.name.clone(),
        cri_socket: node.cri_socket.clone(),
        taints: Some(node.taints.iter().map(taint).collect()),
        kubelet_extra_args: node.kubelet_extra_args.iter().map(arg).collect(),
        ignore_preflight_errors: node.ignore_preflight_errors.clone(),
        image_pull_policy: node.image_pull_policy.as_str().to_owned(),
        image_pull_serial: Some(node.image_pull_serial),
    }
}

/// Converts timeouts.
pub(super) fn timeouts(timeouts: &Timeouts) -> v1beta4::Timeouts {
    let given = |timeout: Duration| Some(timeout);
    v1beta4::Timeouts {
        control_plane_component_health_check: given(timeouts.control_plane_component_health_check),
        kubelet_health_check: given(timeouts.kubelet_health_check),
        kubernetes_api_call: given(timeouts.kubernetes_api_call),
        etcd_api_call: given(timeouts.etcd_api_call),
        tls_bootstrap: given(timeouts.tls_bootstrap),
        discovery: given(timeouts.discovery),
        upgrade_manifests: given(timeouts.upgrade_manifests),
    }
}
