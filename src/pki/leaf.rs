//! What a leaf certificate is to say, and for how long.

use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

use crate::{Certificate, Conventions, ExtendedKeyUsage, SanSet};

/// A leaf certificate to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafSpec {
    /// Common name of the subject; the user name for Kubernetes.
    pub common_name: String,
    /// Organizations of the subject; the groups for Kubernetes.
    pub organizations: Vec<String>,
    /// The extended key usages, in order.
    pub usages: Vec<ExtendedKeyUsage>,
    /// DNS names and addresses.
    pub names: SanSet,
    /// Whether to say `CA:FALSE`.
    pub basic_constraints: bool,
}

impl LeafSpec {
    /// Says again what an existing certificate says, as kubeadm's renewal does.
    ///
    /// Subject, usages and names come from the old certificate, nothing from configuration.
    pub fn renewing(old: &Certificate, conventions: &Conventions) -> Self {
        let names = old.names();
        Self {
            common_name: old.common_name().unwrap_or_default().to_owned(),
            organizations: old.organizations().to_vec(),
            usages: old.extended_key_usages().to_vec(),
            names: SanSet::new(names.dns().to_vec(), names.ips().to_vec()),
            basic_constraints: conventions.leaf_basic_constraints,
        }
    }
}

/// The span in which a certificate is valid, in whole seconds of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Validity {
    /// Lasts `period` from now on, and begins `backdate` earlier for clocks that lag.
    pub fn lasting(now: OffsetDateTime, period: Duration, backdate: Duration) -> Self {
        let not_before = now.saturating_sub(saturating(backdate));
        let not_after = now.saturating_add(saturating(period));
        Self { not_before: whole_seconds(not_before), not_after: whole_seconds(not_after) }
    }

    /// Moves the beginning and leaves the end.
    pub fn starting(self, not_before: OffsetDateTime) -> Self {
        Self { not_before: whole_seconds(not_before), ..self }
    }

    /// First moment.
    pub fn not_before(self) -> OffsetDateTime {
        self.not_before
    }

    /// Last moment.
    pub fn not_after(self) -> OffsetDateTime {
        self.not_after
    }
}

fn saturating(period: Duration) -> time::Duration {
    time::Duration::try_from(period).unwrap_or(time::Duration::MAX)
}

fn whole_seconds(moment: OffsetDateTime) -> OffsetDateTime {
    // Only at the ends of time does the conversion fail, and there hours do not matter.
    let utc = moment.checked_to_offset(UtcOffset::UTC).unwrap_or_else(|| moment.replace_offset(UtcOffset::UTC));
    utc.replace_nanosecond(0).unwrap_or(utc)
}

#[cfg(test)]
mod tests;
