//! Becoming a member: at most once, in turn, and without stepping on anybody.

use std::collections::BTreeSet;

use kubewright_engine::{Effect, Failure, FailureKind, Report};

use super::patience::{QUEUE_LIMIT, Trouble, list};
use super::{Etcd, EtcdAccess, EtcdErrorKind, Member, MemberId};
use crate::wait::{Attempt, wait_for};

/// Who wants to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The name that its etcd will start with, which is the node's.
    pub name: String,
    /// Where other members will reach it, such as `https://10.0.0.2:2380`.
    pub peer_url: String,
    /// Its data directory holds a member's data.
    pub has_data: bool,
}

/// Whether the cluster knows us already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As a member that has been up, under our name.
    Started(Member),
    /// As a member that was added and never started: by an earlier run of ours, which was killed or lost the reply.
    Waiting(Member),
    /// Not at all.
    None,
}

/// Joined: what is needed to start etcd, and what then follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Our number.
    pub id: MemberId,
    /// The value of `--initial-cluster`. etcd refuses to start, at its first start, unless it names exactly the members.
    pub initial_cluster: String,
    /// All members, with ours.
    pub members: Vec<Member>,
    /// It was a member before.
    pub known: bool,
    /// It has been up before.
    pub started: bool,
    /// It needs to be promoted.
    pub learner: bool,
}

/// What became of our member's first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It is up, as the cluster has seen.
    Up(Member),
    /// Somebody joined or left before it was up, so it cannot start with the `--initial-cluster` that it has. Write the
    /// manifest again and wait again.
    Changed(Joined),
}

impl Etcd {
    /// Makes us a member, or finds that we are one. Waits for our turn: etcd has one learner at a time, and who is being
    /// started must see the members that it was told.
    pub async fn join_member(
        &self,
        access: &EtcdAccess,
        joining: &Joining,
        report: &Report,
    ) -> Result<Joined, Failure> {
        let members = list(&*self.backend, access, report).await?;
        if let Some(joined) = found(&members, joining)? {
            return Ok(joined);
        }
        let effect = Effect::new("join", format!("etcd as {} at {}", joining.name, joining.peer_url));
        self.outward.perform(effect, self.wait_for_turn(access, joining, report)).await
    }

    async fn wait_for_turn(&self, access: &EtcdAccess, joining: &Joining, report: &Report) -> Result<Joined, Failure> {
        let trouble = Trouble::within(access.call_limit);
        let courtesy = Trouble::within(access.call_limit);
        let what = format!("our turn to join etcd as `{}`", joining.name);
        wait_for(report, what, QUEUE_LIMIT, || async {
            let members = match self.backend.members(access).await {
                Ok(members) => members,
                Err(error) => return trouble.error(error),
            };
            if let Some(mut joined) = found(&members, joining)? {
                // It was not there when we began, so it is our request that was done, whatever became of its reply.
                joined.known = false;
                return Ok(Attempt::Done(joined));
            }
            // Its --initial-cluster does not name us. One that never starts must not keep everybody out for ever.
            if let Some(starting) = members.iter().find(|member| !member.started()) {
                if !courtesy.too_long() {
                    trouble.over();
                    let words = format!("{starting} was added by another join and has not started yet");
                    return Ok(Attempt::NotYet(words));
                }
            } else {
                courtesy.over();
            }
            // A vote at once, as kubeadm's before 1.29, would cost the quorum of one if we died before our etcd is up.
            match self.backend.add_member(access, &joining.peer_url, true).await {
                Ok(members) => match found(&members, joining)? {
                    Some(joined) => Ok(Attempt::Done(Joined { known: false, ..joined })),
                    None => Ok(Attempt::NotYet("etcd added us and does not show us yet".into())),
                },
                Err(error) if error.kind == EtcdErrorKind::TooManyLearners => {
                    trouble.over();
                    Ok(Attempt::NotYet(queue_reason(&members)))
                }
                Err(error) => trouble.error(error),
            }
        })
        .await
        .map_err(|failure| match failure.get_kind() {
            FailureKind::Deadline if failure.hints().is_empty() => failure.hint(
                "let the join on that node end; when it never will, `etcdctl member list` and `etcdctl member remove` \
                 take its member out",
            ),
            _ => failure,
        })
    }

