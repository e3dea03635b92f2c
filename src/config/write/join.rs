//! JoinConfiguration.

use super::init::{api_endpoint, certificate_key, node_registration, patches, timeouts, token};
use crate::model::{BootstrapTokenDiscovery, Discovery, JoinConfiguration, JoinControlPlane};
use crate::v1beta4;

/// Converts a JoinConfiguration.
pub(crate) fn join(join: &JoinConfiguration) -> v1beta4::JoinConfiguration {
    let (bootstrap_token, file) = match &join.discovery {
        Discovery::Token(discovery) => (Some(by_token(discovery)), None),
        Discovery::File(path) => (None, Some(v1beta4::FileDiscovery { kube_config_path: path.clone() })),
    };
    v1beta4::JoinConfiguration {
        dry_run: join.dry_run,
        node_registration: node_registration(&join.node_registration),
        ca_cert_path: join.ca_cert_path.to_string(),
        discovery: v1beta4::Discovery {
            bootstrap_token,
            file,
            tls_bootstrap_token: join.tls_bootstrap_token.as_ref().map(token).unwrap_or_default(),
        },
        control_plane: join.control_plane.as_ref().map(control_plane),
        skip_phases: join.skip_phases.clone(),
        patches: patches(join.patches_directory.as_deref()),
        timeouts: Some(timeouts(&join.timeouts)),
    }
}

fn by_token(discovery: &BootstrapTokenDiscovery) -> v1beta4::BootstrapTokenDiscovery {
    v1beta4::BootstrapTokenDiscovery {
        token: token(&discovery.token),
        api_server_endpoint: discovery.api_server_endpoint.to_string(),
        ca_cert_hashes: discovery.ca_cert_hashes.clone(),
        unsafe_skip_ca_verification: discovery.unsafe_skip_ca_verification,
    }
}

fn control_plane(control_plane: &JoinControlPlane) -> v1beta4::JoinControlPlane {
    v1beta4::JoinControlPlane {
        local_api_endpoint: api_endpoint(&control_plane.local_api_endpoint),
        certificate_key: certificate_key(control_plane.certificate_key.as_ref()),
    }
}
