//! JoinConfiguration to the internal form.

use crate::convert::Machine;
use crate::defaults;
use crate::error::ConfigError;
use crate::facts::VersionFacts;
use crate::model::{BootstrapTokenDiscovery, Discovery, JoinConfiguration, JoinControlPlane};
use crate::token::SecretText;
use crate::v1beta4;
use crate::validate::Check;

use super::init;

/// Converts the settings of one `join`; `None` if a fault was noted that leaves no usable value.
pub(crate) fn join(
    wire: v1beta4::JoinConfiguration,
    facts: &VersionFacts,
    machine: &Machine<'_>,
    check: &mut Check<'_>,
) -> Option<JoinConfiguration> {
    let default_taints = wire.node_registration.taints.is_none();
    let taints = if wire.control_plane.is_some() { init::default_taints(facts) } else { Vec::new() };
    let node = init::node_registration(wire.node_registration, taints, facts, machine, check);
    let mut ca_cert_path = wire.ca_cert_path;
    defaults::text(&mut ca_cert_path, defaults::CA_CERT_PATH);
    let path = check.absolute_path("caCertPath", &ca_cert_path);
    if path.extension() != Some("crt") {
        check.invalid(
            "caCertPath",
            &ca_cert_path,
            "the name must end in .crt",
            "for example /etc/kubernetes/pki/ca.crt",
        );
    }
    let (discovery, tls_bootstrap_token) = discovery(wire.discovery, check);
    let control_plane = wire.control_plane.map(|wire| {
        let endpoint = init::api_endpoint("controlPlane.localAPIEndpoint", &wire.local_api_endpoint, machine, check);
        let certificate_key = init::certificate_key("controlPlane.certificateKey", &wire.certificate_key, check);
        endpoint.map(|local_api_endpoint| JoinControlPlane { local_api_endpoint, certificate_key })
    });
    Some(JoinConfiguration {
        dry_run: wire.dry_run,
        node_registration: node,
        default_taints,
        ca_cert_path: path,
        discovery: discovery?,
        tls_bootstrap_token,
        control_plane: match control_plane {
            None => None,
            Some(control_plane) => Some(control_plane?),
        },
        skip_phases: wire.skip_phases,
        patches_directory: init::patches_directory(wire.patches),
        timeouts: defaults::timeouts(wire.timeouts),
    })
}

fn discovery(
    wire: v1beta4::Discovery,
    check: &mut Check<'_>,
) -> (Option<Discovery>, Option<crate::token::BootstrapToken>) {
    let (found, fallback) = match (wire.bootstrap_token, wire.file) {
        (Some(token), None) => {
            let fallback = token.token.clone();
            (by_token(token, check).map(Discovery::Token), fallback)
        }
        (None, Some(file)) => {
            let path = file.kube_config_path;
            let local = path.strip_prefix("file://").or_else(|| path.strip_prefix("file:"));
            let path = local.map(str::to_owned).unwrap_or(path);
            let scheme = path.split_once("://").map(|(scheme, _)| scheme);
            if path.is_empty() || scheme.is_some_and(|scheme| scheme != "https") {
                let fix = "for example /root/cluster-info.conf";
                check.invalid("discovery.file.kubeConfigPath", &path, "neither a file nor an https URL", fix);
            }
            (Some(Discovery::File(path)), SecretText::default())
        }
        (both, _) => {
            let (reason, fix) = match both {
                Some(_) => ("bootstrapToken and file exclude each other", "remove one of them"),
                None => ("either bootstrapToken or file is required", "add the one that you were given for joining"),
            };
            check.missing("discovery", reason, fix);
            (None, SecretText::default())
        }
    };
    let token = if wire.tls_bootstrap_token.reveal().is_empty() { fallback } else { wire.tls_bootstrap_token };
    let token = match token.reveal() {
        "" => None,
        _ => init::bootstrap_token_text("discovery.tlsBootstrapToken", &token, check),
    };
    (found, token)
}

fn by_token(wire: v1beta4::BootstrapTokenDiscovery, check: &mut Check<'_>) -> Option<BootstrapTokenDiscovery> {
    const FIELD: &str = "discovery.bootstrapToken";
    let token = init::bootstrap_token_text("discovery.bootstrapToken.token", &wire.token, check);
    let endpoint = match wire.api_server_endpoint.as_str() {
        "" => {
            let error =
                ConfigError::field(format!("{FIELD}.apiServerEndpoint"), "the API server's endpoint is required");
            check.error(error.hint("for example 192.0.2.1:6443"));
            None
        }
        text => check.endpoint("discovery.bootstrapToken.apiServerEndpoint", &text.to_lowercase(), None),
    };
    if wire.ca_cert_hashes.is_empty() && !wire.unsafe_skip_ca_verification {
        let reason = "without a hash of the authority, anyone could pose as the cluster";
        let hint = "give the hash that `token create --print-join-command` prints, or set unsafeSkipCAVerification";
        check.error(ConfigError::field(format!("{FIELD}.caCertHashes"), reason).hint(hint));
    }
    for hash in &wire.ca_cert_hashes {
        let hexadecimal =
            hash.strip_prefix("sha256:").is_some_and(|hex| hex::decode(hex).is_ok_and(|it| it.len() == 32));
        if !hexadecimal {
            let fix = "give the hash that `token create --print-join-command` prints";
            let reason = "not of the form sha256:<64 hexadecimal characters>";
            check.invalid(&format!("{FIELD}.caCertHashes"), hash, reason, fix);
        }
    }
    Some(BootstrapTokenDiscovery {
        token: token?,
        api_server_endpoint: endpoint?,
        ca_cert_hashes: wire.ca_cert_hashes,
        unsafe_skip_ca_verification: wire.unsafe_skip_ca_verification,
    })
}
