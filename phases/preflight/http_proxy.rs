//! Connections to the API server through a proxy of the environment seldom end well.

use std::net::IpAddr;

use async_trait::async_trait;
use kubewright_config::VersionFacts;

use crate::checks::{Check, Finding, Name, Subject, warnings};
use crate::proxies::Proxies;

/// The check `HTTPProxy`.
pub struct HttpProxy;

#[async_trait]
impl Check for HttpProxy {
    fn about(&self) -> &'static str {
        "Reach the API server without a proxy"
    }

    fn why(&self) -> &'static str {
        "Components inherit the proxy of the environment. A proxy outside cannot reach the node, and the wait for the API \
         server then ends in vain."
    }

    fn fix(&self) -> &'static str {
        "add the advertise address to NO_PROXY, or unset HTTPS_PROXY"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["HTTPProxy"])
    }

    fn rank(&self) -> u16 {
        120
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let address = subject.init.local_api_endpoint.advertise_address.to_string();
        on_the_way_to(&address, &subject.probe.environment()).into_iter().collect()
    }
}

/// Warns of a proxy between us and an API server, which is given by its address or its name.
pub fn on_the_way_to(host: &str, environment: &[(String, String)]) -> Option<Finding> {
    let proxies = Proxies::of(environment);
    let (url, proxy) = match host.parse::<IpAddr>() {
        // As kubeadm: a port is made up for IPv6, whose addresses would be no URL otherwise.
        Ok(address) if address.is_ipv6() => (format!("https://[{address}]:1234"), proxies.for_address(address, 1234)),
        Ok(address) => (format!("https://{address}"), proxies.for_address(address, 443)),
        Err(_) => (format!("https://{host}"), proxies.for_name(host, 443)),
    };
    proxy.map(|proxy| {
        Finding::warning(
            "HTTPProxy",
            format!(
                "Connection to \"{url}\" uses proxy \"{proxy}\". If that is not intended, adjust your proxy settings"
            ),
            format!("add {host} to NO_PROXY, or unset HTTPS_PROXY"),
        )
    })
}
