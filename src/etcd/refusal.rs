//! What a failed call means: etcd tells its errors apart by their words, gRPC only by a dozen codes.

use kubewright_node::EtcdErrorKind;
use tonic::{Code, Status};

/// Why one call on one connection failed.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) kind: EtcdErrorKind,
    pub(crate) message: String,
}

impl Refusal {
    /// Nothing was sent.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { kind: EtcdErrorKind::Unreachable, message: message.into() }
    }

    /// No connection came about.
    pub(crate) fn of_transport(error: &(dyn std::error::Error + 'static)) -> Self {
        let kind = if is_tls(error) { EtcdErrorKind::Access } else { EtcdErrorKind::Unreachable };
        Self { kind, message: innermost(error) }
    }

    /// The call failed after it may have been sent.
    pub(crate) fn of_status(status: &Status) -> Self {
        // Only a status that was made on this side has a cause.
        if let Some(cause) = std::error::Error::source(status) {
            let kind = if is_tls(cause) { EtcdErrorKind::Access } else { EtcdErrorKind::LostReply };
            return Self { kind, message: innermost(cause) };
        }
        let words = if status.message().is_empty() { status.code().description() } else { status.message() };
        Self { kind: kind_of(status.code(), words), message: shorten(words) }
    }
}

/// etcd's words are those of `rpctypes`, and of a leader's answer that a follower passes on. The codes alone do not do:
/// many refusals share one, and 3.4 gives some as `Unknown`. What is not known here is worth another try: it ends anyway.
fn kind_of(code: Code, words: &str) -> EtcdErrorKind {
    const BY_WORDS: [(&str, EtcdErrorKind); 8] = [
        ("Peer URLs already exists", EtcdErrorKind::PeerUrlTaken),
        // The number comes from the URLs and the second of the request, and is compared before the URLs are.
        ("member ID already exist", EtcdErrorKind::PeerUrlTaken),
        ("too many learner members", EtcdErrorKind::TooManyLearners),
        // Before the next one, which is its beginning.
        ("can only promote a learner member which is in sync with leader", EtcdErrorKind::NotInSync),
        ("can only promote a learner member", EtcdErrorKind::NotLearner),
        ("member not found", EtcdErrorKind::NoSuchMember),
        ("unhealthy cluster", EtcdErrorKind::QuorumAtRisk),
        ("not enough started members", EtcdErrorKind::QuorumAtRisk),
    ];
    if let Some((_, kind)) = BY_WORDS.iter().find(|(known, _)| words.contains(known)) {
        return *kind;
    }
    match code {
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented
        | Code::OutOfRange
        | Code::DataLoss => EtcdErrorKind::Refused,
        _ => EtcdErrorKind::Unavailable,
    }
}

/// Whether somewhere below TLS is the reason: a certificate of somebody else, ours refused.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    links(error).any(|link| {
        matches!(
            link.downcast_ref::<rustls::Error>(),
            Some(
                rustls::Error::InvalidCertificate(_)
                    | rustls::Error::AlertReceived(_)
                    | rustls::Error::NoCertificatesPresented
                    | rustls::Error::PeerIncompatible(_)
            )
        )
    })
}

/// The text of the deepest cause: the outer links of a client's error only say that it failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let text = links(error).last().map(ToString::to_string).unwrap_or_default();
    // The number says nothing that the words before it do not.
    shorten(text.split(" (os error").next().unwrap_or_default())
}

/// The error and all causes. An I/O error that wraps another hides it from `source`, so it is asked in its own way.
fn links<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |link| {
        let wrapped = link.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| link.source())
    })
}

/// One line of at most 400 characters.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 400;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_before_codes() {
        let cases = [
            (Code::FailedPrecondition, "etcdserver: Peer URLs already exists", EtcdErrorKind::PeerUrlTaken),
            (Code::FailedPrecondition, "etcdserver: member ID already exist", EtcdErrorKind::PeerUrlTaken),
            (
                Code::FailedPrecondition,
                "etcdserver: too many learner members in cluster",
                EtcdErrorKind::TooManyLearners,
            ),
            (Code::FailedPrecondition, "etcdserver: can only promote a learner member", EtcdErrorKind::NotLearner),
            (Code::Unknown, "can only promote a learner member", EtcdErrorKind::NotLearner),
            (
                Code::FailedPrecondition,
                "etcdserver: can only promote a learner member which is in sync with leader",
                EtcdErrorKind::NotInSync,
            ),
            (Code::NotFound, "etcdserver: member not found", EtcdErrorKind::NoSuchMember),
            (Code::Unavailable, "etcdserver: unhealthy cluster", EtcdErrorKind::QuorumAtRisk),
            (
                Code::FailedPrecondition,
                "etcdserver: re-configuration failed due to not enough started members",
                EtcdErrorKind::QuorumAtRisk,
            ),
            (Code::Unavailable, "etcdserver: leader changed", EtcdErrorKind::Unavailable),
            (Code::Unavailable, "etcdserver: request timed out", EtcdErrorKind::Unavailable),
            (Code::ResourceExhausted, "etcdserver: too many requests", EtcdErrorKind::Unavailable),
            (Code::InvalidArgument, "etcdserver: given member URLs are invalid", EtcdErrorKind::Refused),
            (Code::DataLoss, "etcdserver: corrupt cluster", EtcdErrorKind::Refused),
        ];
        for (code, words, kind) in cases {
            assert_eq!(Refusal::of_status(&Status::new(code, words)).kind, kind, "{words}");
        }
    }
}
