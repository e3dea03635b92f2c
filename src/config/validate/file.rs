//! The check of a whole file, for `config validate`: strict, and without a look at the node's container runtime.

use std::net::Ipv4Addr;

use crate::dynamic::advertise_address;
use crate::error::{ConfigError, ConfigErrors, Warning, strictly};
use crate::flags::InitFlags;
use crate::host::HostFacts;
use crate::load::{load_init, load_join};
use crate::{versions, yaml};

/// Checks every document of a file by the rules of the command that reads it; returns what deserves a look.
///
/// # Errors
/// The faults of the first kind of configuration that has any, in the same words as that command has for them; and
/// unknown fields and documents, which commands pass over with a warning.
pub fn validate_file(file: (&str, &[u8]), host: &HostFacts) -> Result<Vec<Warning>, ConfigErrors> {
    let (name, bytes) = file;
    let refused = |error: ConfigError| ConfigErrors { file: Some(name.to_owned()), errors: vec![error] };
    let documents = yaml::documents(bytes).map_err(refused)?;
    let kind = |document: &yaml::Document| document.value().get("kind")?.as_str().map(str::to_owned);
    let kinds: Vec<String> = documents.iter().filter_map(kind).collect();
    let has = |kind: &str| kinds.iter().any(|found| found == kind);
    let host = &reachable(host);
    let mut warnings = Vec::new();
    let joins = has("JoinConfiguration");
    if !joins || has("InitConfiguration") || has("ClusterConfiguration") {
        let flags = InitFlags { skip_cri_detection: true, ..InitFlags::default() };
        // The token that it makes is thrown away.
        let (_, told) = load_init(Some(file), &flags, host, &mut |bytes| bytes.fill(0))?;
        warnings.extend(told);
    }
    if joins {
        let facts = versions::facts_for(&versions::default_version()).expect("the default version is in the table");
        let (_, told) = load_join(file, None, host, &facts)?;
        warnings.extend(told.into_iter().filter(|warning| !warnings.contains(warning)).collect::<Vec<_>>());
    }
    strictly(Some(name), warnings)
}

/// Gives a machine that has no address or name one, since the file will be used on another.
fn reachable(host: &HostFacts) -> HostFacts {
    let name = if host.hostname.trim().is_empty() { "node" } else { &host.hostname };
    match advertise_address("", "", host) {
        Ok(_) => HostFacts { hostname: name.to_owned(), ..host.clone() },
        Err(_) => HostFacts::with_address(name, PLACEHOLDER.into()),
    }
}

/// Stands for an address that the machine does not have, as in kubeadm's defaults.
const PLACEHOLDER: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);

#[cfg(test)]
pub(crate) mod tests;
