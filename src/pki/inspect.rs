//! Whether a certificate may be trusted: its chain, its time, the names that it covers.

use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::error::PkiError;
use crate::{Certificate, SanSet};

impl Certificate {
    /// Checks that it chains to the authority at the given time, through its own intermediates if need be.
    ///
    /// Every certificate of the chain must be in its time and every one above the leaf must be allowed to sign.
    /// Any extended key usage will do, names are not looked at, and name constraints of an authority are not
    /// evaluated. Signatures are understood if made with RSA of at least 2048 bits, ECDSA P-256 or P-384, or
    /// Ed25519; any other counts as not made by this authority.
    ///
    /// # Errors
    /// `SignedByAnother` if there is no chain; `Expired` or `NotYetValid`, `NotAuthority` of the certificate
    /// that breaks the only chain.
    pub fn verify_signed_by(&self, authority: &Certificate, now: OffsetDateTime) -> Result<(), PkiError> {
        self.check_validity(now)?;
        if self == authority {
            return Ok(());
        }
        let mut search = Search { authority, candidates: self.intermediates(), now, steps: 0 };
        match search.climb(self, &mut Vec::new()) {
            Ok(()) => Ok(()),
            // The chain exists but one link of it is bad: that tells more than "another authority".
            Err(Some(broken)) => Err(broken),
            Err(None) => {
                Err(PkiError::SignedByAnother { subject: self.display_name(), authority: authority.display_name() })
            }
        }
    }

    /// Checks that the time lies within its validity, both ends included.
    ///
    /// # Errors
    /// `Expired`, `NotYetValid`.
    pub fn check_validity(&self, now: OffsetDateTime) -> Result<(), PkiError> {
        if now < self.not_before() {
            return Err(PkiError::NotYetValid { subject: self.display_name(), not_before: self.not_before() });
        }
        // Certificates count whole seconds, and the last one belongs to them.
        if now.unix_timestamp() > self.not_after().unix_timestamp() {
            return Err(PkiError::Expired { subject: self.display_name(), not_after: self.not_after() });
        }
        Ok(())
    }

    /// The time it has left; negative once expired.
    pub fn remaining(&self, now: OffsetDateTime) -> Duration {
        self.not_after() - now
    }

    /// Checks that a TLS client would accept it for each of the names and addresses.
    ///
    /// # Errors
    /// `NotCovered` with all that are missing.
    pub fn covers(&self, expected: &SanSet) -> Result<(), PkiError> {
        let own = self.names();
        let names = expected.dns().iter().filter(|name| !own.accepts_dns(name)).cloned();
        let ips = expected.ips().iter().filter(|ip| !own.accepts_ip(**ip)).map(ToString::to_string);
        let missing: Vec<String> = names.chain(ips).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(PkiError::NotCovered { subject: self.display_name(), missing }),
        }
    }

    /// True if the other one's key made its signature and the names fit.
    fn is_issued_by(&self, issuer: &Certificate) -> bool {
        // Cheap comparison first; the raw names are what Go compares as well.
        if self.issuer_raw() != issuer.subject_raw() {
            return false;
        }
        let parsed = X509Certificate::from_der(self.der());
        let key = SubjectPublicKeyInfo::from_der(issuer.spki_der());
        match (parsed, key) {
            (Ok((_, parsed)), Ok((_, key))) => parsed.verify_signature(Some(&key)).is_ok(),
            _ => false,
        }
    }

    /// Checks that it may stand above others in a chain, with so many intermediates below it.
    fn check_may_sign(&self, intermediates_below: usize) -> Result<(), PkiError> {
        let constrained = self.basic_constraints().is_some_and(|constraints| {
            let reaches = constraints.path_length.is_none_or(|most| intermediates_below as u64 <= u64::from(most));
            constraints.ca && reaches
        });
        // Without the extension a key may be used for anything.
        let usable = self.key_usages().is_none_or(|usages| usages.key_cert_sign());
        match constrained && usable {
            true => Ok(()),
            false => Err(PkiError::NotAuthority { subject: self.display_name() }),
        }
    }
}

/// The search for a chain, bounded: a file could hold many certificates that sign each other.
struct Search<'a> {
    authority: &'a Certificate,
    candidates: &'a [Certificate],
    now: OffsetDateTime,
    steps: usize,
}

impl<'a> Search<'a> {
    /// `Err(None)`: nothing leads to the authority. `Err(Some)`: something does, but must not be used.
    fn climb(&mut self, from: &Certificate, above: &mut Vec<&'a Certificate>) -> Result<(), Option<PkiError>> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(None);
        }
        let mut broken = None;
        if from.is_issued_by(self.authority) {
            match self.check_link(self.authority, above.len()) {
                Ok(()) => return Ok(()),
                Err(error) => broken = Some(error),
            }
        }
        for candidate in self.candidates {
            if above.contains(&candidate) || !from.is_issued_by(candidate) {
                continue;
            }
            let link = self.check_link(candidate, above.len());
            above.push(candidate);
            let rest = self.climb(candidate, above);
            above.pop();
            match (link, rest) {
                (Ok(()), Ok(())) => return Ok(()),
                (Err(error), Ok(()) | Err(Some(_))) | (Ok(()), Err(Some(error))) => {
                    broken.get_or_insert(error);
                }
                (_, Err(None)) => {}
            }
        }
        Err(broken)
    }

    fn check_link(&self, issuer: &Certificate, intermediates_below: usize) -> Result<(), PkiError> {
        issuer.check_validity(self.now)?;
        issuer.check_may_sign(intermediates_below)
    }
}

/// Far more than any real chain needs, far fewer than would be felt.
const MOST_STEPS: usize = 100;

#[cfg(test)]
mod tests;
