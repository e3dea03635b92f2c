//! Leaving: only what is ours, and never the quorum.

use std::time::Duration;

use kubewright_engine::{Effect, Failure, Report};

use super::health::examine;
use super::join::refused;
use super::patience::{Trouble, list};
use super::quorum::{Change, QuorumLoss, quorum_after};
use super::{Etcd, EtcdAccess, EtcdErrorKind, MemberId};
use crate::wait::{Attempt, wait_for};

/// How long a quorum that is too small is waited for before a removal is refused: about as long as a member that is
/// started anew takes to be back.
pub const QUORUM_GRACE: Duration = Duration::from_secs(10);

/// How a removal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is out, and the cluster shows it.
    Removed(MemberId),
    /// There was no member with this peer URL.
    AlreadyGone,
    /// It is the only member, which nobody can take out; the cluster ends with it.
    Last(MemberId),
}

impl Etcd {
    /// Takes out the member with this peer URL, and confirms it by the list.
    pub async fn remove_member(
        &self,
        access: &EtcdAccess,
        peer_url: &str,
        report: &Report,
    ) -> Result<Removal, Failure> {
        let members = list(&*self.backend, access, report).await?;
        let own = members.iter().find(|member| member.peer_urls.iter().any(|url| url == peer_url));
        let Some(id) = own.map(|own| own.id) else { return Ok(Removal::AlreadyGone) };
        if members.len() == 1 {
            return Ok(Removal::Last(id));
        }
        let effect = Effect::new("remove", format!("etcd member {id} at {peer_url}"));
        self.outward.perform(effect, self.wait_until_gone(access, id, report)).await
    }

    async fn wait_until_gone(&self, access: &EtcdAccess, id: MemberId, report: &Report) -> Result<Removal, Failure> {
        let trouble = Trouble::within(access.call_limit);
        let too_few = Trouble::within(QUORUM_GRACE.min(access.call_limit));
        wait_for(report, format!("etcd to let the member {id} go"), access.call_limit, || async {
            let members = match self.backend.members(access).await {
                Ok(members) => members,
                Err(error) => return trouble.error(error),
            };
            let Some(own) = members.iter().find(|member| member.id == id) else {
                return Ok(Attempt::Done(Removal::Removed(id)));
            };
            let voter = !own.learner;
            let doing = format!("remove the {own}");
            let health = examine(&self.backend, access, members).await;
            let up = health.member(id).is_some_and(|own| own.down.is_none());
            match quorum_after(health.voters(), Change::Remove { voter, up }) {
                Ok(_) => too_few.over(),
                Err(loss @ QuorumLoss::Last) => return Err(refused(&doing, loss, &health.problems())),
                Err(loss) => return too_few.because(refused(&doing, loss, &health.problems())),
            }
            match self.backend.remove_member(access, id).await {
                Ok(()) => Ok(Attempt::NotYet("the list still shows it".into())),
                Err(error) if error.kind == EtcdErrorKind::NoSuchMember => Ok(Attempt::NotYet(error.to_string())),
                Err(error) => trouble.error(error),
            }
        })
        .await
    }
}