    /// Waits until our etcd is up for the first time, as long as the access allows.
    pub async fn await_start(
        &self,
        access: &EtcdAccess,
        joined: &Joined,
        joining: &Joining,
        report: &Report,
    ) -> Result<Start, Failure> {
        let what = format!("the new etcd member `{}` to start", joining.name);
        let trouble = Trouble::within(access.call_limit);
        wait_for(report, what, access.call_limit, || async {
            let members = match self.backend.members(access).await {
                Ok(members) => members,
                Err(error) => return trouble.error(error),
            };
            trouble.over();
            let Some(own) = members.iter().find(|member| member.id == joined.id) else {
                return Err(gone(joined.id));
            };
            if own.started() {
                return Ok(Attempt::Done(Start::Up(own.clone())));
            }
            if urls(&members) != urls(&joined.members) {
                let (id, learner) = (own.id, own.learner);
                let initial_cluster = initial_cluster(&members, joining);
                let joined = Joined { id, initial_cluster, members, known: true, started: false, learner };
                return Ok(Attempt::Done(Start::Changed(joined)));
            }
            Ok(Attempt::NotYet("its etcd has not told the cluster its name, which is the first thing it does".into()))
        })
        .await
        .map_err(|failure| match failure.get_kind() {
            FailureKind::Deadline if failure.hints().is_empty() => {
                failure.hint("`crictl ps -a --name etcd` and /var/log/pods/kube-system_etcd-* on this node say why")
            }
            _ => failure,
        })
    }
}

/// Looks whether the cluster knows us, and refuses what cannot go well.
pub fn place_of(members: &[Member], joining: &Joining) -> Result<Place, Failure> {
    let at_our_url = members.iter().find(|member| member.peer_urls.contains(&joining.peer_url));
    let Some(own) = at_our_url else {
        // etcd itself would take a second member of the name; `--initial-cluster` would then give both URLs to both.
        return match members.iter().find(|member| member.name == joining.name) {
            Some(namesake) => Err(Failure::new(format!(
                "etcd has the {namesake}, which has this node's name at another address than {}",
                joining.peer_url
            ))
            .hint(format!(
                "if it is this node's former self: `etcdctl member remove {}`, then join again",
                namesake.id
            ))),
            None => Ok(Place::None),
        };
    };
    if !own.started() {
        return Ok(Place::Waiting(own.clone()));
    }
    if own.name != joining.name {
        return Err(Failure::new(format!("etcd has the {own}, which is this node's address under another name")).hint(
            format!(
                "join with `--node-name={}`, or, if that member is no more: `etcdctl member remove {}`",
                own.name, own.id
            ),
        ));
    }
    if !joining.has_data {
        return Err(Failure::new(format!(
            "etcd has the {own}, which has been up before, but this node's data directory has none of its data"
        ))
        .hint(format!("its data cannot come back: `etcdctl member remove {}`, then join again", own.id)));
    }
    Ok(Place::Started(own.clone()))
}

/// The value of `--initial-cluster`: every member in etcd's order, ours under the name that it will start with, others
/// that have not started under their number.
pub fn initial_cluster(members: &[Member], joining: &Joining) -> String {
    let name = |member: &Member| {
        if member.peer_urls.contains(&joining.peer_url) {
            joining.name.clone()
        } else if member.started() {
            member.name.clone()
        } else {
            member.id.to_string()
        }
    };
    let entries = members.iter().flat_map(|member| {
        let name = name(member);
        member.peer_urls.iter().map(move |url| format!("{name}={url}"))
    });
    entries.collect::<Vec<_>>().join(",")
}

/// A refusal by arithmetic, with who is down.
pub(super) fn refused(doing: &str, loss: super::QuorumLoss, problems: &[String]) -> Failure {
    let failure = Failure::from(loss).context(format!("refused to {doing}"));
    match problems {
        [] => failure,
        problems => failure.hint(format!("start what is down first: {}", problems.join("; "))),
    }
}

