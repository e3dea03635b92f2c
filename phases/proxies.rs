//! Which proxy of the environment a program written in Go takes for an address: the rules of `httpproxy` in Go's
//! standard library and of `NewProxierWithNoProxyCIDR` in Kubernetes.

use std::net::IpAddr;

use ipnet::IpNet;

/// The proxy settings of an environment.
pub struct Proxies {
    https: String,
    exceptions: Vec<String>,
}

impl Proxies {
    /// Reads `HTTPS_PROXY` and `NO_PROXY`, or their lower-case forms.
    pub fn of(environment: &[(String, String)]) -> Self {
        let value = |name: &str| environment.iter().find(|(known, value)| known == name && !value.is_empty());
        let first =
            |names: [&str; 2]| names.iter().find_map(|name| value(name)).map_or("", |(_, value)| value.as_str());
        let exceptions = first(["NO_PROXY", "no_proxy"]).split(',').map(|entry| entry.trim().to_lowercase());
        Self {
            https: first(["HTTPS_PROXY", "https_proxy"]).to_owned(),
            exceptions: exceptions.filter(|entry| !entry.is_empty()).collect(),
        }
    }

    /// The proxy for an HTTPS connection to a host by its name; names are not looked up.
    pub fn for_name(&self, name: &str, port: u16) -> Option<String> {
        let name = name.to_lowercase();
        if self.https.is_empty() || name == "localhost" {
            return None;
        }
        let excepted = self.exceptions.iter().any(|entry| covers_name(entry, &name, port));
        (!excepted).then(|| without_user(&self.https))
    }

    /// The proxy for an HTTPS connection to an address, without the user and password that it may have.
    pub fn for_address(&self, address: IpAddr, port: u16) -> Option<String> {
        if self.https.is_empty() || address.is_loopback() {
            return None;
        }
        let excepted = self.exceptions.iter().any(|entry| covers(entry, address, port));
        (!excepted).then(|| without_user(&self.https))
    }
}

/// Whether an entry of `NO_PROXY` names the address: `*`, a subnet, the address with or without a port, or the end of
/// it, since Go compares names by their ends and an address is a name there, too.
fn covers(entry: &str, address: IpAddr, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(subnet) = entry.parse::<IpNet>() {
        return subnet.contains(&address);
    }
    if let Ok(one) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return one == address;
    }
    let (host, of) = match entry.rsplit_once(':') {
        Some((host, of)) => (host.trim_matches(['[', ']']), Some(of)),
        None => (entry, None),
    };
    if of.is_some_and(|of| of != port.to_string()) {
        return false;
    }
    let end = host.strip_prefix('*').unwrap_or(host);
    host.parse() == Ok(address) || (end.starts_with('.') && address.to_string().ends_with(end))
}

/// Whether an entry of `NO_PROXY` names the host: `*`, its name or that of a domain which it is in, with or without a
/// port. Behind `.` or `*.` only names in the domain count.
fn covers_name(entry: &str, name: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (domain, of) = match entry.rsplit_once(':') {
        Some((domain, of)) => (domain, Some(of)),
        None => (entry, None),
    };
    if of.is_some_and(|of| of != port.to_string()) || domain.is_empty() {
        return false;
    }
    let domain = domain.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(domain);
    match domain.starts_with('.') {
        true => name.ends_with(domain),
        false => name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// Passwords of proxies are secrets.
fn without_user(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests;
