//! What becomes of CoreDNS' configuration when CoreDNS is upgraded. The facts are those of the library that kubeadm uses
//! (github.com/coredns/corefile-migration), from CoreDNS 1.7.0 of Kubernetes 1.20 on; the program is ours.

use super::{Corefile, CorefileError, Directive, Server};

/// Releases of CoreDNS, oldest first: what an upgrade may begin and end at.
const RELEASES: [&str; 30] = [
    "1.7.0", "1.7.1", "1.8.0", "1.8.3", "1.8.4", "1.8.5", "1.8.6", "1.8.7", "1.9.0", "1.9.1", "1.9.2", "1.9.3",
    "1.9.4", "1.10.0", "1.10.1", "1.11.0", "1.11.1", "1.11.3", "1.11.4", "1.12.0", "1.12.1", "1.12.2", "1.12.3",
    "1.12.4", "1.13.0", "1.13.1", "1.13.2", "1.14.0", "1.14.1", "1.14.2",
];
/// Of Kubernetes 1.37, which the library does not know yet; nothing was removed in between.
const NEWER: [&str; 1] = ["1.14.6"];

/// An option that is known from one release on, until it is removed in another.
struct Known {
    plugin: &'static str,
    option: &'static str,
    since: &'static str,
    removed: Option<&'static str>,
}

const fn known(plugin: &'static str, option: &'static str) -> Known {
    Known { plugin, option, since: "1.7.0", removed: None }
}

const fn since(plugin: &'static str, option: &'static str, since: &'static str) -> Known {
    Known { plugin, option, since, removed: None }
}

const fn removed(plugin: &'static str, option: &'static str, removed: &'static str) -> Known {
    Known { plugin, option, since: "1.7.0", removed: Some(removed) }
}

/// Plugins without options that the migration knows.
const BARE: [&str; 6] = ["ready", "autopath", "prometheus", "loop", "reload", "loadbalance"];

const OPTIONS: &[Known] = &[
    known("errors", "consolidate"),
    since("errors", "stacktrace", "1.9.3"),
    known("log", "class"),
    known("health", "lameduck"),
    known("kubernetes", "endpoint"),
    known("kubernetes", "tls"),
    known("kubernetes", "namespaces"),
    known("kubernetes", "labels"),
    known("kubernetes", "pods"),
    known("kubernetes", "endpoint_pod_names"),
    known("kubernetes", "ttl"),
    known("kubernetes", "noendpoints"),
    known("kubernetes", "fallthrough"),
    known("kubernetes", "ignore"),
    removed("kubernetes", "resyncperiod", "1.7.1"),
    removed("kubernetes", "upstream", "1.7.1"),
    removed("kubernetes", "transfer", "1.8.0"),
    known("k8s_external", "apex"),
    known("k8s_external", "ttl"),
    since("k8s_external", "fallthrough", "1.11.0"),
    known("forward", "except"),
    known("forward", "force_tcp"),
    known("forward", "prefer_udp"),
    known("forward", "expire"),
    known("forward", "max_fails"),
    known("forward", "tls"),
    known("forward", "tls_servername"),
    known("forward", "policy"),
    known("forward", "health_check"),
    known("forward", "max_concurrent"),
    since("forward", "next", "1.11.4"),
    since("forward", "failfast_all_unhealthy_upstreams", "1.12.0"),
    known("cache", "success"),
    known("cache", "denial"),
    known("cache", "prefetch"),
    since("cache", "serve_stale", "1.9.4"),
    since("cache", "disable", "1.9.4"),
    since("cache", "servfail", "1.9.4"),
    since("cache", "keepttl", "1.10.1"),
    known("hosts", "ttl"),
    known("hosts", "no_reverse"),
    known("hosts", "reload"),
    known("hosts", "fallthrough"),
    known("rewrite", "type"),
    known("rewrite", "class"),
    known("rewrite", "name"),
    known("rewrite", "edns0"),
    known("rewrite", "ttl"),
    since("rewrite", "cname_target", "1.11.0"),
    since("transfer", "to", "1.8.0"),
];

