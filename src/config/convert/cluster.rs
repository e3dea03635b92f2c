//! ClusterConfiguration to the internal form.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::defaults;
use crate::error::ConfigError;
use crate::facts::{ApiVersion, VersionFacts};
use crate::model::{
    ApiServer, ClusterConfiguration, ControlPlaneComponent, Dns, EncryptionAlgorithm, Etcd, ExternalEtcd, ImageMeta,
    LocalEtcd, Proxy,
};
use crate::v1beta4;
use crate::validate::Check;
use crate::version::label;
use crate::versions;
use crate::yaml;

/// Converts a cluster's settings; `None` if a fault was noted that leaves no usable value.
///
/// `bind_port` is the local API server's, which an endpoint without a port gets.
pub(crate) fn cluster(
    mut wire: v1beta4::ClusterConfiguration,
    bind_port: i32,
    check: &mut Check<'_>,
) -> Option<(ClusterConfiguration, VersionFacts)> {
    defaults::cluster(&mut wire);
    let facts = version(&wire.kubernetes_version, check);
    let networking = check.networking(&wire.networking, &wire.controller_manager.extra_args);
    let bind_port = u16::try_from(bind_port).ok().filter(|port| *port > 0).unwrap_or(defaults::BIND_PORT);
    let endpoint = check.endpoint("controlPlaneEndpoint", &wire.control_plane_endpoint, Some(bind_port));
    if let Some(endpoint) = endpoint.as_ref().filter(|endpoint| endpoint.port() != bind_port) {
        let message = format!("port {} differs from the local API server's port {bind_port}", endpoint.port());
        check.warn("controlPlaneEndpoint", message);
    }
    let algorithm = encryption_algorithm(&wire.encryption_algorithm, check);
    let certificates_dir = check.absolute_path("certificatesDir", &wire.certificates_dir);
    let api_server = api_server(wire.api_server, check);
    let controller_manager = component("controllerManager", wire.controller_manager, check);
    let scheduler = component("scheduler", wire.scheduler, check);
    let dns =
        Dns { image: image("dns", wire.dns.image_repository, wire.dns.image_tag, check), disabled: wire.dns.disabled };
    let etcd = etcd(wire.etcd, check);
    if !wire.image_repository.is_empty() {
        check.image_repository("imageRepository", &wire.image_repository);
    }
    let leaf = wire.certificate_validity_period.unwrap_or(defaults::CERTIFICATE_VALIDITY);
    let authority = wire.ca_certificate_validity_period.unwrap_or(defaults::CA_VALIDITY);
    validity(leaf, authority, check);

    let (facts, ci_build) = facts?;
    feature_gates(&wire.feature_gates, &facts, check);
    defaults::text(&mut wire.image_repository, &facts.images.repository);
    let cluster = ClusterConfiguration {
        cluster_name: wire.cluster_name,
        kubernetes_version: facts.version.clone(),
        ci_build,
        control_plane_endpoint: endpoint,
        networking: networking?,
        api_server,
        controller_manager,
        scheduler,
        dns,
        proxy: Proxy { disabled: wire.proxy.disabled },
        etcd: etcd?,
        certificates_dir,
        image_repository: wire.image_repository,
        feature_gates: wire.feature_gates,
        encryption_algorithm: algorithm,
        certificate_validity_period: leaf,
        ca_certificate_validity_period: authority,
    };
    Some((cluster, facts))
}

/// Resolves a version or a label and finds its facts; also tells whether it is a build of CI.
fn version(text: &str, check: &mut Check<'_>) -> Option<(VersionFacts, bool)> {
    const FIELD: &str = "kubernetesVersion";
    let asked = match label::resolve(text) {
        Ok(asked) => asked,
        Err((reason, fix)) => {
            check.invalid(FIELD, text, reason, fix);
            return None;
        }
    };
    if asked.label && text != defaults::VERSION_LABEL {
        check.warn(FIELD, format!("`{text}` is taken as {}, the newest release known to this program", asked.version));
    }
    match versions::facts_for(&asked.version) {
        Ok(facts) => Some((facts, asked.ci)),
        Err(error) => {
            check.invalid(FIELD, text, error.to_string(), format!("for example {}", versions::default_version()));
            None
        }
    }
}

fn feature_gates(gates: &std::collections::BTreeMap<String, bool>, facts: &VersionFacts, check: &mut Check<'_>) {
    let known: Vec<&str> = facts.feature_gates.keys().map(String::as_str).collect();
    if gates.contains_key("PublicKeysECDSA") && facts.api.write >= ApiVersion::V1beta4 {
        let message = "deprecated; use `encryptionAlgorithm: ECDSA-P256` instead";
        check.warn("featureGates.PublicKeysECDSA", message);
    }
    for name in gates.keys().filter(|name| !known.contains(&name.as_str())) {
        let hint = match crate::wire::closest(name, &known) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("known are {}", known.join(", ")),
        };
        let reason = format!("Kubernetes 1.{} has no such feature gate", facts.version.minor());
        check.error(ConfigError::invalid(yaml::child("featureGates", name), name, reason).hint(hint));
    }
}

fn encryption_algorithm(name: &str, check: &mut Check<'_>) -> EncryptionAlgorithm {
    if name.is_empty() {
        return EncryptionAlgorithm::default();
    }
    check.one_of("encryptionAlgorithm", name, &EncryptionAlgorithm::ALL.map(EncryptionAlgorithm::as_str));
    EncryptionAlgorithm::from_name(name).unwrap_or_default()
}

