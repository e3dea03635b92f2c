//! The names and addresses that a certificate is valid for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// DNS names, sorted and unique; IP addresses, unique and in the order given.
///
/// kubeadm sorts the one and keeps the order of the other, and the certificate shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SanSet {
    dns: Vec<String>,
    ips: Vec<IpAddr>,
}

/// What the names of the API server's certificate are made of.
#[derive(Clone, Copy, Debug)]
pub struct ApiserverNames<'a> {
    /// Name of the Node object.
    pub node_name: &'a str,
    /// `networking.dnsDomain`; may be empty.
    pub dns_domain: &'a str,
    /// First address of the first service network.
    pub service_address: IpAddr,
    /// The address that this API server tells others.
    pub advertise_address: IpAddr,
    /// Host part of `controlPlaneEndpoint`, a name or an address.
    pub endpoint_host: Option<&'a str>,
}

impl SanSet {
    /// Makes a set from names and addresses in any order.
    pub fn new<D>(dns: D, ips: impl IntoIterator<Item = IpAddr>) -> Self
    where
        D: IntoIterator,
        D::Item: Into<String>,
    {
        let mut set = Self::default();
        dns.into_iter().for_each(|name| set.add_dns(name.into()));
        ips.into_iter().for_each(|ip| set.add_ip(ip));
        set
    }

    /// The names of the API server's certificate, without the requested extra ones.
    pub fn apiserver(names: &ApiserverNames<'_>) -> Self {
        let mut set = Self::default();
        if !names.node_name.is_empty() {
            set.add_dns(names.node_name.to_owned());
        }
        for service in ["kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
            set.add_dns(service.to_owned());
        }
        if !names.dns_domain.is_empty() {
            set.add_dns(format!("kubernetes.default.svc.{}", names.dns_domain));
        }
        set.add_ip(names.service_address);
        set.add_ip(names.advertise_address);
        if let Some(host) = names.endpoint_host {
            set.add_host(host);
        }
        set
    }

    /// The names of etcd's server and peer certificates, without the requested extra ones.
    pub fn etcd(node_name: &str, advertise_address: IpAddr) -> Self {
        let names = [node_name, "localhost"];
        let ips = [advertise_address, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        Self::new(names.into_iter().filter(|name| !name.is_empty()), ips)
    }

    /// DNS names in byte order.
    pub fn dns(&self) -> &[String] {
        &self.dns
    }

    /// IP addresses in the order given.
    pub fn ips(&self) -> &[IpAddr] {
        &self.ips
    }

    /// True if there is neither a name nor an address.
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.ips.is_empty()
    }

    /// Adds a host as it is written: an address if it reads as one, else a DNS name.
    pub fn add_host(&mut self, host: &str) {
        match parse_ip(host) {
            Some(ip) => self.add_ip(ip),
            None => self.add_dns(host.to_owned()),
        }
    }

    /// Adds the user's own `certSANs` and returns those that are neither an address nor a DNS name.
    ///
    /// kubeadm lower-cases them and only warns about the invalid ones.
    pub fn add_requested<S: AsRef<str>>(&mut self, entries: &[S]) -> Vec<String> {
        let mut refused = Vec::new();
        for entry in entries {
            let entry = entry.as_ref().to_ascii_lowercase();
            if let Some(ip) = parse_ip(&entry) {
                self.add_ip(ip);
            } else if is_dns_name(entry.strip_prefix("*.").unwrap_or(&entry)) {
                self.add_dns(entry);
            } else {
                refused.push(entry);
            }
        }
        refused
    }

    fn add_dns(&mut self, name: String) {
        if let Err(place) = self.dns.binary_search(&name) {
            self.dns.insert(place, name);
        }
    }

    fn add_ip(&mut self, ip: IpAddr) {
        // Go prints and encodes an IPv4 address mapped into IPv6 as IPv4.
        let ip = ip.to_canonical();
        if !self.ips.contains(&ip) {
            self.ips.push(ip);
        }
    }

    /// Keeps a certificate's own order, which need not be kubeadm's.
    pub(crate) fn as_found(dns: Vec<String>, ips: Vec<IpAddr>) -> Self {
        Self { dns, ips }
    }

    /// The DNS name matching of Go's `VerifyHostname`, the pattern being the certificate's entry.
    pub(crate) fn accepts_dns(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.dns.iter().any(|pattern| matches_pattern(pattern, host))
    }

    pub(crate) fn accepts_ip(&self, ip: IpAddr) -> bool {
        self.ips.iter().any(|own| own.to_canonical() == ip.to_canonical())
    }
}

fn matches_pattern(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return !host.is_empty();
    }
    // A wildcard stands for exactly one leftmost label, and never for another wildcard.
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((label, rest))) => !label.is_empty() && label != "*" && parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

/// Reads an address the way Kubernetes does, which still allows `010.001.000.000`.
fn parse_ip(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| IpAddr::from(octets))
}

/// RFC 1123 subdomain in lower case.
fn is_dns_name(name: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            is_edge(bytes.first())
                && is_edge(bytes.last())
                && bytes.iter().all(|byte| is_edge(Some(byte)) || *byte == b'-')
        })
}

#[cfg(test)]
mod tests;