/// What kubeadm has installed for Kubernetes 1.17 and later, in the order in which it does not matter; `*` is one word,
/// `***` any number of them.
const DEFAULTS: [&str; 2] = [
    ".:53 {\nerrors\nhealth {\nlameduck 5s\n}\nready\nkubernetes * *** {\npods insecure\nfallthrough in-addr.arpa ip6.arpa\n\
     ttl 30\n}\nprometheus :9153\nforward . * {\nmax_concurrent 1000\n}\ncache 30\nloop\nreload\nloadbalance\n}\n",
    ".:53 {\nerrors\nhealth {\nlameduck 5s\n}\nready\nkubernetes * *** {\npods insecure\nfallthrough in-addr.arpa ip6.arpa\n\
     ttl 30\n}\nprometheus :9153\nforward . *\ncache 30\nloop\nreload\nloadbalance\n}\n",
];

/// Why a configuration cannot be brought to another release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// The release that is installed is not known.
    #[error("start version '{0}' not supported")]
    Start(String),
    /// There is no way up from the one to the other.
    #[error("cannot migrate up to '{to}' from '{from}'")]
    NoWay {
        /// What is installed.
        from: String,
        /// What is to be.
        to: String,
    },
    /// The text is no configuration.
    #[error(transparent)]
    Corefile(#[from] CorefileError),
}

/// What an upgrade does with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nobody changed it: the new release's own takes its place.
    Replace,
    /// It is the user's, and has something that the new release does not take: this takes its place, and it is kept beside.
    Migrate(String),
    /// It is the user's, and stays.
    Retain,
}

/// Decides what becomes of the configuration. `installed` and `target` are tags of CoreDNS' image; without an installed
/// one there is nothing to migrate. kubeadm: `createCoreDNSAddon` and `isCoreDNSConfigMapMigrationRequired`.
///
/// # Errors
/// It cannot be migrated; kubeadm then keeps the old configuration and the old CoreDNS.
pub fn decide(corefile: &str, installed: &str, target: &str) -> Result<Decision, MigrationError> {
    if corefile.trim().is_empty() || is_default(corefile) {
        return Ok(Decision::Replace);
    }
    if installed.is_empty() || bare(installed) == bare(target) {
        return Ok(Decision::Retain);
    }
    let (from, to) = way(installed, target)?;
    let parsed = Corefile::parse(corefile)?;
    let gone = |plugin: &Directive, option: &Directive| {
        OPTIONS.iter().any(|known| {
            known.plugin == plugin.name
                && known.option == option.name
                && known.removed.and_then(place).is_some_and(|removed| from < removed && removed <= to)
        })
    };
    let plugins = parsed.servers.iter().flat_map(|server| &server.plugins);
    let needed = plugins.into_iter().any(|plugin| plugin.options.iter().any(|option| gone(plugin, option)));
    if !needed {
        return Ok(Decision::Retain);
    }
    let mut migrated = parsed;
    for server in &mut migrated.servers {
        if from < place("1.8.0").unwrap_or_default() {
            let moved = transfer(server);
            server.plugins.extend(moved);
        }
        for plugin in &mut server.plugins {
            let of = plugin.clone();
            plugin.options.retain(|option| !gone(&of, option));
            if plugin.name == "kubernetes" {
                // All but the first have been passed over for long.
                plugin.options.iter_mut().filter(|it| it.name == "endpoint").for_each(|it| it.args.truncate(1));
            }
        }
    }
    Ok(Decision::Migrate(migrated.to_string()))
}

/// Plugins and options of which nobody knows how they fare in the releases on the way, in the words of kubeadm's check
/// `CoreDNSUnsupportedPlugins`.
///
/// # Errors
/// There is no way from the one release to the other, or the text is no configuration.
pub fn unsupported(corefile: &str, installed: &str, target: &str) -> Result<Vec<String>, MigrationError> {
    if bare(installed) == bare(target) {
        return Ok(Vec::new());
    }
    let (from, to) = way(installed, target)?;
    let parsed = Corefile::parse(corefile)?;
    let mut notices = Vec::new();
    for at in from + 1..=to {
        let release = release(at);
        for plugin in parsed.servers.iter().flat_map(|server| &server.plugins) {
            if !knows(at, &plugin.name) {
                let text = format!("Plugin \"{}\" is unsupported by this migration tool in {release}.", plugin.name);
                notices.push(text);
                continue;
            }
            let unknown = plugin.options.iter().filter(|option| !takes(at, &plugin.name, &option.name));
            notices.extend(unknown.map(|option| {
                let (option, plugin) = (&option.name, &plugin.name);
                format!(
                    "Option \"{option}\" in plugin \"{plugin}\" is unsupported by this migration tool in {release}."
                )
            }));
        }
    }
    Ok(notices)
}

