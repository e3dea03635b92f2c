//! The ClusterConfiguration (and ClusterStatus) that a cluster stores, in the API version of its Kubernetes version.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::facts::{ApiVersion, VersionFacts};
use crate::model::{
    ApiEndpoint, ClusterConfiguration, ControlPlaneComponent, EnvVar, Etcd, ExternalEtcd, ExtraVolume, LocalEtcd,
};
use crate::model::{Arg, ImageMeta};
use crate::v1beta3;
use crate::v1beta4;
use crate::wire::Wire;
use crate::yaml;

/// What v1beta3 and older store as the API server's timeout.
const TIMEOUT: Duration = Duration::from_secs(240);

/// Writes the key `ClusterConfiguration` of the ConfigMap `kubeadm-config`.
pub fn cluster_configuration_yaml(cluster: &ClusterConfiguration, facts: &VersionFacts) -> String {
    let value = match facts.api.write {
        ApiVersion::V1beta4 => current(cluster).write(),
        ApiVersion::V1beta3 => old(cluster, facts).write(),
        ApiVersion::V1beta2 | ApiVersion::V1beta1 => {
            let mut document = old(cluster, facts);
            document.dns.kind = "CoreDNS".to_owned();
            document.write()
        }
    };
    yaml::to_string(&typed(value, facts.api.write, "ClusterConfiguration"))
}

/// Writes the key `ClusterStatus` for the given API servers; `None` for versions that have no such key.
pub fn cluster_status_yaml(endpoints: &BTreeMap<String, ApiEndpoint>, facts: &VersionFacts) -> Option<String> {
    if !facts.api.cluster_status {
        return None;
    }
    let endpoint = |(node, endpoint): (&String, &ApiEndpoint)| {
        let address = endpoint.advertise_address.to_string();
        (node.clone(), v1beta4::ApiEndpoint { advertise_address: address, bind_port: endpoint.bind_port.into() })
    };
    let status = v1beta3::ClusterStatus { api_endpoints: endpoints.iter().map(endpoint).collect() };
    Some(yaml::to_string(&typed(status.write(), facts.api.write, "ClusterStatus")))
}

fn typed(mut value: Value, api: ApiVersion, kind: &str) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".to_owned(), api.group_version().into());
        map.insert("kind".to_owned(), kind.into());
    }
    value
}

/// Converts to the current API's type.
fn current(cluster: &ClusterConfiguration) -> v1beta4::ClusterConfiguration {
    let api_server = component(&cluster.api_server.component);
    v1beta4::ClusterConfiguration {
        etcd: match &cluster.etcd {
            Etcd::Local(etcd) => v1beta4::Etcd { local: Some(local_etcd(etcd)), external: None },
            Etcd::External(etcd) => v1beta4::Etcd { local: None, external: Some(external_etcd(etcd)) },
        },
        networking: v1beta4::Networking {
            service_subnet: cluster.networking.service_subnet.to_string(),
            pod_subnet: cluster.networking.pod_subnet.as_ref().map(ToString::to_string).unwrap_or_default(),
            dns_domain: cluster.networking.dns_domain.clone(),
        },
        kubernetes_version: match cluster.ci_build {
            true => format!("ci/{}", cluster.kubernetes_version),
            false => cluster.kubernetes_version.to_string(),
        },
        control_plane_endpoint: cluster.control_plane_endpoint.as_ref().map(ToString::to_string).unwrap_or_default(),
        api_server: v1beta4::ApiServer {
            extra_args: api_server.extra_args,
            extra_volumes: api_server.extra_volumes,
            extra_envs: api_server.extra_envs,
            cert_sans: cluster.api_server.cert_sans.clone(),
        },
        controller_manager: component(&cluster.controller_manager),
        scheduler: component(&cluster.scheduler),
        dns: v1beta4::Dns {
            image_repository: repository(&cluster.dns.image),
            image_tag: tag(&cluster.dns.image),
            disabled: cluster.dns.disabled,
        },
        proxy: v1beta4::Proxy { disabled: cluster.proxy.disabled },
        certificates_dir: cluster.certificates_dir.to_string(),
        image_repository: cluster.image_repository.clone(),
        feature_gates: cluster.feature_gates.clone(),
        cluster_name: cluster.cluster_name.clone(),
        encryption_algorithm: cluster.encryption_algorithm.as_str().to_owned(),
        certificate_validity_period: Some(cluster.certificate_validity_period),
        ca_certificate_validity_period: Some(cluster.ca_certificate_validity_period),
    }
}

