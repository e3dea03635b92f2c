//! One request to whichever member can answer it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kubewright_node::etcd::{Member, MemberId, MemberStatus};
use kubewright_node::{EtcdAccess, EtcdBackend, EtcdError, EtcdErrorKind};
use rustls::ClientConfig;

use crate::connection::Connection;
use crate::credentials::client_config;
use crate::messages as api;
use crate::refusal::Refusal;

/// How long one endpoint has for itself before the next one is asked too.
const HEAD_START: Duration = Duration::from_millis(250);

/// etcd at the endpoints of each access. Every request connects anew, as kubeadm's do: no connection is older than what is
/// asked over it.
#[derive(Debug, Default)]
pub struct EtcdCluster {}

impl EtcdCluster {
    /// Makes it; nothing is connected yet.
    pub fn new() -> Self {
        Self::default()
    }
}

const LIST: &str = "list its members";
const ADD: &str = "add a member";
const PROMOTE: &str = "promote a member";
const REMOVE: &str = "remove a member";
const STATUS: &str = "tell its status";
const SNAPSHOT: &str = "send a snapshot";

#[async_trait]
impl EtcdBackend for EtcdCluster {
    async fn members(&self, access: &EtcdAccess) -> Result<Vec<Member>, EtcdError> {
        let connection = reach(access, LIST).await?;
        let question = api::MemberListRequest { linearizable: true };
        let answer: Result<api::MemberListResponse, _> = connection.ask("Cluster/MemberList", question).await;
        let answer = answer.map_err(|refusal| failure(LIST, &connection.endpoint, refusal))?;
        Ok(answer.members.into_iter().map(member).collect())
    }

    async fn add_member(&self, access: &EtcdAccess, peer_url: &str, learner: bool) -> Result<Vec<Member>, EtcdError> {
        let connection = reach(access, ADD).await?;
        let question = api::MemberAddRequest { peer_urls: vec![peer_url.to_owned()], is_learner: learner };
        let answer: Result<api::MemberAddResponse, _> = connection.change("Cluster/MemberAdd", question).await;
        let answer = answer.map_err(|refusal| failure(ADD, &connection.endpoint, refusal))?;
        Ok(answer.members.into_iter().map(member).collect())
    }

    async fn promote_member(&self, access: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        change(access, PROMOTE, "Cluster/MemberPromote", id).await
    }

    async fn remove_member(&self, access: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        change(access, REMOVE, "Cluster/MemberRemove", id).await
    }

    async fn status(&self, access: &EtcdAccess, client_url: &str) -> Result<MemberStatus, EtcdError> {
        let tls = tls_of(access, STATUS)?;
        let of_endpoint = |refusal: Refusal| failure(STATUS, client_url, refusal);
        let connection = Connection::open(client_url, tls).await.map_err(of_endpoint)?;
        let answer: Result<api::StatusResponse, _> = connection.ask("Maintenance/Status", api::StatusRequest {}).await;
        let status = answer.map_err(of_endpoint)?;
        Ok(MemberStatus {
            id: MemberId(status.header.unwrap_or_default().member_id),
            version: status.version,
            learner: status.is_learner,
            leader: (status.leader != 0).then_some(MemberId(status.leader)),
            applied: status.raft_applied_index,
            db_size: u64::try_from(status.db_size).unwrap_or_default(),
            complaints: status.errors,
        })
    }

    async fn snapshot(
        &self,
        access: &EtcdAccess,
        client_url: &str,
        take: &mut (dyn for<'a> FnMut(&'a [u8]) -> bool + Send),
    ) -> Result<(), EtcdError> {
        let of_endpoint = |refusal: Refusal| failure(SNAPSHOT, client_url, refusal);
        // From a member that knows the present: who is cut off would send what the cluster has left behind.
        let connection = Connection::reach(client_url, tls_of(access, SNAPSHOT)?).await.map_err(of_endpoint)?;
        connection
            .stream("Maintenance/Snapshot", api::SnapshotRequest {}, |part: api::SnapshotResponse| take(&part.blob))
            .await
            .map_err(of_endpoint)
    }
}

async fn change(access: &EtcdAccess, doing: &'static str, method: &'static str, id: MemberId) -> Result<(), EtcdError> {
    let connection = reach(access, doing).await?;
    let answer: Result<api::MemberResponse, _> = connection.change(method, api::MemberRequest { id: id.0 }).await;
    answer.map(|_| ()).map_err(|refusal| failure(doing, &connection.endpoint, refusal))
}

/// The first endpoint that can answer from the present. Each gets a head start and is then not waited for alone, so that
/// those that are dead or hang cost a moment and not a deadline.
async fn reach(access: &EtcdAccess, doing: &'static str) -> Result<Connection, EtcdError> {
    let tls = tls_of(access, doing)?;
    let mut left = access.endpoints.iter();
    let mut asking = FuturesUnordered::new();
    let mut refusals: Vec<(&str, Refusal)> = Vec::new();
    loop {
        match left.next() {
            Some(endpoint) => {
                let tls = tls.clone();
                asking.push(async move { (endpoint.as_str(), Connection::reach(endpoint, tls).await) });
            }
            None if asking.is_empty() => return Err(nobody(doing, &refusals)),
            None => {}
        }
        let more = left.len() > 0;
        tokio::select! {
            Some((endpoint, reached)) = asking.next() => match reached {
                Ok(connection) => return Ok(connection),
                Err(refusal) => refusals.push((endpoint, refusal)),
            },
            () = tokio::time::sleep(HEAD_START), if more => {}
        }
    }
}

/// What it means that no endpoint could answer: for good only if that holds for every one of them.
fn nobody(doing: &'static str, refusals: &[(&str, Refusal)]) -> EtcdError {
    if refusals.is_empty() {
        return EtcdError { kind: EtcdErrorKind::Access, doing, message: "no endpoint is known".into() };
    }
    let every = |kind: EtcdErrorKind| refusals.iter().all(|(_, refusal)| refusal.kind == kind);
    let kind = [EtcdErrorKind::Access, EtcdErrorKind::Refused, EtcdErrorKind::Unavailable]
        .into_iter()
        .find(|kind| every(*kind))
        .unwrap_or(EtcdErrorKind::Unreachable);
    let words: Vec<_> = refusals.iter().map(|(endpoint, refusal)| format!("{endpoint}: {}", refusal.message)).collect();
    EtcdError { kind, doing, message: words.join("; ") }
}

fn tls_of(access: &EtcdAccess, doing: &'static str) -> Result<Option<Arc<ClientConfig>>, EtcdError> {
    let config = access.tls.as_ref().map(client_config).transpose();
    config.map_err(|message| EtcdError { kind: EtcdErrorKind::Access, doing, message })
}

fn failure(doing: &'static str, endpoint: &str, refusal: Refusal) -> EtcdError {
    EtcdError { kind: refusal.kind, doing, message: format!("{endpoint}: {}", refusal.message) }
}

fn member(member: api::Member) -> Member {
    Member {
        id: MemberId(member.id),
        name: member.name,
        peer_urls: member.peer_urls,
        client_urls: member.client_urls,
        learner: member.is_learner,
    }
}
