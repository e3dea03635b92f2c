//! Ours: what other nodes are told to connect to is seldom the wrong one, but if it is, nothing says so.

use async_trait::async_trait;
use kubewright_config::net::is_global_unicast;
use kubewright_config::{VersionFacts, default_address};

use crate::checks::{Check, Finding, Name, Subject, warnings};
use crate::network::network_facts;

/// The check `AdvertiseAddress`.
pub struct AdvertiseAddress;

#[async_trait]
impl Check for AdvertiseAddress {
    fn about(&self) -> &'static str {
        "Advertise an address of this machine, and say which of several"
    }

    fn why(&self) -> &'static str {
        "etcd listens at the advertised address, and cannot if the machine does not have it. Where there are several, the \
         one is told that was chosen, and why: nodes that cannot reach it fail to join much later."
    }

    fn fix(&self) -> &'static str {
        "choose another with --apiserver-advertise-address or localAPIEndpoint.advertiseAddress"
    }

    fn names(&self, _: &VersionFacts) -> Vec<Name> {
        warnings(["AdvertiseAddress"])
    }

    fn ours(&self) -> bool {
        true
    }

    fn rank(&self) -> u16 {
        350
    }

    async fn look(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let address = subject.init.local_api_endpoint.advertise_address;
        let interfaces = subject.probe.interfaces();
        let holder = interfaces.iter().find(|interface| interface.addresses.contains(&address));
        let Some(holder) = holder else {
            // With an external etcd the API server listens at every address, and ours may be one of a router before us.
            if subject.cluster.etcd.local().is_none() {
                return Vec::new();
            }
            let message =
                format!("no network interface has the advertised address {address}, at which etcd is to listen");
            return vec![Finding::warning("AdvertiseAddress", message, self.fix())];
        };
        let others: Vec<String> = interfaces
            .iter()
            .filter(|interface| interface.up && !interface.loopback)
            .flat_map(|interface| interface.addresses.iter().map(|other| (other, &interface.name)))
            .filter(|(other, _)| {
                is_global_unicast(**other) && other.is_ipv6() == address.is_ipv6() && **other != address
            })
            .map(|(other, name)| format!("{other} ({name})"))
            .collect();
        if !others.is_empty() {
            let why = match default_address(address.is_ipv6(), &network_facts(&**subject.probe)) == Some(address) {
                true => format!("the first of {}, which has the default route", holder.name),
                false => format!("of {}, as the configuration says", holder.name),
            };
            subject.report.note(
                "preflight",
                format!("Advertising {address}, {why}, and not {}; {}", others.join(", "), self.fix()),
            );
        }
        Vec::new()
    }
}
