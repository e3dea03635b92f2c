//! Which authorities a cluster may have: the pins that the user was given.

use kubewright_pki::{Certificate, DiscoveryHash};
use time::OffsetDateTime;

use crate::DiscoveryError;

/// What the cluster's authorities are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinning {
    /// One of them must have one of these keys; never empty.
    Pins(Vec<DiscoveryHash>),
    /// Whoever knows the token is believed.
    Unchecked,
}

impl Pinning {
    /// Reads pins. Those that are given count even where doing without would be allowed, as in kubeadm.
    ///
    /// # Errors
    /// `Pin` for what is not `sha256:` and 64 hexadecimal digits, `NoPins` for none where that is not allowed.
    pub fn parse(pins: &[String], unsafe_skip: bool) -> Result<Self, DiscoveryError> {
        let pins = pins.iter().map(|pin| pin.parse()).collect::<Result<Vec<DiscoveryHash>, _>>();
        match pins.map_err(|source| DiscoveryError::Pin { source })? {
            none if none.is_empty() && !unsafe_skip => Err(DiscoveryError::NoPins),
            none if none.is_empty() => Ok(Self::Unchecked),
            pins => Ok(Self::Pins(pins)),
        }
    }

    /// Picks the authorities of a bundle that may vouch for the API server; `None` if nothing is checked.
    ///
    /// As in kubeadm one pinned authority is enough, and the others of the bundle count beside it: while authorities are
    /// being replaced, a server may still show a certificate of the old one. The token's signature covers them all.
    /// Those whose time is over or has not come never count, and neither do certificates that may not sign.
    ///
    /// # Errors
    /// `WrongPin`, `Authority`.
    pub fn choose(
        &self,
        bundle: &[Certificate],
        endpoint: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Vec<Certificate>>, DiscoveryError> {
        let Self::Pins(pins) = self else { return Ok(None) };
        let pinned: Vec<_> = bundle.iter().filter(|one| pins.iter().any(|pin| pin.matches(one))).collect();
        if pinned.is_empty() {
            let found = bundle.iter().map(DiscoveryHash::of).collect();
            return Err(DiscoveryError::WrongPin { endpoint: endpoint.into(), found });
        }
        let usable = |one: &Certificate| match one.has_basic_constraints() && !one.is_ca() {
            true => Err(kubewright_pki::PkiError::NotAuthority { subject: subject(one) }),
            false => one.check_validity(now),
        };
        let faults: Vec<_> = pinned.iter().filter_map(|one| usable(one).err()).collect();
        if faults.len() == pinned.len()
            && let Some(source) = faults.into_iter().next()
        {
            return Err(DiscoveryError::Authority { endpoint: endpoint.into(), source });
        }
        Ok(Some(bundle.iter().filter(|one| usable(one).is_ok()).cloned().collect()))
    }
}

fn subject(certificate: &Certificate) -> String {
    certificate.common_name().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
