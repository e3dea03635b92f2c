//! Subnets and the DNS domain: their form, their sizes, and whether they fit together.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Check;
use crate::model::Networking;
use crate::net::{SubnetError, Subnets};
use crate::v1beta4;

/// A service subnet holds the API server's and the DNS service's addresses.
const MIN_SERVICE_ADDRESSES: u128 = 10;
/// A pod subnet that is any smaller is of no use.
const MIN_POD_ADDRESSES: u128 = 14;
/// The API server keeps a bitmap of all service addresses in one etcd object.
const MAX_SERVICE_HOST_BITS: u8 = 20;
/// kube-controller-manager's limit between the pods' mask and a node's.
const MAX_NODE_MASK_DIFFERENCE: u8 = 16;

const SERVICES: &str = "networking.serviceSubnet";
const PODS: &str = "networking.podSubnet";

impl Check<'_> {
    /// Checks subnets and the DNS domain.
    pub fn networking(
        &mut self,
        networking: &v1beta4::Networking,
        controller_args: &[v1beta4::Arg],
    ) -> Option<Networking> {
        self.dns_subdomain("networking.dnsDomain", &networking.dns_domain);
        let services = self.subnets(SERVICES, &networking.service_subnet, "10.96.0.0/12");
        if let Some(services) = &services {
            self.subnet_sizes(SERVICES, services, MIN_SERVICE_ADDRESSES);
            for subnet in services.iter() {
                let least = subnet.max_prefix_len() - MAX_SERVICE_HOST_BITS;
                if subnet.prefix_len() < least {
                    let reason = format!("the subnet is too large; its mask must be at least /{least}");
                    self.invalid(SERVICES, subnet, reason, format!("write {}/{least}", subnet.network()));
                }
            }
        }
        let pods = match networking.pod_subnet.as_str() {
            "" => None,
            text => self.subnets(PODS, text, "10.244.0.0/16"),
        };
        if let Some(pods) = &pods {
            self.subnet_sizes(PODS, pods, MIN_POD_ADDRESSES);
            let last =
                |name: &str| controller_args.iter().rev().find(|arg| arg.name == name).map(|arg| arg.value.as_str());
            if last("allocate-node-cidrs") != Some("false") {
                for subnet in pods.iter() {
                    let (flag, default) = match subnet.addr().is_ipv4() {
                        true => ("node-cidr-mask-size-ipv4", 24),
                        false => ("node-cidr-mask-size-ipv6", 64),
                    };
                    self.node_mask(subnet, last(flag), flag, default);
                }
            }
        }
        if let (Some(services), Some(pods)) = (&services, &pods) {
            self.apart(services, pods);
        }
        Some(Networking {
            service_subnet: services?,
            pod_subnet: if networking.pod_subnet.is_empty() { None } else { Some(pods?) },
            dns_domain: networking.dns_domain.clone(),
        })
    }

    /// Parses one subnet, or one of each family.
    fn subnets(&mut self, field: &str, text: &str, example: &str) -> Option<Subnets> {
        let fix = |error: &SubnetError| match error {
            SubnetError::Syntax(_) if text.contains(char::is_whitespace) => "leave out the spaces".to_owned(),
            SubnetError::Syntax(part) if part.parse::<IpAddr>().is_ok() => format!("add its mask, as in {example}"),
            SubnetError::Syntax(_) => format!("for example {example}, or {example},fd00:10::/112 for both families"),
            SubnetError::TooMany | SubnetError::SameFamily => "keep one of IPv4 and one of IPv6".to_owned(),
        };
        text.parse().map_err(|error| self.invalid(field, text, format!("{error}"), fix(&error))).ok()
    }

    fn node_mask(&mut self, subnet: IpNet, given: Option<&str>, flag: &str, default: u8) {
        let argument = format!("kube-controller-manager's argument {flag}");
        let mask = match given.filter(|text| !text.is_empty()).map(str::parse::<u8>) {
            None => default,
            Some(Ok(mask)) if mask <= subnet.max_prefix_len() => mask,
            Some(_) => {
                let reason = format!("{argument} is no mask for this subnet");
                let fix = format!("set it to a number of bits such as {default}, or leave it out");
                return self.invalid(PODS, given.unwrap_or_default(), reason, fix);
            }
        };
        let pods = subnet.prefix_len();
        if pods > mask {
            let reason = format!("the subnet (/{pods}) is smaller than that of one node (/{mask})");
            let fix = format!("choose a mask of at most /{mask}, or set {argument} to {pods} or more");
            self.invalid(PODS, subnet, reason, fix);
        } else if mask - pods > MAX_NODE_MASK_DIFFERENCE {
            let reason = format!(
                "the subnet (/{pods}) and that of one node (/{mask}) differ by more than {MAX_NODE_MASK_DIFFERENCE} bits"
            );
            let least = mask - MAX_NODE_MASK_DIFFERENCE;
            let fix = format!("choose a mask of at least /{least}, or set {argument}");
            self.invalid(PODS, subnet, reason, fix);
        }
    }

    fn subnet_sizes(&mut self, field: &str, subnets: &Subnets, least: u128) {
        for subnet in subnets.iter() {
            let bits = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
            let size = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
            if size < least {
                let mask = subnet.max_prefix_len() - u8::try_from(least.next_power_of_two().ilog2()).unwrap_or(4);
                let reason = format!("the subnet has {size} address(es); {least} are needed at least");
                self.invalid(field, subnet, reason, format!("choose a mask of at most /{mask}"));
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

    /// Warns of an address that is a service's and a pod's at once.
    fn apart(&mut self, services: &Subnets, pods: &Subnets) {
        for service in services.iter() {
            let overlap = |pod: &IpNet| pod.contains(&service) || service.contains(pod);
            if let Some(pod) = pods.iter().find(overlap) {
                self.warn(PODS, format!("{pod} overlaps the service subnet {service}; some pods will not be reached"));
            }
        }
    }
}
