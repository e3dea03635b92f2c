//! Services and pods are never behind a proxy.

use async_trait::async_trait;
use kubewright_config::VersionFacts;
use kubewright_config::net::nth_address;

use crate::checks::{Check, Finding, Name, Subject, warnings};
use crate::proxies::Proxies;

/// The check `HTTPProxyCIDR`.
pub struct HttpProxyCidr;

#[async_trait]
impl Check for HttpProxyCidr {
    fn about(&self) -> &'static str {
        "Reach services and pods without a proxy"
    }

    fn why(&self) -> &'static str {
        "kube-apiserver inherits the proxy of the environment, and asks webhooks and aggregated APIs by their service's \
         address."
    }

    fn fix(&self) -> &'static str {
        "add the service and pod subnets to NO_PROXY"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["HTTPProxyCIDR"])
    }

    fn rank(&self) -> u16 {
        130
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let proxies = Proxies::of(&subject.probe.environment());
        let networking = &subject.cluster.networking;
        let subnets = networking.service_subnet.iter().chain(networking.pod_subnet.iter().flat_map(|pods| pods.iter()));
        let through = |subnet: ipnet::IpNet| {
            let proxy = proxies.for_address(nth_address(&subnet, 1)?, 1234)?;
            let message = format!(
                "connection to \"{subnet}\" uses proxy \"{proxy}\". This may lead to malfunctional cluster setup. Make sure \
                 that Pod and Services IP ranges specified correctly as exceptions in proxy configuration"
            );
            Some(Finding::warning("HTTPProxyCIDR", message, format!("add {subnet} to NO_PROXY")))
        };
        subnets.filter_map(through).collect()
    }
}