/// Our member is not in the cluster any more.
pub(super) fn gone(id: MemberId) -> Failure {
    Failure::new(format!("the etcd member {id} is not in the cluster any more; somebody removed it"))
        .hint("move etcd's manifest and its data directory on this node away, then join again")
}

fn found(members: &[Member], joining: &Joining) -> Result<Option<Joined>, Failure> {
    let (own, started) = match place_of(members, joining)? {
        Place::None => return Ok(None),
        Place::Waiting(own) => (own, false),
        Place::Started(own) => (own, true),
    };
    let initial_cluster = initial_cluster(members, joining);
    let (id, learner, members) = (own.id, own.learner, members.to_vec());
    Ok(Some(Joined { id, initial_cluster, members, known: true, started, learner }))
}

fn queue_reason(members: &[Member]) -> String {
    match members.iter().find(|member| member.learner) {
        Some(learner) => format!("the {learner} is still a learner, and etcd has one at a time"),
        None => "another member was still a learner a moment ago, and etcd has one at a time".into(),
    }
}

fn urls(members: &[Member]) -> BTreeSet<(MemberId, Vec<String>)> {
    members.iter().map(|member| (member.id, member.peer_urls.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, name: &str, host: &str) -> Member {
        let url = |port: u16| vec![format!("https://{host}:{port}")];
        let client_urls = if name.is_empty() { Vec::new() } else { url(2379) };
        Member { id: MemberId(id), name: name.into(), peer_urls: url(2380), client_urls, learner: false }
    }

    fn joining() -> Joining {
        Joining { name: "b".into(), peer_url: "https://10.0.0.2:2380".into(), has_data: false }
    }

    #[test]
    fn an_unstarted_member_at_our_address_is_ours() {
        let members = [member(1, "a", "10.0.0.1"), member(2, "", "10.0.0.2")];
        assert_eq!(place_of(&members, &joining()).unwrap(), Place::Waiting(members[1].clone()));
    }

    #[test]
    fn anothers_unstarted_member_is_not_ours() {
        let members = [member(1, "a", "10.0.0.1"), member(3, "", "10.0.0.3")];
        assert_eq!(place_of(&members, &joining()).unwrap(), Place::None);
    }

    #[test]
    fn a_started_member_is_ours_with_its_data_only() {
        let members = [member(1, "a", "10.0.0.1"), member(2, "b", "10.0.0.2")];
        let failure = place_of(&members, &joining()).unwrap_err();
        assert_eq!(failure.hints(), ["its data cannot come back: `etcdctl member remove 2`, then join again"]);
        let with_data = Joining { has_data: true, ..joining() };
        assert_eq!(place_of(&members, &with_data).unwrap(), Place::Started(members[1].clone()));
    }

    #[test]
    fn a_name_or_an_address_of_somebody_else_is_refused() {
        let namesake = [member(1, "b", "10.0.0.1")];
        assert!(
            place_of(&namesake, &joining()).unwrap_err().to_string().contains("this node's name at another address")
        );
        let squatter = [member(0x10, "c", "10.0.0.2")];
        let failure = place_of(&squatter, &joining()).unwrap_err();
        assert!(failure.to_string().contains("this node's address under another name"), "{failure}");
        assert!(failure.hints()[0].contains("etcdctl member remove 10"), "{:?}", failure.hints());
    }

    #[test]
    fn initial_cluster_is_as_etcd_wants_it() {
        let members = [member(1, "a", "10.0.0.1"), member(0xab, "", "10.0.0.3"), member(2, "", "10.0.0.2")];
        let value = "a=https://10.0.0.1:2380,ab=https://10.0.0.3:2380,b=https://10.0.0.2:2380";
        assert_eq!(initial_cluster(&members, &joining()), value);
        let mut two_urls = member(1, "a", "10.0.0.1");
        two_urls.peer_urls.push("https://[fd00::1]:2380".into());
        assert_eq!(initial_cluster(&[two_urls], &joining()), "a=https://10.0.0.1:2380,a=https://[fd00::1]:2380");
    }
}
