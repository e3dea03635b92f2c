//! Connections to the API server through a proxy of the environment seldom end well.

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
        let address = subject.init.local_api_endpoint.advertise_address;
        // As kubeadm: a port is made up for IPv6, whose addresses would be no URL otherwise.
        let (url, port) = match address.is_ipv6() {
            true => (format!("https://[{address}]:1234"), 1234),
            false => (format!("https://{address}"), 443),
        };
        match Proxies::of(&subject.probe.environment()).for_address(address, port) {
            None => Vec::new(),
            Some(proxy) => vec![Finding::warning(
                "HTTPProxy",
                format!(
                    "Connection to \"{url}\" uses proxy \"{proxy}\". If that is not intended, adjust your proxy settings"
                ),
                format!("add {address} to NO_PROXY, or unset HTTPS_PROXY"),
            )],
        }
    }
}
