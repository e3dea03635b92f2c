//! The rules that values must follow, one function each: text in, typed value out or an error noted.

use std::net::IpAddr;

use camino::Utf8PathBuf;

use crate::error::{ConfigError, Warning};
use crate::model::{Arg, EnvVar, Networking};
use crate::net::{self, HostPort, Subnets};
use crate::v1beta4;
use crate::yaml::{self, Document};

/// A service subnet holds the API server's and the DNS service's addresses.
const MIN_SERVICE_ADDRESSES: u128 = 10;
/// A pod subnet that is any smaller is of no use.
const MIN_POD_ADDRESSES: u128 = 14;
/// The API server keeps a bitmap of all service addresses in one etcd object.
const MAX_SERVICE_HOST_BITS: u8 = 20;
/// kube-controller-manager's limit between the pods' mask and a node's.
const MAX_NODE_MASK_DIFFERENCE: u8 = 16;

/// Collects faults and warnings of one document.
#[derive(Default)]
pub(crate) struct Check<'a> {
    /// Where lines are looked up; `None` for settings that came from flags.
    pub document: Option<&'a Document>,
    /// Faults found so far.
    pub errors: Vec<ConfigError>,
    /// Warnings so far.
    pub warnings: Vec<Warning>,
}

impl<'a> Check<'a> {
    pub fn new(document: Option<&'a Document>) -> Self {
        Self { document, ..Self::default() }
    }

    /// Notes a fault with its line.
    pub fn error(&mut self, error: ConfigError) {
        let line = self.document.map(|document| document.line(&error.field));
        self.errors.push(error.at(line));
    }

    /// Notes a fault of a value.
    pub fn invalid(&mut self, field: &str, value: impl std::fmt::Display, reason: impl Into<String>) {
        self.error(ConfigError::invalid(field, value, reason));
    }

    /// Notes a warning with its line.
    pub fn warn(&mut self, field: &str, message: impl Into<String>) {
        let line = self.document.map(|document| document.line(field));
        self.warnings.push(Warning { field: field.to_owned(), line, message: message.into() });
    }

    /// Takes a result's value, or notes its error and takes `fallback`.
    pub fn or<T>(&mut self, result: Result<T, ConfigError>, fallback: T) -> T {
        result.unwrap_or_else(|error| {
            self.error(error);
            fallback
        })
    }

