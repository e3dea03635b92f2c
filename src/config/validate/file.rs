//! The check of a whole file, for `config validate`: without a look at the node's container runtime.

use std::net::Ipv4Addr;

use crate::convert::Machine;
use crate::dynamic::advertise_address;
use crate::error::{ConfigErrors, Warning};
use crate::host::HostFacts;
use crate::load::Told;
use crate::reading::Reading;
use crate::whole;

/// Checks every document of a file by the rules of the command that reads it; returns what deserves a look.
///
/// # Errors
/// The faults of all documents, in the same words as their commands have for them.
pub fn check_file(file: (&str, &[u8]), reading: Reading, host: &HostFacts) -> Result<Vec<Warning>, ConfigErrors> {
    let (name, bytes) = file;
    let mut told = Told::default();
    let documents = whole::documents(bytes, &mut told);
    if told.errors.is_empty() {
        let host = &reachable(host);
        // The token that it makes is thrown away.
        let random: &mut dyn FnMut(&mut [u8]) = &mut |bytes| bytes.fill(0);
        let mut machine = Machine { host, detect_runtime: false, needs_address: true, random };
        whole::read(&documents, reading, &mut machine, &mut told);
    }
    told.finish(Some(()), Some(name), reading.strict).map(|((), warnings)| warnings)
}

/// Gives a machine that has no address or name one, since the file will be used on another.
pub(crate) fn reachable(host: &HostFacts) -> HostFacts {
    let name = if host.hostname.trim().is_empty() { "node" } else { &host.hostname };
    match advertise_address("", "", host) {
        Ok(_) => HostFacts { hostname: name.to_owned(), ..host.clone() },
        Err(_) => {
            HostFacts { cri_sockets: host.cri_sockets.clone(), ..HostFacts::with_address(name, PLACEHOLDER.into()) }
        }
    }
}

/// Stands for an address that the machine does not have, as in kubeadm's defaults.
pub(crate) const PLACEHOLDER: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);

#[cfg(test)]
pub(crate) mod tests;
