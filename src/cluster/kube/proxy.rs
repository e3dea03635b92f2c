//! Which proxy a connection to the API server takes. The rules are client-go's: `proxy-url` of the kubeconfig, else
//! `HTTPS_PROXY` unless `NO_PROXY` names the server, and never a proxy to this machine itself.

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::is_this_machine;

/// The proxy settings of the environment.
pub(super) struct Proxies {
    https: String,
    no: String,
}

impl Proxies {
    /// Reads `HTTPS_PROXY` and `NO_PROXY`, or their lower-case forms.
    pub(super) fn from_environment() -> Self {
        let first = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        Self {
            https: first(["HTTPS_PROXY", "https_proxy"]).unwrap_or_default(),
            no: first(["NO_PROXY", "no_proxy"]).unwrap_or_default(),
        }
    }

    /// The proxy for a server; `document` is the kubeconfig's own `proxy-url`, which no environment overrules.
    pub(super) fn choose(&self, server: &Uri, document: Option<&str>) -> Result<Option<Intercept>, String> {
        let proxy = match document {
            Some(url) => Some(
                Matcher::builder()
                    .all(url.to_owned())
                    .build()
                    .intercept(server)
                    .ok_or("the kubeconfig's proxy-url is not a URL")?,
            ),
            None if server.host().is_some_and(is_this_machine) => None,
            None => self
                .exceptions(server)
                .and_then(|no| Matcher::builder().https(&*self.https).no(no).build().intercept(server)),
        };
        match proxy {
            Some(proxy) if proxy.uri().scheme_str() != Some("http") => Err(format!(
                "a proxy with the scheme `{}` is not supported, only `http`",
                proxy.uri().scheme_str().unwrap_or_default()
            )),
            proxy => Ok(proxy),
        }
    }

    /// `NO_PROXY` without what the matcher does not know: `*`, which leaves nothing to a proxy, and entries with a port.
    fn exceptions(&self, server: &Uri) -> Option<String> {
        let port = server.port_u16().unwrap_or(443).to_string();
        let mut entries = Vec::new();
        for entry in self.no.split(',').map(str::trim) {
            match entry.rsplit_once(':') {
                _ if entry == "*" => return None,
                // More than one colon without brackets is an IPv6 address, not a port.
                Some((host, of)) if !host.contains(':') || host.ends_with(']') => {
                    if of == port {
                        entries.push(host.trim_matches(['[', ']']));
                    }
                }
                _ => entries.push(entry),
            }
        }
        Some(entries.join(","))
    }
}

#[cfg(test)]
mod tests;