/// Whether the configuration is one that was installed, whatever its domain and its resolver are.
pub fn is_default(corefile: &str) -> bool {
    let Ok(found) = Corefile::parse(corefile) else { return false };
    DEFAULTS.iter().filter_map(|text| Corefile::parse(text).ok()).any(|default| {
        found.servers.len() == default.servers.len()
            && found.servers.iter().all(|server| {
                default.servers.iter().any(|it| like(&server.zones, &it.zones) && same(&server.plugins, &it.plugins))
            })
    })
}

/// The same directives in any order.
fn same(found: &[Directive], default: &[Directive]) -> bool {
    let matches = |one: &Directive, other: &Directive| {
        one.name == other.name && like(&one.args, &other.args) && same(&one.options, &other.options)
    };
    found.len() == default.len() && found.iter().all(|one| default.iter().any(|other| matches(one, other)))
}

/// Whether the words are as the pattern says.
fn like(words: &[String], pattern: &[String]) -> bool {
    match pattern.iter().position(|it| it == "***") {
        Some(rest) => words.len() >= rest && like(&words[..rest], &pattern[..rest]),
        None => words.len() == pattern.len() && words.iter().zip(pattern).all(|(word, it)| it == "*" || word == it),
    }
}

/// The plugin that stands for an option which plugin `kubernetes` had: who may copy the zone.
fn transfer(server: &Server) -> Option<Directive> {
    let kubernetes = server.plugins.iter().rfind(|plugin| plugin.name == "kubernetes")?;
    let option = kubernetes.options.iter().rfind(|option| option.name == "transfer")?;
    let (_, to) = option.args.split_first().filter(|(_, to)| !to.is_empty())?;
    Some(Directive {
        name: "transfer".to_owned(),
        args: kubernetes.args.first().cloned().into_iter().collect(),
        options: vec![Directive { name: "to".to_owned(), args: to.to_vec(), options: Vec::new() }],
    })
}

/// The places of both among the releases.
fn way(installed: &str, target: &str) -> Result<(usize, usize), MigrationError> {
    let (installed, target) = (bare(installed), bare(target));
    let from = place(installed).ok_or_else(|| MigrationError::Start(installed.to_owned()))?;
    match place(target).filter(|to| from < *to) {
        Some(to) => Ok((from, to)),
        None => Err(MigrationError::NoWay { from: installed.to_owned(), to: target.to_owned() }),
    }
}

fn bare(tag: &str) -> &str {
    tag.trim_start_matches('v')
}

fn releases() -> impl Iterator<Item = &'static str> {
    RELEASES.into_iter().chain(NEWER)
}

fn place(release: &str) -> Option<usize> {
    releases().position(|known| known == release)
}

fn release(place: usize) -> &'static str {
    releases().nth(place).unwrap_or_default()
}

fn knows(at: usize, plugin: &str) -> bool {
    BARE.contains(&plugin)
        || OPTIONS.iter().any(|known| known.plugin == plugin && place(known.since).is_some_and(|it| it <= at))
}

fn takes(at: usize, plugin: &str, option: &str) -> bool {
    // Lines of `hosts` begin with an address.
    if plugin == "hosts" && option.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    OPTIONS.iter().any(|known| {
        let begun = place(known.since).is_some_and(|it| it <= at);
        // The release that removes it still knows that it does.
        let ended = known.removed.and_then(place).is_some_and(|it| it < at);
        known.plugin == plugin && known.option == option && begun && !ended
    })
}

#[cfg(test)]
mod tests;
