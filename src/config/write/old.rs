//! Documents of v1beta4 as those of v1beta3, from which v1beta2's follow. What the old version has no field for is left
//! out, as that version's kubeadm would not know it.

use crate::defaults::OLD_API_SERVER_TIMEOUT;
use crate::{v1beta3, v1beta4};

/// Converts a ClusterConfiguration. The timeout of the control plane is the default: only one node's run knows another.
pub(crate) fn cluster(new: v1beta4::ClusterConfiguration) -> v1beta3::ClusterConfiguration {
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
            extra_args: map(new.api_server.extra_args),
            extra_volumes: new.api_server.extra_volumes,
            cert_sans: new.api_server.cert_sans,
            timeout_for_control_plane: Some(OLD_API_SERVER_TIMEOUT),
        },
        controller_manager: component(new.controller_manager),
        scheduler: component(new.scheduler),
        dns: v1beta3::Dns { image_repository: new.dns.image_repository, image_tag: new.dns.image_tag },
        certificates_dir: new.certificates_dir,
        image_repository: new.image_repository,
        feature_gates: new.feature_gates,
        cluster_name: new.cluster_name,
    }
}

/// Converts an InitConfiguration.
pub(crate) fn init(new: v1beta4::InitConfiguration) -> v1beta3::InitConfiguration {
    v1beta3::InitConfiguration {
        bootstrap_tokens: new.bootstrap_tokens,
        node_registration: node_registration(new.node_registration),
        local_api_endpoint: new.local_api_endpoint,
        certificate_key: new.certificate_key,
        skip_phases: new.skip_phases,
        patches: new.patches,
    }
}

/// Converts a JoinConfiguration.
pub(crate) fn join(new: v1beta4::JoinConfiguration) -> v1beta3::JoinConfiguration {
    v1beta3::JoinConfiguration {
        node_registration: node_registration(new.node_registration),
        ca_cert_path: new.ca_cert_path,
        discovery: v1beta3::Discovery {
            bootstrap_token: new.discovery.bootstrap_token,
            file: new.discovery.file,
            tls_bootstrap_token: new.discovery.tls_bootstrap_token,
            timeout: new.timeouts.and_then(|timeouts| timeouts.discovery),
        },
        control_plane: new.control_plane,
        skip_phases: new.skip_phases,
        patches: new.patches,
    }
}

fn node_registration(new: v1beta4::NodeRegistrationOptions) -> v1beta3::NodeRegistrationOptions {
    v1beta3::NodeRegistrationOptions {
        name: new.name,
        cri_socket: new.cri_socket,
        taints: new.taints,
        kubelet_extra_args: map(new.kubelet_extra_args),
        ignore_preflight_errors: new.ignore_preflight_errors,
        image_pull_policy: new.image_pull_policy,
    }
}

/// A map cannot hold a flag twice; the last value counts, as for the component.
fn map(args: Vec<v1beta4::Arg>) -> v1beta3::Args {
    args.into_iter().map(|arg| (arg.name, arg.value)).collect()
}
