//! etcd's membership as a phase meets it: who belongs to the cluster, joining it, being promoted, leaving it. Keys and
//! values are the API server's business and not here.

mod endpoints;
mod health;
mod join;
mod patience;
mod promote;
mod quorum;
mod remove;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kubewright_engine::{Capability, Failure, Report};
use zeroize::Zeroizing;

use crate::outward::Outward;
use crate::{Node, NodeSession};

pub use endpoints::{PodEndpoints, pod_endpoints};
pub use health::{ClusterHealth, MemberHealth};
pub use join::{Joined, Joining, Place, Start, initial_cluster, place_of};
pub use patience::QUEUE_LIMIT;
pub use promote::Promotion;
pub use quorum::{Change, QuorumLoss, Voters, quorum_after};
pub use remove::{QUORUM_GRACE, Removal};

/// How to reach etcd: where, with whose credentials, and how long one wish may be tried again.
#[derive(Clone)]
pub struct EtcdAccess {
    /// Client URLs, such as `https://10.0.0.1:2379`. Dead ones are passed over.
    pub endpoints: Vec<String>,
    /// Credentials; `None` for plain HTTP.
    pub tls: Option<EtcdTls>,
    /// How long a request that fails is tried again in all (`timeouts.etcdAPICall`).
    pub call_limit: Duration,
}

impl fmt::Debug for EtcdAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdAccess").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// Credentials for etcd, each in PEM: `etcd/ca.crt`, `etcd/healthcheck-client.crt` and its key.
#[derive(Clone)]
pub struct EtcdTls {
    /// The authority that signed the members' certificates.
    pub authority: String,
    /// The client's certificate.
    pub certificate: String,
    /// The client's key.
    pub key: Zeroizing<String>,
}

impl fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdTls").finish_non_exhaustive()
    }
}

/// A member's number; etcd and its tools write it in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// One member as the cluster knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub id: MemberId,
    /// Its name, which it tells the cluster when it starts; empty before.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty before it started.
    pub client_urls: Vec<String>,
    /// It copies, but has no vote yet.
    pub learner: bool,
}

impl Member {
    /// Whether its etcd has ever been up. There is no field for it; the name is set by starting.
    pub fn started(&self) -> bool {
        !self.name.is_empty()
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, urls) = (self.id, self.peer_urls.join(","));
        match self.name.as_str() {
            "" => write!(f, "member {id} at {urls}"),
            name => write!(f, "member `{name}` ({id}) at {urls}"),
        }
    }
}

/// What one member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its number.
    pub id: MemberId,
    /// Its version, such as `3.5.24`.
    pub version: String,
    /// It has no vote yet.
    pub learner: bool,
    /// Who leads, as far as it knows.
    pub leader: Option<MemberId>,
    /// How many entries of the log it has applied.
    pub applied: u64,
    /// The size of its data on the disk, in bytes.
    pub db_size: u64,
    /// Alarms and other complaints, in etcd's words.
    pub complaints: Vec<String>,
}

/// Why etcd did not do as it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdErrorKind {
    /// Nobody answered, and nothing was asked for; worth another try.
    Unreachable,
    /// It was asked for, and no reply came: whether it was done is not known. The member list tells.
    LostReply,
    /// etcd has no leader, changes it, or is too slow; worth another try. It may have been done none the less.
    Unavailable,
    /// etcd protects its quorum: too few members are up or started; worth another try when they are.
    QuorumAtRisk,
    /// Another learner is not promoted yet, and there may be only one; worth another try when it is.
    TooManyLearners,
    /// The learner has not copied enough yet; worth another try.
    NotInSync,
    /// The member to promote has a vote already.
    NotLearner,
    /// A member with this peer URL is there already.
    PeerUrlTaken,
    /// There is no such member.
    NoSuchMember,
    /// The credentials or addresses cannot be used at all.
    Access,
    /// etcd refuses for good.
    Refused,
}

/// A failed request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("etcd did not {doing}: {message}")]
pub struct EtcdError {
    /// What kind of failure it is.
    pub kind: EtcdErrorKind,
    /// What was asked for: `list its members`, `add a member`, `promote a member`, `remove a member`, `tell its status`,
    /// `send a snapshot`.
    pub doing: &'static str,
    /// etcd's or the transport's words with the endpoints that they are about.
    pub message: String,
}

impl EtcdError {
    /// Whether waiting can help.
    pub fn retryable(&self) -> bool {
        !matches!(self.kind, EtcdErrorKind::Access | EtcdErrorKind::Refused)
    }
}

/// One request to etcd, tried once, with a deadline of its own. A request goes to the first endpoint that proves, by a
/// read which needs the quorum, that it knows the present.
#[async_trait]
pub trait EtcdBackend: Send + Sync {
    /// The members as the quorum knows them, in etcd's order.
    async fn members(&self, access: &EtcdAccess) -> Result<Vec<Member>, EtcdError>;
    /// Adds a member, and gives all members with the new one. Not to be repeated before the list was read again.
    async fn add_member(&self, access: &EtcdAccess, peer_url: &str, learner: bool) -> Result<Vec<Member>, EtcdError>;
    /// Gives a learner its vote.
    async fn promote_member(&self, access: &EtcdAccess, id: MemberId) -> Result<(), EtcdError>;
    /// Takes a member out.
    async fn remove_member(&self, access: &EtcdAccess, id: MemberId) -> Result<(), EtcdError>;
    /// What the member at one client URL says of itself.
    async fn status(&self, access: &EtcdAccess, client_url: &str) -> Result<MemberStatus, EtcdError>;
    /// Lets the member at one client URL send a copy of all that it holds, part by part, the last of them the SHA-256
    /// digest of the others. Ends with an error when `take` does not take a part.
    async fn snapshot(
        &self,
        access: &EtcdAccess,
        client_url: &str,
        take: &mut (dyn for<'a> FnMut(&'a [u8]) -> bool + Send),
    ) -> Result<(), EtcdError>;
}

/// The power to read and change etcd's membership. Every wish may be repeated: what holds already is left alone, and a
/// lost reply is resolved by reading the member list again.
pub struct Etcd {
    backend: Arc<dyn EtcdBackend>,
    outward: Outward,
}

impl Capability<Node> for Etcd {
    const NAME: &'static str = "etcd";

    fn of(session: &NodeSession) -> Self {
        Self { backend: Arc::clone(&session.backends.etcd), outward: Outward::of(session) }
    }
}

impl Etcd {
    /// The members as the quorum knows them, in etcd's order.
    pub async fn members(&self, access: &EtcdAccess, report: &Report) -> Result<Vec<Member>, Failure> {
        patience::list(&*self.backend, access, report).await
    }

    /// The same access with the endpoints that the cluster itself names: the client URLs of all started voters.
    pub async fn sync(&self, access: &EtcdAccess, report: &Report) -> Result<EtcdAccess, Failure> {
        let members = self.members(access, report).await?;
        let endpoints = endpoints::of_members(&members);
        // A cluster that names no client URL can only be reached the way that we came.
        let endpoints = if endpoints.is_empty() { access.endpoints.clone() } else { endpoints };
        Ok(EtcdAccess { endpoints, ..access.clone() })
    }
}