fn validity(leaf: Duration, authority: Duration, check: &mut Check<'_>) {
    let field = "certificateValidityPeriod";
    for (field, period, example) in [(field, leaf, "8760h"), ("caCertificateValidityPeriod", authority, "87600h")] {
        if period.is_zero() {
            let reason = "the certificates would have expired when they are made";
            check.invalid(field, crate::duration::format(period), reason, format!("for example {example}"));
        }
    }
    if leaf > authority {
        check.warn(field, "leaf certificates would outlive their authorities");
    } else if leaf > defaults::CERTIFICATE_VALIDITY {
        check.warn(field, "longer than the default of 365 days");
    }
    if authority > defaults::CA_VALIDITY {
        check.warn("caCertificateValidityPeriod", "longer than the default of 3650 days");
    }
}

fn component(field: &str, wire: v1beta4::ControlPlaneComponent, check: &mut Check<'_>) -> ControlPlaneComponent {
    ControlPlaneComponent {
        extra_args: check.args(&yaml::child(field, "extraArgs"), wire.extra_args),
        extra_volumes: check.volumes(&yaml::child(field, "extraVolumes"), wire.extra_volumes),
        extra_envs: check.envs(&yaml::child(field, "extraEnvs"), wire.extra_envs),
    }
}

fn api_server(wire: v1beta4::ApiServer, check: &mut Check<'_>) -> ApiServer {
    let cert_sans = lower_case(wire.cert_sans);
    check.sans("apiServer.certSANs", &cert_sans);
    let extras = v1beta4::ControlPlaneComponent {
        extra_args: wire.extra_args,
        extra_volumes: wire.extra_volumes,
        extra_envs: wire.extra_envs,
    };
    ApiServer { component: component("apiServer", extras, check), cert_sans }
}

fn lower_case(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| name.to_lowercase()).collect()
}

fn image(field: &str, repository: String, tag: String, check: &mut Check<'_>) -> ImageMeta {
    if !repository.is_empty() {
        check.image_repository(&yaml::child(field, "imageRepository"), &repository);
    }
    if !tag.is_empty() {
        check.image_tag(&yaml::child(field, "imageTag"), &tag);
    }
    let given = |text: String| (!text.is_empty()).then_some(text);
    ImageMeta { repository: given(repository), tag: given(tag) }
}

fn etcd(wire: v1beta4::Etcd, check: &mut Check<'_>) -> Option<Etcd> {
    match (wire.local, wire.external) {
        (Some(local), None) => Some(Etcd::Local(local_etcd(local, check))),
        (None, Some(external)) => Some(Etcd::External(external_etcd(external, check))),
        (Some(_), Some(_)) => {
            let error = ConfigError::field("etcd", "local and external exclude each other");
            check.error(error.hint("remove one of etcd.local and etcd.external"));
            None
        }
        (None, None) => {
            check.missing("etcd", "either local or external is required", "remove the field to have a local etcd");
            None
        }
    }
}

fn local_etcd(wire: v1beta4::LocalEtcd, check: &mut Check<'_>) -> LocalEtcd {
    check.sans("etcd.local.serverCertSANs", &wire.server_cert_sans);
    check.sans("etcd.local.peerCertSANs", &wire.peer_cert_sans);
    LocalEtcd {
        image: image("etcd.local", wire.image_repository, wire.image_tag, check),
        data_dir: check.absolute_path("etcd.local.dataDir", &wire.data_dir),
        extra_args: check.args("etcd.local.extraArgs", wire.extra_args),
        extra_envs: check.envs("etcd.local.extraEnvs", wire.extra_envs),
        server_cert_sans: wire.server_cert_sans,
        peer_cert_sans: wire.peer_cert_sans,
    }
}

fn external_etcd(wire: v1beta4::ExternalEtcd, check: &mut Check<'_>) -> ExternalEtcd {
    const FIELD: &str = "etcd.external";
    let (ca, cert, key) = (!wire.ca_file.is_empty(), !wire.cert_file.is_empty(), !wire.key_file.is_empty());
    if cert != key {
        let (missing, there) = if cert { ("keyFile", "certFile") } else { ("certFile", "keyFile") };
        let fix = format!("add {missing}, or remove {there}");
        check.missing(&yaml::child(FIELD, missing), "certFile and keyFile need each other", fix);
    } else if cert && !ca {
        let fix = "add the authority of the etcd cluster";
        check.missing(&yaml::child(FIELD, "caFile"), "certFile and keyFile need a caFile", fix);
    }
    if wire.endpoints.is_empty() {
        let error = ConfigError::field("etcd.external.endpoints", "at least one endpoint is needed");
        check.error(error.hint("for example https://10.0.0.1:2379"));
    }
    check.urls("etcd.external.endpoints", &wire.endpoints, ca || cert || key);
    if wire.http_endpoints != wire.endpoints {
        check.urls("etcd.external.httpEndpoints", &wire.http_endpoints, false);
    }
    let mut file = |name: &str, path: &str| -> Option<Utf8PathBuf> {
        (!path.is_empty()).then(|| check.absolute_path(&yaml::child(FIELD, name), path))
    };
    ExternalEtcd {
        ca_file: file("caFile", &wire.ca_file),
        cert_file: file("certFile", &wire.cert_file),
        key_file: file("keyFile", &wire.key_file),
        endpoints: wire.endpoints,
        http_endpoints: wire.http_endpoints,
    }
}
