//! How long etcd's troubles are waited for: short for what should not be, long for a queue that moves.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kubewright_engine::{Failure, FailureKind, Report};

use super::{EtcdAccess, EtcdBackend, EtcdError, EtcdErrorKind, Member};
use crate::wait::{Attempt, wait_for};

/// How long the turn to join is waited for, and a learner that copies. Each control plane before us may take minutes:
/// it pulls an image, starts etcd and copies the data.
pub const QUEUE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A wait inside a longer one, for what is wrong rather than slow. It begins anew whenever something got better.
pub(super) struct Trouble {
    limit: Duration,
    since: Mutex<Option<Instant>>,
}

impl Trouble {
    pub(super) fn within(limit: Duration) -> Self {
        Self { limit, since: Mutex::new(None) }
    }

    /// All is as it should be.
    pub(super) fn over(&self) {
        *self.lock() = None;
    }

    /// Whether it has lasted too long.
    pub(super) fn too_long(&self) -> bool {
        self.lock().get_or_insert_with(Instant::now).elapsed() >= self.limit
    }

    /// Not yet, or, when it has lasted too long, never.
    pub(super) fn because<T>(&self, failure: Failure) -> Result<Attempt<T>, Failure> {
        if self.too_long() {
            let seconds = self.limit.as_secs_f64();
            return Err(failure.context(format!("gave up after {seconds} s")).kind(FailureKind::Deadline));
        }
        Ok(Attempt::NotYet(failure.to_string()))
    }

    /// Decides about an error: final ones fail at once, the others may last as long as the limit.
    pub(super) fn error<T>(&self, error: EtcdError) -> Result<Attempt<T>, Failure> {
        match error.retryable() {
            true => self.because(explained(error)),
            false => Err(explained(error)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The members as the quorum knows them, waited for as long as the access allows.
pub(super) async fn list(
    backend: &dyn EtcdBackend,
    access: &EtcdAccess,
    report: &Report,
) -> Result<Vec<Member>, Failure> {
    let trouble = Trouble::within(access.call_limit);
    wait_for(report, "etcd to list its members", access.call_limit, || async {
        match backend.members(access).await {
            Ok(members) => Ok(Attempt::Done(members)),
            Err(error) => trouble.error(error),
        }
    })
    .await
    .map_err(|failure| match failure.get_kind() {
        FailureKind::Deadline if failure.hints().is_empty() => failure.hint(NOBODY_ANSWERS),
        _ => failure,
    })
}

const NOBODY_ANSWERS: &str = "most control planes must be up so that etcd answers: look at `crictl ps -a --name etcd` and \
    the logs in /var/log/pods/kube-system_etcd-* on each";

/// The error with what can be done about it.
fn explained(error: EtcdError) -> Failure {
    let hint = match error.kind {
        EtcdErrorKind::Access => {
            "the etcd CA and the client certificate in the directory `etcd` of the certificates must be this cluster's: \
             compare `openssl x509 -noout -fingerprint -in /etc/kubernetes/pki/etcd/ca.crt` with another control plane's"
        }
        EtcdErrorKind::Unreachable | EtcdErrorKind::Unavailable | EtcdErrorKind::LostReply => NOBODY_ANSWERS,
        EtcdErrorKind::QuorumAtRisk => {
            "start the control planes that are down; `etcdctl endpoint status --cluster` names them"
        }
        _ => return error.into(),
    };
    Failure::from(error).hint(hint)
}
