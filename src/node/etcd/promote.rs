//! From learner to voter.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kubewright_engine::{Effect, Failure, FailureKind, Report};

use super::health::{ClusterHealth, examine};
use super::join::{gone, refused};
use super::patience::{QUEUE_LIMIT, Trouble, list};
use super::quorum::{Change, quorum_after};
use super::{Etcd, EtcdAccess, EtcdErrorKind, MemberId};
use crate::wait::{Attempt, wait_for};

/// How a promotion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promotion {
    /// It has its vote now.
    Promoted,
    /// It had its vote before.
    Already,
}

impl Etcd {
    /// Gives a member its vote, or finds that it has it. Waits until it is up and has copied enough: as long as the access
    /// allows when nothing moves, and longer while it copies.
    pub async fn promote_member(
        &self,
        access: &EtcdAccess,
        id: MemberId,
        report: &Report,
    ) -> Result<Promotion, Failure> {
        let members = list(&*self.backend, access, report).await?;
        match members.iter().find(|member| member.id == id) {
            None => return Err(gone(id)),
            Some(member) if !member.learner => return Ok(Promotion::Already),
            Some(_) => {}
        }
        let effect = Effect::new("promote", format!("etcd member {id}"));
        self.outward.perform(effect, self.wait_for_vote(access, id, report)).await
    }

    async fn wait_for_vote(&self, access: &EtcdAccess, id: MemberId, report: &Report) -> Result<Promotion, Failure> {
        // Starting and copying are two things, and each has its time.
        let (starting, trouble) = (Trouble::within(access.call_limit), Trouble::within(access.call_limit));
        let (asked, copied) = (AtomicBool::new(false), AtomicU64::new(0));
        wait_for(report, format!("the etcd member {id} to get its vote"), QUEUE_LIMIT, || async {
            let members = match self.backend.members(access).await {
                Ok(members) => members,
                Err(error) => return trouble.error(error),
            };
            let Some(own) = members.iter().find(|member| member.id == id).cloned() else { return Err(gone(id)) };
            if !own.learner {
                // Ours, if its reply was lost; else somebody was faster, which is as good.
                let ours = asked.load(Ordering::SeqCst);
                return Ok(Attempt::Done(if ours { Promotion::Promoted } else { Promotion::Already }));
            }
            if !own.started() {
                trouble.over();
                return starting.because(Failure::new(format!("the {own} has not started yet")).hint(LOOK));
            }
            let health = examine(&self.backend, access, members).await;
            let up = health.member(id).is_some_and(|own| own.down.is_none());
            if let Err(loss) = quorum_after(health.voters(), Change::Promote { up }) {
                return trouble.because(refused("promote the member", loss, &health.problems()));
            }
            asked.store(true, Ordering::SeqCst);
            match self.backend.promote_member(access, id).await {
                Ok(()) => Ok(Attempt::Done(Promotion::Promoted)),
                // The next look at the list tells whether it has its vote.
                Err(error) if error.kind == EtcdErrorKind::NotLearner => Ok(Attempt::NotYet(error.to_string())),
                Err(error) if error.kind == EtcdErrorKind::NoSuchMember => Ok(Attempt::NotYet(error.to_string())),
                Err(error) if error.kind == EtcdErrorKind::NotInSync => {
                    let (have, all) = progress(&health, id);
                    if copied.fetch_max(have, Ordering::SeqCst) < have {
                        trouble.over();
                    }
                    let words = format!("it copies from the others: {have} of {all} entries applied");
                    trouble.because(Failure::new(words).hint(LOOK))
                }
                Err(error) => trouble.error(error),
            }
        })
        .await
        .map_err(|failure| match failure.get_kind() {
            FailureKind::Deadline if failure.hints().is_empty() => failure.hint(LOOK),
            _ => failure,
        })
    }
}

const LOOK: &str = "`crictl ps -a --name etcd` and /var/log/pods/kube-system_etcd-* on this node say why; when it is well, \
    run the same command again";

/// How far the learner is, and how far the others are.
fn progress(health: &ClusterHealth, id: MemberId) -> (u64, u64) {
    let own = health.member(id).and_then(|own| own.applied).unwrap_or_default();
    let all = health.members.iter().filter_map(|member| member.applied).max().unwrap_or_default();
    (own, all)
}
