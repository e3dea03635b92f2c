//! Who is well: every member asked by itself, and what that means for all.

use std::sync::Arc;
use std::time::Duration;

use kubewright_engine::{Failure, FailureKind, Report};

use super::patience::list;
use super::quorum::Voters;
use super::{Etcd, EtcdAccess, EtcdBackend, EtcdErrorKind, Member, MemberId};
use crate::wait::{Attempt, wait_for};

/// One member and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberHealth {
    /// Who it is.
    pub member: Member,
    /// Why it is not up; `None` when it answers and knows a leader.
    pub down: Option<String>,
    /// Alarms and other complaints. They concern the whole cluster, and each member repeats them.
    pub complaints: Vec<String>,
    /// How many entries of the log it has applied; nothing when it is down.
    pub applied: Option<u64>,
}

impl MemberHealth {
    /// Whether it is up and complains about nothing, which is what kubeadm calls healthy.
    pub fn is_well(&self) -> bool {
        self.down.is_none() && self.complaints.is_empty()
    }

    fn words(&self) -> String {
        match &self.down {
            Some(why) => format!("{} is down: {why}", self.member),
            None => format!("{} complains: {}", self.member, self.complaints.join(", ")),
        }
    }
}

/// All members and how they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterHealth {
    /// In etcd's order.
    pub members: Vec<MemberHealth>,
}

impl ClusterHealth {
    /// How many have a vote and are up, whatever they complain about: an alarm stops writes, not votes.
    pub fn voters(&self) -> Voters {
        self.count(|member| member.down.is_none())
    }

    /// Whether enough voters are up and complain about nothing.
    pub fn is_well(&self) -> bool {
        self.count(MemberHealth::is_well).has_quorum()
    }

    /// What is wrong, one line a member; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        self.members.iter().filter(|member| !member.is_well()).map(MemberHealth::words).collect()
    }

    /// One member.
    pub fn member(&self, id: MemberId) -> Option<&MemberHealth> {
        self.members.iter().find(|health| health.member.id == id)
    }

    fn count(&self, up: impl Fn(&MemberHealth) -> bool) -> Voters {
        let voters = || self.members.iter().filter(|health| !health.member.learner);
        Voters { total: voters().count(), up: voters().filter(|health| up(health)).count() }
    }
}

impl Etcd {
    /// How every member is, looked at once. The list of members is waited for, as without it nothing can be said.
    pub async fn health(&self, access: &EtcdAccess, report: &Report) -> Result<ClusterHealth, Failure> {
        let members = list(&*self.backend, access, report).await?;
        Ok(examine(&self.backend, access, members).await)
    }

    /// Waits until enough members are well; those that are not, beside enough others, are warned about.
    pub async fn wait_until_well(
        &self,
        access: &EtcdAccess,
        limit: Duration,
        report: &Report,
    ) -> Result<ClusterHealth, Failure> {
        let health = wait_for(report, "etcd to be well", limit, || async {
            let members = match self.backend.members(access).await {
                Ok(members) => members,
                Err(error) if error.kind == EtcdErrorKind::Access => return Err(error.into()),
                Err(error) => return Ok(Attempt::NotYet(error.to_string())),
            };
            let health = examine(&self.backend, access, members).await;
            match health.is_well() {
                true => Ok(Attempt::Done(health)),
                false => Ok(Attempt::NotYet(health.problems().join("; "))),
            }
        })
        .await
        .map_err(|failure| match failure.get_kind() {
            FailureKind::Deadline => failure.hint(
                "`etcdctl endpoint status --cluster` and `etcdctl alarm list` show what is wrong; a full store needs \
                 compaction and `etcdctl alarm disarm`",
            ),
            _ => failure,
        })?;
        for problem in health.problems() {
            report.warn(format!("etcd has its quorum, but {problem}"));
        }
        Ok(health)
    }
}

/// Asks every member at once.
pub(super) async fn examine(
    backend: &Arc<dyn EtcdBackend>,
    access: &EtcdAccess,
    members: Vec<Member>,
) -> ClusterHealth {
    let mut asking = tokio::task::JoinSet::new();
    for (index, member) in members.into_iter().enumerate() {
        let (backend, access) = (Arc::clone(backend), access.clone());
        asking.spawn(async move { (index, examine_one(&*backend, &access, member).await) });
    }
    let mut found = asking.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    ClusterHealth { members: found.into_iter().map(|(_, health)| health).collect() }
}

async fn examine_one(backend: &dyn EtcdBackend, access: &EtcdAccess, member: Member) -> MemberHealth {
    if !member.started() {
        return MemberHealth { member, down: Some("it has not started yet".into()), complaints: vec![], applied: None };
    }
    let mut down = "it names no client URL".to_owned();
    for url in &member.client_urls {
        down = match backend.status(access, url).await {
            Ok(status) if status.id != member.id => format!("at {url} answers another member, {}", status.id),
            Ok(status) if status.leader.is_none() => format!("at {url} it knows no leader"),
            Ok(status) => {
                let (complaints, applied) = (status.complaints, Some(status.applied));
                return MemberHealth { member, down: None, complaints, applied };
            }
            Err(error) => error.message,
        };
    }
    MemberHealth { member, down: Some(down), complaints: vec![], applied: None }
}
