//! ClusterConfiguration.

use crate::model::{
    Arg, ClusterConfiguration, ControlPlaneComponent, EnvVar, Etcd, ExternalEtcd, ExtraVolume, ImageMeta, LocalEtcd,
};
use crate::v1beta4;

/// Converts a ClusterConfiguration.
pub(crate) fn cluster(cluster: &ClusterConfiguration) -> v1beta4::ClusterConfiguration {
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

pub(super) fn arg(arg: &Arg) -> v1beta4::Arg {
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
    let value_from = env.value_from.clone().map(v1beta4::ValueSource);
    v1beta4::EnvVar { name: env.name.clone(), value: env.value.clone(), value_from }
}
