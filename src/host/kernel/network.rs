//! What kube-proxy, the kubelet and network plugins leave in the kernel, found and taken away with the tools that made it:
//! iptables, nftables, IPVS, ipset, ip. What is not named as Kubernetes's is not touched.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use camino::Utf8PathBuf;
use kubewright_node::{NetworkTrace, NetworkTraces};
use serde_json::Value as Json;

use crate::command::{self, Ended};

/// The interface that holds the addresses of all Services where kube-proxy runs in mode `ipvs`.
const IPVS_INTERFACE: &str = "kube-ipvs0";
/// The tables of nftables that kube-proxy makes.
const NFT_TABLES: [&str; 2] = ["ip kube-proxy", "ip6 kube-proxy"];
/// How long one tool may take; iptables waits for its lock in it.
const LIMIT: Duration = Duration::from_secs(30);

/// The most that is read of what a tool prints, in bytes: the rules of ten thousand Services have about 20 million.
const LARGEST: usize = 64 << 20;

/// Where the tools are.
pub(super) struct Tools {
    path: std::ffi::OsString,
}

impl Tools {
    /// Looks for them in PATH, and where root's programs are.
    pub(super) fn find() -> Self {
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(":/usr/sbin:/sbin");
        Self { path }
    }

    fn tool(&self, name: &str) -> Option<Utf8PathBuf> {
        command::find(name, &self.path)
    }

    /// Runs a tool; `None` where it is not there.
    async fn run(&self, name: &str, arguments: &[&str]) -> Option<io::Result<Ended>> {
        let tool = self.tool(name)?;
        Some(command::run_reading(&tool, arguments, LIMIT, LARGEST).await)
    }

    /// What a tool prints; `None` where it is not there, or says no.
    async fn says(&self, name: &str, arguments: &[&str]) -> Option<String> {
        let ended = self.run(name, arguments).await?.ok()?;
        ended.ok().then_some(ended.stdout)
    }

    /// All that is there, in the order in which it can go.
    pub(super) async fn traces(&self, bridges: &[String]) -> NetworkTraces {
        let mut traces = NetworkTraces::default();
        for tool in ["iptables", "ip6tables"] {
            match self.says(&format!("{tool}-save"), &[]).await {
                Some(rules) => {
                    let tables = tables_with_chains(&rules).into_iter();
                    traces.found.extend(tables.map(|table| NetworkTrace::Chains { tool: tool.into(), table }));
                }
                None if tool == "iptables" => {
                    traces.unknown.push("iptables: iptables-save is not there or fails".into())
                }
                None => {}
            }
        }
        let nft = self.says("nft", &["list", "tables"]).await.unwrap_or_default();
        for table in NFT_TABLES.iter().filter(|table| nft.lines().any(|line| line.trim() == format!("table {table}"))) {
            traces.found.push(NetworkTrace::NftTable((*table).into()));
        }

        let links = self.links().await;
        match links {
            None => traces.unknown.push("interfaces: ip is not there or fails".into()),
            Some(links) => {
                if let Some(link) = links.iter().find(|link| link.name == IPVS_INTERFACE) {
                    match self.says("ipvsadm", &["--save", "--numeric"]).await {
                        Some(rules) => traces.found.extend(virtual_servers(&rules, &link.addresses)),
                        None => traces.unknown.push("IPVS: ipvsadm is not there or fails".into()),
                    }
                    traces.found.push(NetworkTrace::Interface(IPVS_INTERFACE.into()));
                }
                let made = links.iter().filter(|link| bridges.contains(&link.name) && link.bridge);
                let idle = made.filter(|bridge| !links.iter().any(|link| link.master.as_ref() == Some(&bridge.name)));
                traces.found.extend(idle.map(|link| NetworkTrace::Interface(link.name.clone())));
            }
        }
        let sets = self.says("ipset", &["list", "-name"]).await.unwrap_or_default();
        let ours = sets.lines().filter(|name| is_ours(name));
        traces.found.extend(ours.map(|name| NetworkTrace::AddressSet(name.to_owned())));
        traces
    }

    /// Takes one away.
    pub(super) async fn remove(&self, trace: &NetworkTrace) -> Result<(), String> {
        match trace {
            NetworkTrace::Chains { tool, table } => self.remove_chains(tool, table).await,
            NetworkTrace::NftTable(table) => {
                let words = ["delete", "table"].into_iter().chain(table.split(' ')).collect::<Vec<_>>();
                self.must("nft", &words).await
            }
            NetworkTrace::VirtualServer(server) => {
                let words = ["--delete-service"].into_iter().chain(server.split(' ')).collect::<Vec<_>>();
                self.must("ipvsadm", &words).await
            }
            NetworkTrace::Interface(name) => self.must("ip", &["link", "delete", "dev", name]).await,
            NetworkTrace::AddressSet(name) => self.must("ipset", &["destroy", name]).await,
        }
    }

    async fn must(&self, tool: &str, arguments: &[&str]) -> Result<(), String> {
        match self.run(tool, arguments).await {
            None => Err(format!("{tool} is not there")),
            Some(Err(error)) => Err(error.to_string()),
            Some(Ok(ended)) if ended.ok() => Ok(()),
            Some(Ok(ended)) => Err(ended.words()),
        }
    }