/// Converts to the type of v1beta3 and v1beta2. What they have no field for is left out, as those versions would.
fn old(cluster: &ClusterConfiguration, facts: &VersionFacts) -> v1beta3::ClusterConfiguration {
    let new = current(cluster);
    let mut api_server_args = map(new.api_server.extra_args);
    if facts.api.stores_authorization_mode {
        api_server_args.entry("authorization-mode".to_owned()).or_insert_with(|| "Node,RBAC".to_owned());
    }
    let component = |component: v1beta4::ControlPlaneComponent| v1beta3::ControlPlaneComponent {
        extra_args: map(component.extra_args),
        extra_volumes: component.extra_volumes,
    };
    v1beta3::ClusterConfiguration {
        etcd: v1beta3::Etcd {
            local: new.etcd.local.map(|etcd| v1beta3::LocalEtcd {
                image_repository: etcd.image_repository,
                image_tag: etcd.image_tag,
                data_dir: etcd.data_dir,
                extra_args: map(etcd.extra_args),
                server_cert_sans: etcd.server_cert_sans,
                peer_cert_sans: etcd.peer_cert_sans,
            }),
            external: new.etcd.external.map(|etcd| v1beta3::ExternalEtcd {
                endpoints: etcd.endpoints,
                ca_file: etcd.ca_file,
                cert_file: etcd.cert_file,
                key_file: etcd.key_file,
            }),
        },
        networking: new.networking,
        kubernetes_version: new.kubernetes_version,
        control_plane_endpoint: new.control_plane_endpoint,
        api_server: v1beta3::ApiServer {
            extra_args: api_server_args,
            extra_volumes: new.api_server.extra_volumes,
            cert_sans: new.api_server.cert_sans,
            timeout_for_control_plane: Some(TIMEOUT),
        },
        controller_manager: component(new.controller_manager),
        scheduler: component(new.scheduler),
        dns: v1beta3::Dns {
            kind: String::new(),
            image_repository: new.dns.image_repository,
            image_tag: new.dns.image_tag,
        },
        certificates_dir: new.certificates_dir,
        image_repository: new.image_repository,
        use_hyper_kube_image: false,
        feature_gates: new.feature_gates,
        cluster_name: new.cluster_name,
    }
}

fn component(component: &ControlPlaneComponent) -> v1beta4::ControlPlaneComponent {
    v1beta4::ControlPlaneComponent {
        extra_args: component.extra_args.iter().map(arg).collect(),
        extra_volumes: component.extra_volumes.iter().map(volume).collect(),
        extra_envs: component.extra_envs.iter().map(env).collect(),
    }
}

fn local_etcd(etcd: &LocalEtcd) -> v1beta4::LocalEtcd {
    v1beta4::LocalEtcd {
        image_repository: repository(&etcd.image),
        image_tag: tag(&etcd.image),
        data_dir: etcd.data_dir.to_string(),
        extra_args: etcd.extra_args.iter().map(arg).collect(),
        extra_envs: etcd.extra_envs.iter().map(env).collect(),
        server_cert_sans: etcd.server_cert_sans.clone(),
        peer_cert_sans: etcd.peer_cert_sans.clone(),
    }
}

fn external_etcd(etcd: &ExternalEtcd) -> v1beta4::ExternalEtcd {
    let path = |path: &Option<camino::Utf8PathBuf>| path.as_ref().map(ToString::to_string).unwrap_or_default();
    v1beta4::ExternalEtcd {
        endpoints: etcd.endpoints.clone(),
        http_endpoints: etcd.http_endpoints.clone(),
        ca_file: path(&etcd.ca_file),
        cert_file: path(&etcd.cert_file),
        key_file: path(&etcd.key_file),
    }
}

fn repository(image: &ImageMeta) -> String {
    image.repository.clone().unwrap_or_default()
}

fn tag(image: &ImageMeta) -> String {
    image.tag.clone().unwrap_or_default()
}

fn arg(arg: &Arg) -> v1beta4::Arg {
    v1beta4::Arg { name: arg.name.clone(), value: arg.value.clone() }
}

fn volume(volume: &ExtraVolume) -> v1beta4::HostPathMount {
    v1beta4::HostPathMount {
        name: volume.name.clone(),
        host_path: volume.host_path.clone(),
        mount_path: volume.mount_path.clone(),
        read_only: volume.read_only,
        path_type: volume.path_type.clone(),
    }
}

fn env(env: &EnvVar) -> v1beta4::EnvVar {
    v1beta4::EnvVar { name: env.name.clone(), value: env.value.clone(), value_from: env.value_from.clone() }
}

fn map(args: Vec<v1beta4::Arg>) -> v1beta3::Args {
    args.into_iter().map(|arg| (arg.name, arg.value)).collect()
}

#[cfg(test)]
mod tests;
