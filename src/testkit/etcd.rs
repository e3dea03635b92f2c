//! An etcd that keeps its members in memory and refuses what the real one refuses. The one in [`crate::node`] starts a
//! member when its static pod is there, and only if its arguments are right.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kubewright_node::etcd::{Change, Member, MemberId, MemberStatus, Voters, quorum_after};
use kubewright_node::{EtcdAccess, EtcdBackend, EtcdError, EtcdErrorKind};
use sha2::{Digest as _, Sha256};

use crate::faults::Calls;

/// What happens to a call that is to fail.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is not done.
    Refuse(EtcdErrorKind),
    /// It is done, and the caller does not hear of it.
    LoseReply,
}

/// An etcd in name only, with one voter, `first` at 10.0.0.1, that is up. Members are added unstarted; [`FakeEtcd::start`]
/// starts them.
pub struct FakeEtcd {
    state: Mutex<State>,
    calls: Calls<Fault>,
    before_list: Mutex<Option<Hook>>,
}

type Hook = Box<dyn Fn(&FakeEtcd) + Send + Sync>;

struct State {
    members: Vec<Member>,
    next: u64,
    down: BTreeSet<MemberId>,
    complaints: Vec<String>,
    /// How many promotions are still refused because the learner copies.
    copying: u64,
}

impl Default for FakeEtcd {
    fn default() -> Self {
        let mut state =
            State { members: Vec::new(), next: 1, down: BTreeSet::new(), complaints: Vec::new(), copying: 0 };
        let id = state.add("https://10.0.0.1:2380", false);
        state.start(id, "first");
        Self { state: Mutex::new(state), calls: Calls::default(), before_list: Mutex::default() }
    }
}

impl FakeEtcd {
    /// All members, in the order of their numbers.
    pub fn members(&self) -> Vec<Member> {
        self.state().members.clone()
    }

    /// Has just these members from now on.
    pub fn become_of(&self, members: Vec<Member>) {
        let mut state = self.state();
        state.next = members.iter().map(|member| member.id.0 + 1).max().unwrap_or(1);
        state.members = members;
    }

    /// Puts a member in as another node's join would; it has not started.
    pub fn put(&self, peer_url: &str, learner: bool) -> MemberId {
        self.state().add(peer_url, learner)
    }

    /// Starts a member under a name.
    pub fn start(&self, id: MemberId, name: &str) {
        self.state().start(id, name);
    }

    /// Nobody answers for this member from now on.
    pub fn stop(&self, id: MemberId) {
        self.state().down.insert(id);
    }

    /// Every member complains of this, as all do of an alarm.
    pub fn complain(&self, words: &str) {
        self.state().complaints.push(words.into());
    }

    /// Refuses the next promotions, so many, because the learner copies.
    pub fn copy_for(&self, promotions: u64) {
        self.state().copying = promotions;
    }