    /// Parses text that has a `FromStr`.
    pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.invalid(field, text, error.to_string());
                None
            }
        }
    }

    /// Checks that a path is absolute.
    pub fn absolute_path(&mut self, field: &str, path: &str) -> Utf8PathBuf {
        if !path.starts_with('/') {
            self.invalid(field, path, "the path is not absolute");
        }
        path.into()
    }

    /// Checks that a name is an RFC 1123 subdomain.
    pub fn dns_subdomain(&mut self, field: &str, name: &str) {
        if !net::is_dns_subdomain(name) {
            let reason = "not a lower-case RFC 1123 subdomain: letters, digits, `-` and `.`, each part beginning and ending with a letter or digit, 253 characters at most";
            self.invalid(field, name, reason);
        }
    }

    /// Checks names of certificates: addresses, DNS names or wildcards.
    pub fn sans(&mut self, field: &str, names: &[String]) {
        for (index, name) in names.iter().enumerate() {
            let fits =
                net::is_dns_subdomain(name) || net::is_wildcard_dns_subdomain(name) || net::parse_ip(name).is_some();
            if !fits {
                self.invalid(
                    &yaml::item(field, index),
                    name,
                    "neither an IP address nor a lower-case DNS name, with or without `*.`",
                );
            }
        }
    }

    /// Checks that every flag has a name.
    pub fn args(&mut self, field: &str, args: Vec<v1beta4::Arg>) -> Vec<Arg> {
        for (index, arg) in args.iter().enumerate() {
            let path = yaml::item(field, index);
            if arg.name.is_empty() {
                self.error(ConfigError::field(path, "the argument has no name"));
            } else if arg.name.starts_with('-') {
                let hint = format!("write `{}`", arg.name.trim_start_matches('-'));
                let error = ConfigError::invalid(path, &arg.name, "the name of an argument has no leading dashes");
                self.error(error.hint(hint));
            }
        }
        args.into_iter().map(|arg| Arg { name: arg.name, value: arg.value }).collect()
    }

    /// Checks environment variables and fills in the version of their field references.
    pub fn envs(&mut self, field: &str, envs: Vec<v1beta4::EnvVar>) -> Vec<EnvVar> {
        let take = |(index, env): (usize, v1beta4::EnvVar)| {
            if env.name.is_empty() {
                self.error(ConfigError::field(yaml::item(field, index), "the variable has no name"));
            }
            let mut value_from = env.value_from;
            if let Some(reference) = value_from.as_mut().and_then(|from| from.get_mut("fieldRef")?.as_object_mut()) {
                reference.entry("apiVersion").or_insert_with(|| "v1".into());
            }
            EnvVar { name: env.name, value: env.value, value_from }
        };
        envs.into_iter().enumerate().map(take).collect()
    }

    /// Checks the form of a registry with its path.
    pub fn image_repository(&mut self, field: &str, repository: &str) {
        if !is_image_repository(repository) {
            self.invalid(field, repository, "not a registry such as registry.k8s.io or example.com:5000/path");
        }
    }

    /// Parses `host[:port]`; an empty text is no endpoint.
    pub fn endpoint(&mut self, field: &str, text: &str, default_port: u16) -> Option<HostPort> {
        if text.is_empty() {
            return None;
        }
        let parsed = HostPort::parse(text, Some(default_port));
        parsed.map_err(|error| self.invalid(field, text, error.to_string())).ok()
    }

    /// Checks a port.
    pub fn port(&mut self, field: &str, port: i32) -> u16 {
        match u16::try_from(port) {
            Ok(port) if port > 0 => port,
            _ => {
                self.invalid(field, port, "not a port between 1 and 65535");
                0
            }
        }
    }

    /// Checks URLs of an external etcd.
    pub fn urls(&mut self, field: &str, urls: &[String], https: bool) {
        for (index, url) in urls.iter().enumerate() {
            let path = yaml::item(field, index);
            let scheme = url.split_once("://").filter(|(_, rest)| !rest.is_empty()).map(|(scheme, _)| scheme);
            match scheme {
                None | Some("") => {
                    self.invalid(&path, url, "a URL with a scheme is expected, such as https://10.0.0.1:2379")
                }
                Some("https") => {}
                Some(_) if https => self.invalid(&path, url, "the URL must use https, since certificates are set"),
                Some(_) => {}
            }
        }
    }

    /// Checks subnets and the DNS domain.
    pub fn networking(
        &mut self,
        networking: &v1beta4::Networking,
        controller_args: &[v1beta4::Arg],
    ) -> Option<Networking> {
        self.dns_subdomain("networking.dnsDomain", &networking.dns_domain);
        let services = self.parse::<Subnets>("networking.serviceSubnet", &networking.service_subnet);
        if let Some(services) = &services {
            self.subnet_sizes("networking.serviceSubnet", services, MIN_SERVICE_ADDRESSES);
            for subnet in services.iter() {
                if subnet.max_prefix_len() - subnet.prefix_len() > MAX_SERVICE_HOST_BITS {
                    let least = subnet.max_prefix_len() - MAX_SERVICE_HOST_BITS;
                    self.invalid(
                        "networking.serviceSubnet",
                        subnet,
                        format!("the subnet is too large; its mask must be at least /{least}"),
                    );
                }
            }
        }
        let field = "networking.podSubnet";
        let pods = match networking.pod_subnet.as_str() {
            "" => None,
            text => self.parse::<Subnets>(field, text),
        };
        if let Some(pods) = &pods {
            self.subnet_sizes(field, pods, MIN_POD_ADDRESSES);
            let last =
                |name: &str| controller_args.iter().rev().find(|arg| arg.name == name).map(|arg| arg.value.as_str());
            if last("allocate-node-cidrs") != Some("false") {
                for subnet in pods.iter() {
                    let (flag, default) = match subnet.addr().is_ipv4() {
                        true => ("node-cidr-mask-size-ipv4", 24),
                        false => ("node-cidr-mask-size-ipv6", 64),
                    };
                    self.node_mask(field, subnet, last(flag), flag, default);
                }
            }
        }
        Some(Networking { service_subnet: services?, pod_subnet: pods, dns_domain: networking.dns_domain.clone() })
    }

    fn node_mask(&mut self, field: &str, subnet: ipnet::IpNet, given: Option<&str>, flag: &str, default: u8) {
        let mask = match given.filter(|text| !text.is_empty()).map(str::parse::<u8>) {
            None => default,
            Some(Ok(mask)) => mask,
            Some(Err(_)) => {
                let reason = format!("kube-controller-manager's argument {flag} is not a mask");
                return self.invalid(field, given.unwrap_or_default(), reason);
            }
        };
        let pods = subnet.prefix_len();
        if pods > mask {
            self.invalid(field, subnet, format!("the subnet (/{pods}) is smaller than that of one node (/{mask})"));
        } else if mask - pods > MAX_NODE_MASK_DIFFERENCE {
            let reason = format!(
                "the subnet (/{pods}) and that of one node (/{mask}) differ by more than {MAX_NODE_MASK_DIFFERENCE} bits"
            );
            let hint = format!("choose a smaller subnet, or set kube-controller-manager's argument {flag}");
            self.error(ConfigError::invalid(field, subnet, reason).hint(hint));
        }
    }

    fn subnet_sizes(&mut self, field: &str, subnets: &Subnets, least: u128) {
        for subnet in subnets.iter() {
            let bits = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
            let size = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
            if size < least {
                self.invalid(field, subnet, format!("the subnet has {size} address(es); {least} are needed at least"));
            }
            let site_local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfec0);
            if site_local(subnet.network()) || site_local(subnet.broadcast()) {
                self.warn(
                    field,
                    format!("{subnet} holds IPv6 site-local addresses (fec0::/10), which RFC 3879 deprecates"),
                );
            }
        }
    }
}

/// Tells whether `<repository>/name:tag` is a reference by the grammar of container registries.
fn is_image_repository(repository: &str) -> bool {
    let (domain, path) = match repository.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (repository, None),
    };
    // Without a slash it may be a host or a path; with one, the part before it is a host only if it cannot be a path.
    let host = is_domain(domain);
    let first = host || is_path_part(domain);
    first && path.is_none_or(|path| path.split('/').all(is_path_part))
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let part = |part: &str| {
        let inner = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !part.is_empty() && inner && !part.starts_with('-') && !part.ends_with('-')
    };
    let ipv6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = match ipv6 {
        Some(ip) => !ip.is_empty() && ip.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'),
        None => host.split('.').all(part),
    };
    name && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case words joined by one `.`, one or two `_`, or any number of `-`.
fn is_path_part(text: &str) -> bool {
    let mut rest = text;
    loop {
        let word = rest.bytes().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = rest.bytes().take_while(|byte| b"._-".contains(byte)).count();
        let joined = &rest[..separator];
        let fits = matches!(joined, "." | "_" | "__") || (separator > 0 && joined.bytes().all(|byte| byte == b'-'));
        if !fits {
            return false;
        }
        rest = &rest[separator..];
    }
}

#[cfg(test)]
mod tests;
