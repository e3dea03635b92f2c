//! Addresses, subnets, names and endpoints as configurations write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One subnet, or one of each family; it keeps the text that it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnets {
    text: String,
    first: IpNet,
    second: Option<IpNet>,
}

impl Subnets {
    /// Returns the first subnet, whose family is the cluster's main one.
    pub fn first(&self) -> IpNet {
        self.first
    }

    /// Returns the subnets in their order.
    pub fn iter(&self) -> impl Iterator<Item = IpNet> + use<> {
        std::iter::once(self.first).chain(self.second)
    }

    /// Tells whether there is a subnet of each family.
    pub fn dual_stack(&self) -> bool {
        self.second.is_some()
    }

    /// Returns the text as the user wrote it, for flags and documents.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Subnets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is no list of subnets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubnetError {
    /// An entry is no CIDR.
    #[error("`{0}` is not a subnet")]
    Syntax(String),
    /// More than two entries.
    #[error("more than two subnets")]
    TooMany,
    /// Two entries of one family.
    #[error("two subnets must be one of IPv4 and one of IPv6")]
    SameFamily,
}

impl FromStr for Subnets {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let parse = |part: &str| parse_cidr(part).ok_or_else(|| SubnetError::Syntax(part.to_owned()));
        let mut parts = text.split(',');
        let first = parse(parts.next().unwrap_or_default())?;
        let second = parts.next().map(parse).transpose()?;
        if parts.next().is_some() {
            return Err(SubnetError::TooMany);
        }
        if second.is_some_and(|second| second.addr().is_ipv4() == first.addr().is_ipv4()) {
            return Err(SubnetError::SameFamily);
        }
        Ok(Self { text: text.to_owned(), first, second })
    }
}

/// Parses an address; IPv4 parts may have leading zeros, as Go's older parser let them (`010.0.0.1` is 10.0.0.1).
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        // Zones such as fe80::1%eth0 do not parse, as in Go; and ::ffff:192.0.2.1 is an IPv4 address there.
        return Some(ip.to_canonical());
    }
    let parts: Vec<&str> = text.split('.').collect();
    let [a, b, c, d] = parts.as_slice() else { return None };
    let part = |text: &str| {
        let plain = !text.is_empty() && text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u8>().ok()).flatten()
    };
    Some(Ipv4Addr::new(part(a)?, part(b)?, part(c)?, part(d)?).into())
}

/// Parses `address/bits`; leading zeros in the address are tolerated.
pub fn parse_cidr(text: &str) -> Option<IpNet> {
    let (address, bits) = text.split_once('/')?;
    let plain = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits = plain.then(|| bits.parse::<u8>().ok()).flatten()?;
    match address.parse().ok().or_else(|| parse_ip(address))? {
        IpAddr::V4(ip) => Ipv4Net::new(ip, bits).ok().map(|net| IpNet::V4(net.trunc())),
        IpAddr::V6(ip) => Ipv6Net::new(ip, bits).ok().map(|net| IpNet::V6(net.trunc())),
    }
}

/// Returns the address at an index of a subnet, if the subnet is that large.
pub fn nth_address(net: &IpNet, index: u128) -> Option<IpAddr> {
    let host_bits = u32::from(net.max_prefix_len() - net.prefix_len());
    if host_bits < 128 && index >= 1_u128 << host_bits {
        return None;
    }
    match net.network() {
        IpAddr::V4(ip) => Some(Ipv4Addr::from(u32::from(ip) + u32::try_from(index).ok()?).into()),
        IpAddr::V6(ip) => u128::from(ip).checked_add(index).map(|sum| Ipv6Addr::from(sum).into()),
    }
}

/// Tells whether an address is global unicast by Go's rules: neither unspecified, loopback, multicast, link-local
/// nor the IPv4 broadcast; private addresses are.
pub fn is_global_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || ip.is_link_local() || ip.is_broadcast())
        }
        IpAddr::V6(ip) => !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || ip.is_unicast_link_local()),
    }
}

/// Tells whether a name is an RFC 1123 subdomain: lower-case labels of letters, digits and inner dashes.
pub fn is_dns_subdomain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 253 && name.split('.').all(is_dns_part)
}

/// Tells whether a name is an RFC 1123 subdomain after `*.`.
pub fn is_wildcard_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.strip_prefix("*.").is_some_and(is_dns_subdomain)
}

/// Kubernetes limits the whole name only; a label may be longer than DNS's 63.
fn is_dns_part(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(|byte| alphanumeric(*byte))
        && bytes.last().is_some_and(|byte| alphanumeric(*byte))
        && bytes.iter().all(|byte| alphanumeric(*byte) || *byte == b'-')
}

/// A host (an address or a DNS name) and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// Joins a host, without brackets, and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Parses `host` or `host:port`; IPv6 with a port needs brackets. Without a port it gets `default_port`.
    ///
    /// # Errors
    /// Tells which half is wrong.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, HostPortError> {
        let (host, port) = split_host_port(text)?;
        if parse_ip(host).is_none() && !is_dns_subdomain(host) {
            return Err(HostPortError::Host(host.to_owned()));
        }
        let port = match port {
            // As in kubeadm, `host:` has no port.
            Some("") | None => default_port.ok_or(HostPortError::NoPort)?,
            Some(text) => {
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = if digits { text.parse::<u16>().ok() } else { None };
                number.filter(|port| *port > 0).ok_or_else(|| HostPortError::Port(text.to_owned()))?
            }
        };
        Ok(Self { host: host.to_owned(), port })
    }

    /// Returns the host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the host as an address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        parse_ip(&self.host)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns `https://host:port`.
    pub fn url(&self) -> String {
        format!("https://{self}")
    }
}

impl fmt::Display for HostPort {
    /// Writes `host:port`, with brackets around an IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The text is no host with a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPortError {
    /// Brackets or colons do not fit.
    #[error("not of the form host, host:port or [IPv6]:port")]
    Form,
    /// The host is neither an address nor a name.
    #[error("host `{0}` is neither an IP address nor a lower-case DNS name (RFC 1123)")]
    Host(String),
    /// The port is no number from 1 to 65535.
    #[error("port `{0}` is not a number between 1 and 65535")]
    Port(String),
    /// A port is needed.
    #[error("the port is missing")]
    NoPort,
}

fn split_host_port(text: &str) -> Result<(&str, Option<&str>), HostPortError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(HostPortError::Form)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(HostPortError::Form),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

#[cfg(test)]
mod tests;