    /// Does something before each list of the members, such as looking whether one has been given its static pod.
    pub fn before_each_list(&self, hook: impl Fn(&FakeEtcd) + Send + Sync + 'static) {
        *self.before_list.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// What was asked, in order, such as `add https://10.0.0.2:2380`; also what failed.
    pub fn requests(&self) -> Vec<String> {
        self.calls.made()
    }

    /// The requests that would change something.
    pub fn changes(&self) -> Vec<String> {
        let looks = |request: &String| request == "list" || request.starts_with("status ");
        self.requests().into_iter().filter(|request| !looks(request)).collect()
    }

    /// Lets the nth request from now on that begins with these words fail, counting from 1; it is not done.
    pub fn fail(&self, request: &str, nth: usize, kind: EtcdErrorKind) {
        self.calls.fail(request, nth, Fault::Refuse(kind));
    }

    /// Loses the reply to the nth request from now on that begins with these words, counting from 1; it is done.
    pub fn lose_reply(&self, request: &str, nth: usize) {
        self.calls.fail(request, nth, Fault::LoseReply);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the call down, does it unless it is to fail or too few members are up, and loses the reply if it is to be.
    fn call<T>(
        &self,
        doing: &'static str,
        request: String,
        work: impl FnOnce(&mut State) -> Result<T, (EtcdErrorKind, &'static str)>,
    ) -> Result<T, EtcdError> {
        let error = |kind, message: &str| EtcdError { kind, doing, message: message.into() };
        let fault = self.calls.make(request);
        if let Some(Fault::Refuse(kind)) = fault {
            return Err(error(kind, "the fake etcd was told to fail"));
        }
        let mut state = self.state();
        if !state.voters().has_quorum() {
            return Err(error(EtcdErrorKind::Unreachable, "connection refused"));
        }
        let done = work(&mut state).map_err(|(kind, words)| error(kind, words))?;
        match fault {
            Some(_) => Err(error(EtcdErrorKind::LostReply, "the fake connection was cut")),
            None => Ok(done),
        }
    }
}

impl State {
    fn add(&mut self, peer_url: &str, learner: bool) -> MemberId {
        let id = MemberId(self.next);
        self.next += 1;
        let peer_urls = vec![peer_url.to_owned()];
        self.members.push(Member { id, name: String::new(), peer_urls, client_urls: Vec::new(), learner });
        id
    }

    fn start(&mut self, id: MemberId, name: &str) {
        self.down.remove(&id);
        if let Some(member) = self.members.iter_mut().find(|member| member.id == id) {
            member.name = name.into();
            member.client_urls = member.peer_urls.iter().map(|url| url.replace(":2380", ":2379")).collect();
        }
    }

    fn up(&self, member: &Member) -> bool {
        member.started() && !self.down.contains(&member.id)
    }

    fn voters(&self) -> Voters {
        let voters = || self.members.iter().filter(|member| !member.learner);
        Voters { total: voters().count(), up: voters().filter(|member| self.up(member)).count() }
    }

    fn find(&self, id: MemberId) -> Result<&Member, (EtcdErrorKind, &'static str)> {
        let found = self.members.iter().find(|member| member.id == id);
        found.ok_or((EtcdErrorKind::NoSuchMember, "etcdserver: member not found"))
    }
}

#[async_trait]
impl EtcdBackend for FakeEtcd {
    async fn members(&self, _: &EtcdAccess) -> Result<Vec<Member>, EtcdError> {
        if let Some(hook) = &*self.before_list.lock().unwrap_or_else(PoisonError::into_inner) {
            hook(self);
        }
        self.call("list its members", "list".into(), |state| Ok(state.members.clone()))
    }

    async fn add_member(&self, _: &EtcdAccess, peer_url: &str, learner: bool) -> Result<Vec<Member>, EtcdError> {
        self.call("add a member", format!("add {peer_url}"), |state| {
            if state.members.iter().any(|member| member.peer_urls.iter().any(|url| url == peer_url)) {
                return Err((EtcdErrorKind::PeerUrlTaken, "etcdserver: Peer URLs already exists"));
            }
            if learner && state.members.iter().any(|member| member.learner) {
                return Err((EtcdErrorKind::TooManyLearners, "etcdserver: too many learner members in cluster"));
            }
            let started = state.members.iter().filter(|member| !member.learner && member.started()).count();
            let total = state.voters().total + 1;
            if !learner && started < total / 2 + 1 && (started, total) != (1, 2) {
                let words = "etcdserver: re-configuration failed due to not enough started members";
                return Err((EtcdErrorKind::QuorumAtRisk, words));
            }
            state.add(peer_url, learner);
            Ok(state.members.clone())
        })
    }

    async fn promote_member(&self, _: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        self.call("promote a member", format!("promote {id}"), |state| {
            let member = state.find(id)?;
            if !member.learner {
                return Err((EtcdErrorKind::NotLearner, "etcdserver: can only promote a learner member"));
            }
            if state.copying > 0 || !state.up(member) {
                state.copying = state.copying.saturating_sub(1);
                let words = "etcdserver: can only promote a learner member which is in sync with leader";
                return Err((EtcdErrorKind::NotInSync, words));
            }
            state.members.iter_mut().filter(|member| member.id == id).for_each(|member| member.learner = false);
            Ok(())
        })
    }

    async fn remove_member(&self, _: &EtcdAccess, id: MemberId) -> Result<(), EtcdError> {
        self.call("remove a member", format!("remove {id}"), |state| {
            let member = state.find(id)?;
            let (voter, up) = (!member.learner, state.up(member));
            quorum_after(state.voters(), Change::Remove { voter, up })
                .map_err(|_| (EtcdErrorKind::QuorumAtRisk, "etcdserver: unhealthy cluster"))?;
            state.members.retain(|member| member.id != id);
            Ok(())
        })
    }

    async fn status(&self, _: &EtcdAccess, client_url: &str) -> Result<MemberStatus, EtcdError> {
        let error = |kind, message: &str| EtcdError { kind, doing: "tell its status", message: message.into() };
        if let Some(Fault::Refuse(kind)) = self.calls.make(format!("status {client_url}")) {
            return Err(error(kind, "the fake etcd was told to fail"));
        }
        let state = self.state();
        let leader = state.members.iter().find(|member| !member.learner && state.up(member)).map(|member| member.id);
        let asked = state.members.iter().find(|member| member.client_urls.iter().any(|url| url == client_url));
        match asked.filter(|member| state.up(member)) {
            None => Err(error(EtcdErrorKind::Unreachable, &format!("{client_url}: connection refused"))),
            Some(member) => Ok(MemberStatus {
                id: member.id,
                version: "3.5.24".into(),
                learner: member.learner,
                leader: leader.filter(|_| state.voters().has_quorum()),
                db_size: 0,
                applied: if member.learner { 100 - state.copying.min(100) } else { 100 },
                complaints: state.complaints.clone(),
            }),
        }
    }

    async fn snapshot(
        &self,
        _: &EtcdAccess,
        client_url: &str,
        take: &mut (dyn for<'a> FnMut(&'a [u8]) -> bool + Send),
    ) -> Result<(), EtcdError> {
        let error = |kind, message: &str| EtcdError { kind, doing: "send a snapshot", message: message.into() };
        if let Some(Fault::Refuse(kind)) = self.calls.make(format!("snapshot {client_url}")) {
            return Err(error(kind, "the fake etcd was told to fail"));
        }
        let data = b"what the fake etcd holds";
        let taken = take(data) && take(&Sha256::digest(data));
        taken.then_some(()).ok_or_else(|| error(EtcdErrorKind::Refused, "what it sent could not be kept"))
    }
}
