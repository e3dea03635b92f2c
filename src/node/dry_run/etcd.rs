//! The etcd of a dry run: the real members, if there are any to be asked, and those that this run would add.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::behind::{Answers, Behind};
use crate::etcd::{EtcdAccess, EtcdBackend, EtcdError, Member, MemberId, MemberStatus};

/// An etcd that takes every member, which is up at once.
pub(super) struct DryEtcd {
    real: Arc<dyn EtcdBackend>,
    behind: Arc<Behind>,
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    added: Vec<Member>,
    promoted: BTreeSet<MemberId>,
    removed: BTreeSet<MemberId>,
}

impl DryEtcd {
    pub(super) fn new(real: Arc<dyn EtcdBackend>, behind: Arc<Behind>) -> Self {
        Self { real, behind, changes: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn known(&self, access: &EtcdAccess) -> Result<Vec<Member>, EtcdError> {
        match self.behind.answers() {
            Answers::Cluster => self.real.members(access).await,
            Answers::Imagination => Ok(vec![imagined()]),
            Answers::Nobody => Ok(Vec::new()),
        }
    }
}

/// The member of the control plane that stands in for a real one.
fn imagined() -> Member {
    Member {
        id: MemberId(u64::MAX),
        name: "dry-run".into(),
        peer_urls: vec!["https://192.168.0.101:2380".into()],
        client_urls: vec!["https://192.168.0.101:2379".into()],
        learner: false,
    }
}

impl Changes {
    fn over(&self, mut members: Vec<Member>) -> Vec<Member> {
        members.extend(self.added.iter().cloned());
        members.retain(|member| !self.removed.contains(&member.id));
        for member in members.iter_mut().filter(|member| self.promoted.contains(&member.id)) {
            member.learner = false;
        }
        members
    }
}

#[async_trait]
impl EtcdBackend for DryEtcd {
    async fn members(&self, access: &EtcdAccess) -> Result<Vec<Member>, EtcdError> {
        let known = self.known(access).await?;
        Ok(self.lock().over(known))
    }

    async fn add_member(&self, access: &EtcdAccess, peer_url: &str, learner: bool) -> Result<Vec<Member>, EtcdError> {
        let known = self.known(access).await?;
        let mut changes = self.lock();
        // Nobody else's: etcd makes its numbers from URLs and the time.
        let id = MemberId(imagined().id.0 - 1 - changes.added.len() as u64);
        let urls = vec![peer_url.to_owned()];
        changes.added.push(Member { id, name: String::new(), peer_urls: urls.clone(), client_urls: urls, learner });
        let before_its_start = changes.over(known);
        // The name comes with the first start, which is not waited for in a dry run.
        changes.added.iter_mut().for_each(|member| member.name = format!("dry-run-{}", member.id));
        Ok(before_its_start)
    }

    async fn promote_member(&self, _: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        self.lock().promoted.insert(id);
        Ok(())
    }

    async fn remove_member(&self, _: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        self.lock().removed.insert(id);
        Ok(())
    }

    async fn status(&self, access: &EtcdAccess, client_url: &str) -> Result<MemberStatus, EtcdError> {
        let ours = |member: &&Member| member.client_urls.iter().any(|url| url == client_url);
        let asked = self.lock().added.iter().find(ours).cloned();
        if asked.is_none() && self.behind.answers() == Answers::Cluster {
            return self.real.status(access, client_url).await;
        }
        let promoted = asked.as_ref().is_some_and(|member| self.lock().promoted.contains(&member.id));
        let (id, learner) = asked.map_or((imagined().id, false), |member| (member.id, member.learner && !promoted));
        let version = String::new();
        Ok(MemberStatus { id, version, learner, leader: Some(id), applied: 0, db_size: 0, complaints: Vec::new() })
    }

    async fn snapshot(
        &self,
        _: &EtcdAccess,
        _: &str,
        _: &mut (dyn for<'a> FnMut(&'a [u8]) -> bool + Send),
    ) -> Result<(), EtcdError> {
        Ok(())
    }
}
