//! The static pod of kube-apiserver.

use askama::Template;
use kubewright_config::images::Image;
use kubewright_config::model::{Arg, Etcd};

use crate::mounts::Mounts;
use crate::probes::{Probes, Target, loopback};
use crate::static_pod::{self, Parts};
use crate::{ControlPlaneNode, ManifestError, StaticPod, args};

/// Makes the static pod of kube-apiserver.
///
/// # Errors
/// Only where the template is broken.
pub fn kube_apiserver(node: &ControlPlaneNode<'_>) -> Result<StaticPod, ManifestError> {
    let cluster = node.cluster;
    let extras = &cluster.api_server.component;
    let mounts = Mounts::default();
    let mounts = match &cluster.etcd {
        Etcd::Local(_) => mounts,
        Etcd::External(etcd) => {
            mounts.external_etcd(etcd, &cluster.certificates_dir, &node.facts.static_pod.ca_mount_candidates)
        }
    };
    let mounts = mounts.certificates(&cluster.certificates_dir, node.ca_directories);
    let target = Target::https(&node.endpoint.advertise_address.to_string(), node.endpoint.bind_port);
    let named_port = node.facts.static_pod.named_probe_port;
    let probes = Probes::new(&node.facts.api_server.probes, named_port, target, node.health_check);
    let pod = node.component(Image::KubeApiserver, defaults(node), extras, mounts, probes);
    static_pod::write("kube-apiserver", &Manifest { endpoint: node.endpoint.host_port().to_string(), pod })
}

fn defaults(node: &ControlPlaneNode<'_>) -> Vec<Arg> {
    let cluster = node.cluster;
    let user = &cluster.api_server.component.extra_args;
    let issuer = format!("https://kubernetes.default.svc.{}", cluster.networking.dns_domain);
    let mut defaults = vec![
        Arg::new("advertise-address", node.endpoint.advertise_address.to_string()),
        Arg::new("allow-privileged", "true"),
        Arg::new("client-ca-file", node.pki("ca.crt")),
        Arg::new("enable-admission-plugins", "NodeRestriction"),
        Arg::new("enable-bootstrap-token-auth", "true"),
        Arg::new("kubelet-client-certificate", node.pki("apiserver-kubelet-client.crt")),
        Arg::new("kubelet-client-key", node.pki("apiserver-kubelet-client.key")),
        Arg::new("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
        Arg::new("proxy-client-cert-file", node.pki("front-proxy-client.crt")),
        Arg::new("proxy-client-key-file", node.pki("front-proxy-client.key")),
        Arg::new("requestheader-allowed-names", "front-proxy-client"),
        Arg::new("requestheader-client-ca-file", node.pki("front-proxy-ca.crt")),
        Arg::new("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        Arg::new("requestheader-group-headers", "X-Remote-Group"),
        Arg::new("requestheader-username-headers", "X-Remote-User"),
        Arg::new("secure-port", node.endpoint.bind_port.to_string()),
        Arg::new("service-account-issuer", issuer),
        Arg::new("service-account-key-file", node.pki("sa.pub")),
        Arg::new("service-account-signing-key-file", node.pki("sa.key")),
        Arg::new("service-cluster-ip-range", cluster.networking.service_subnet.as_str()),
        Arg::new("tls-cert-file", node.pki("apiserver.crt")),
        Arg::new("tls-private-key-file", node.pki("apiserver.key")),
    ];
    // The two ways to authorize exclude each other: kube-apiserver refuses to start with both.
    if !(node.facts.api_server.authorization_config && args::has(user, "authorization-config")) {
        defaults.push(Arg::new("authorization-mode", "Node,RBAC"));
    }
    defaults.extend(etcd(node));
    defaults.extend(node.facts.api_server.args.iter().cloned());
    defaults.extend(node.dual_stack_args());
    defaults
}

fn etcd(node: &ControlPlaneNode<'_>) -> Vec<Arg> {
    match &node.cluster.etcd {
        Etcd::Local(etcd) => {
            let own = args::value(&etcd.extra_args, "advertise-client-urls").map(str::to_owned);
            let servers = own.unwrap_or_else(|| crate::etcd::client_url(loopback(node.endpoint.advertise_address)));
            vec![
                Arg::new("etcd-servers", servers),
                Arg::new("etcd-cafile", node.pki("etcd/ca.crt")),
                Arg::new("etcd-certfile", node.pki("apiserver-etcd-client.crt")),
                Arg::new("etcd-keyfile", node.pki("apiserver-etcd-client.key")),
            ]
        }
        Etcd::External(etcd) => {
            let mut args = vec![Arg::new("etcd-servers", etcd.endpoints.join(","))];
            args.extend(etcd.ca_file.iter().map(|path| Arg::new("etcd-cafile", path.as_str())));
            if let (Some(certificate), Some(key)) = (&etcd.cert_file, &etcd.key_file) {
                args.push(Arg::new("etcd-certfile", certificate.as_str()));
                args.push(Arg::new("etcd-keyfile", key.as_str()));
            }
            args
        }
    }
}

#[derive(Template)]
#[template(path = "static-pods/kube-apiserver.yaml")]
struct Manifest {
    endpoint: String,
    pod: Parts,
}