    /// First the rules of others that lead there, then the chains, which must be empty and led to by nobody.
    async fn remove_chains(&self, tool: &str, table: &str) -> Result<(), String> {
        let rules = self.says(&format!("{tool}-save"), &["-t", table]).await;
        let Chains { names, led_from } = chains(&rules.ok_or_else(|| format!("{tool}-save fails"))?);
        let table = ["-w", "-t", table];
        for rule in led_from {
            let words: Vec<&str> = table.into_iter().chain(["-D"]).chain(rule.iter().map(String::as_str)).collect();
            self.must(tool, &words).await?;
        }
        for verb in ["-F", "-X"] {
            for name in &names {
                let words: Vec<&str> = table.into_iter().chain([verb, name]).collect();
                self.must(tool, &words).await?;
            }
        }
        Ok(())
    }

    async fn links(&self) -> Option<Vec<Link>> {
        let text = self.says("ip", &["-json", "-details", "address", "show"]).await?;
        let found: Vec<Json> = serde_json::from_str(&text).ok()?;
        let link = |link: &Json| {
            let addresses = link.get("addr_info").and_then(Json::as_array).into_iter().flatten();
            Some(Link {
                name: link.get("ifname")?.as_str()?.to_owned(),
                master: link.get("master").and_then(Json::as_str).map(str::to_owned),
                bridge: link.pointer("/linkinfo/info_kind").and_then(Json::as_str) == Some("bridge"),
                addresses: addresses.filter_map(|info| info.get("local")?.as_str()?.parse().ok()).collect(),
            })
        };
        Some(found.iter().filter_map(link).collect())
    }
}

/// An interface.
struct Link {
    name: String,
    master: Option<String>,
    bridge: bool,
    addresses: Vec<IpAddr>,
}

/// The chains of Kubernetes in one table, and the rules of other chains that lead to them, as `-D` takes them.
#[derive(Debug, PartialEq, Eq)]
struct Chains {
    names: Vec<String>,
    led_from: Vec<Vec<String>>,
}

/// Reads what `iptables-save` prints of one table.
fn chains(rules: &str) -> Chains {
    let names = rules.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next());
    let names = names.filter(|name| is_ours(name)).map(str::to_owned).collect();
    let led = |line: &str| {
        let words = words(line.strip_prefix("-A ")?);
        let target = words.iter().position(|word| word == "-j" || word == "-g").and_then(|at| words.get(at + 1));
        (!is_ours(words.first()?) && target.is_some_and(|target| is_ours(target))).then_some(words)
    };
    Chains { names, led_from: rules.lines().filter_map(led).collect() }
}

/// The tables that have chains of Kubernetes.
fn tables_with_chains(rules: &str) -> Vec<String> {
    let mut tables: Vec<String> = Vec::new();
    let mut table = "";
    for line in rules.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let ours = line.strip_prefix(':').and_then(|line| line.split(' ').next()).is_some_and(is_ours);
        if ours && !tables.iter().any(|known| known == table) {
            tables.push(table.to_owned());
        }
    }
    tables
}

/// The virtual servers at the addresses that kube-proxy holds. Those of others, such as keepalived's, are at others.
fn virtual_servers(rules: &str, addresses: &[IpAddr]) -> Vec<NetworkTrace> {
    let server = |line: &str| {
        let mut words = line.strip_prefix("-A ")?.split(' ');
        let (protocol, place) = (words.next()?, words.next()?);
        let host = place.rsplit_once(':')?.0.trim_start_matches('[').trim_end_matches(']');
        let held = host.parse().is_ok_and(|host: IpAddr| addresses.contains(&host));
        held.then(|| NetworkTrace::VirtualServer(format!("{protocol} {place}")))
    };
    rules.lines().filter_map(server).collect()
}

/// Whether a name of a chain or set is one that Kubernetes gives.
fn is_ours(name: &str) -> bool {
    name.starts_with("KUBE-")
}

/// The words of a rule; comments are quoted.
fn words(rule: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in rule.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "# Generated by iptables-save\n*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n\
        :KUBE-SVC-ABC - [0:0]\n:MINE - [0:0]\n\
        -A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
        -A PREROUTING -j MINE\n\
        -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j KUBE-SVC-ABC\n\
        -A MINE -m comment --comment \"leads to KUBE-SERVICES by name only\" -j ACCEPT\nCOMMIT\n\
        *filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n";

    #[test]
    fn finds_the_chains_of_kubernetes_and_who_leads_there() {
        assert_eq!(tables_with_chains(RULES), ["nat", "mangle"]);
        let nat = RULES.split("COMMIT").next().unwrap();
        let found = chains(nat);
        assert_eq!(found.names, ["KUBE-SERVICES", "KUBE-SVC-ABC"]);
        let rule = ["PREROUTING", "-m", "comment", "--comment", "kubernetes service portals", "-j", "KUBE-SERVICES"];
        assert_eq!(found.led_from, [rule]);
    }

    #[test]
    fn only_virtual_servers_at_kube_proxys_addresses_are_its_own() {
        let rules = "-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r 10.0.0.1:6443 -m -w 1\n-A -t 192.0.2.1:80 -s wlc\n\
            -A -u [fd00::a]:53 -s rr\n-A -f 1 -s rr\n";
        let addresses = ["10.96.0.1".parse().unwrap(), "fd00::a".parse().unwrap()];
        let wanted = ["-t 10.96.0.1:443", "-u [fd00::a]:53"].map(|server| NetworkTrace::VirtualServer(server.into()));
        assert_eq!(virtual_servers(rules, &addresses), wanted);
    }
}
