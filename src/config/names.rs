//! The names that serving certificates carry, computed from the configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{ClusterConfiguration, InitConfiguration};
use crate::net;

/// Names of a serving certificate: DNS names sorted, addresses in their order, nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServingNames {
    /// DNS names, in byte order.
    pub dns: Vec<String>,
    /// Addresses, in the order in which kubeadm adds them.
    pub ips: Vec<IpAddr>,
}

impl ServingNames {
    /// Returns the names of kube-apiserver's certificate.
    pub fn api_server(init: &InitConfiguration, cluster: &ClusterConfiguration) -> Self {
        let domain = &cluster.networking.dns_domain;
        let mut names = Self::default();
        for name in [init.node_registration.name.as_str(), "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        {
            names.add_dns(name);
        }
        names.add_dns(&format!("kubernetes.default.svc.{domain}"));
        names.add_ip(cluster.api_service_ip());
        names.add_ip(init.local_api_endpoint.advertise_address);
        if let Some(endpoint) = &cluster.control_plane_endpoint {
            names.add(endpoint.host());
        }
        names.add_all(&cluster.api_server.cert_sans)
    }

    /// Returns the names of etcd's serving certificate.
    pub fn etcd_server(init: &InitConfiguration, cluster: &ClusterConfiguration) -> Self {
        let extra = cluster.etcd.local().map(|etcd| etcd.server_cert_sans.as_slice());
        Self::etcd(init).add_all(extra.unwrap_or_default())
    }

    /// Returns the names of etcd's peer certificate.
    pub fn etcd_peer(init: &InitConfiguration, cluster: &ClusterConfiguration) -> Self {
        let extra = cluster.etcd.local().map(|etcd| etcd.peer_cert_sans.as_slice());
        Self::etcd(init).add_all(extra.unwrap_or_default())
    }

    fn etcd(init: &InitConfiguration) -> Self {
        let mut names = Self::default();
        names.add_dns(&init.node_registration.name);
        names.add_dns("localhost");
        names.add_ip(init.local_api_endpoint.advertise_address);
        names.add_ip(Ipv4Addr::LOCALHOST.into());
        names.add_ip(Ipv6Addr::LOCALHOST.into());
        names
    }

    fn add_all(mut self, texts: &[String]) -> Self {
        for text in texts {
            self.add(text);
        }
        self
    }

    fn add(&mut self, text: &str) {
        match net::parse_ip(text) {
            Some(ip) => self.add_ip(ip),
            None => self.add_dns(text),
        }
    }

    fn add_dns(&mut self, name: &str) {
        if let Err(place) = self.dns.binary_search_by(|known| known.as_str().cmp(name)) {
            self.dns.insert(place, name.to_owned());
        }
    }

    fn add_ip(&mut self, ip: IpAddr) {
        if !self.ips.contains(&ip) {
            self.ips.push(ip);
        }
    }
}
