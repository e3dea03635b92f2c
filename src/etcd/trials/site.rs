//! A place for a cluster of real etcd servers: addresses, certificates, directories, processes.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_engine::{Capability, EffectLog, Event, EventKind, Events, Failure, Journal, Report, World};
use kubewright_node::etcd::{Etcd, EtcdAccess, EtcdTls, Joined, Joining, Member, Start};
use kubewright_node::{Backends, EtcdBackend, Node};
use kubewright_pki::{Authority, CaSpec, ExtendedKeyUsage, KeyAlgorithm, LeafSpec, PrivateKey, SanSet, Validity};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::EtcdCluster;

/// Each site has addresses of its own, so that tests can run beside each other with etcd's usual ports.
static SITES: AtomicU32 = AtomicU32::new(0);

pub(super) struct Site {
    pub(super) dir: TempDir,
    base: u32,
    authority: Authority,
    pub(super) client: EtcdTls,
    /// etcd refuses to change its members while one of them has not been connected for 5 s, as everywhere.
    strict: bool,
}

/// A running etcd; dropping it kills the process.
pub(super) struct Server {
    pub(super) child: Child,
    /// Before it was connected to anybody.
    pub(super) started: Instant,
}

/// The power as a phase has it, with everything that it said.
pub(super) struct Hand {
    pub(super) etcd: Etcd,
    pub(super) report: Report,
    pub(super) heard: UnboundedReceiver<Event>,
    pub(super) journal: Arc<Journal>,
    _dir: TempDir,
}

impl Hand {
    pub(super) fn on(backend: Arc<dyn EtcdBackend>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backends = kubewright_testkit::node(Utf8Path::from_path(dir.path()).unwrap()).backends;
        let node = Node::new(Backends { etcd: backend, ..backends });
        let (events, heard) = Events::channel();
        let journal = Arc::new(Journal::discarding("test"));
        let session = node.begin(EffectLog::new("etcd-join", Arc::clone(&journal), events.clone()));
        Self { etcd: Etcd::of(&session), report: Report::new("etcd-join", events), heard, journal, _dir: dir }
    }

    pub(super) fn live() -> Self {
        Self::on(Arc::new(EtcdCluster::new()))
    }

    /// Every cause that a wait has named so far.
    pub(super) fn causes(&mut self) -> Vec<String> {
        let mut causes = Vec::new();
        while let Ok(event) = self.heard.try_recv() {
            if let EventKind::Waiting { cause: Some(cause), .. } = event.kind {
                causes.push(cause);
            }
        }
        causes.dedup();
        causes
    }
}

impl Site {
    pub(super) fn new() -> Self {
        let site = SITES.fetch_add(1, Ordering::SeqCst);
        let place = (std::process::id().wrapping_mul(31).wrapping_add(site)) % 0xf000 + 0x100;
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let ca = CaSpec { common_name: "etcd-ca".into(), names: SanSet::default(), serial_zero: false };
        let authority = Authority::self_signed(&ca, key, validity()).unwrap();
        let none = SanSet::default();
        let (certificate, key) =
            leaf(&authority, "kube-etcd-healthcheck-client", none, &[ExtendedKeyUsage::ClientAuth]);
        let client = EtcdTls { authority: authority.certificate().to_pem(), certificate, key };
        Self { dir: tempfile::tempdir().unwrap(), base: 0x7f00_0000 + (place << 8), authority, client, strict: true }
    }

    /// One whose etcd changes its members at any time, for what would take minutes otherwise.
    pub(super) fn lenient() -> Self {
        Self { strict: false, ..Self::new() }
    }

    pub(super) fn address(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::from(self.base + u32::from(number))
    }

    pub(super) fn peer_url(&self, number: u8) -> String {
        format!("https://{}:2380", self.address(number))
    }

    pub(super) fn client_url(&self, number: u8) -> String {
        format!("https://{}:2379", self.address(number))
    }

    pub(super) fn access(&self, endpoints: &[u8]) -> EtcdAccess {
        let endpoints = endpoints.iter().map(|number| self.client_url(*number)).collect();
        EtcdAccess { endpoints, tls: Some(self.client.clone()), call_limit: Duration::from_secs(60) }
    }

    pub(super) fn joining(&self, number: u8) -> Joining {
        let has_data = self.data(number).join("member").exists();
        Joining { name: format!("node{number}"), peer_url: self.peer_url(number), has_data }
    }

    pub(super) fn data(&self, number: u8) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.dir.path().join(format!("data{number}"))).unwrap()
    }

    /// Signs a pair for serving and calling at an address.
    pub(super) fn pair(&self, number: u8) -> (String, zeroize::Zeroizing<String>) {
        let names = SanSet::new(["localhost"], [self.address(number).into()]);
        leaf(
            &self.authority,
            &format!("node{number}"),
            names,
            &[ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        )
    }

    /// Starts the first member and waits until it answers.
    pub(super) async fn first(&self, advertised: u8) -> Server {
        let own = format!("node1={}", self.peer_url(1));
        let server = self.start(1, &own, "new", advertised);
        let hand = Hand::live();
        hand.etcd.members(&self.access(&[1]), &hand.report).await.unwrap();
        server
    }

    /// Starts a member whose clients are told the address `advertised`.
    pub(super) fn start(&self, number: u8, initial_cluster: &str, state: &str, advertised: u8) -> Server {
        let file = |name: &str| self.dir.path().join(format!("{name}{number}")).to_str().unwrap().to_owned();
        let (certificate, key) = self.pair(number);
        fs::write(file("crt"), certificate).unwrap();
        fs::write(file("key"), &*key).unwrap();
        fs::write(file("ca"), self.authority.certificate().to_pem()).unwrap();
        let log = fs::OpenOptions::new().create(true).append(true).open(file("log")).unwrap();
        let mut command = Command::new(std::env::var("KUBEWRIGHT_ETCD").unwrap_or_else(|_| "etcd".into()));
        command.args(["--name", &format!("node{number}")]);
        command.args(["--data-dir", self.data(number).as_str()]);
        command.args(["--listen-client-urls", &self.client_url(number)]);
        command.args(["--advertise-client-urls", &self.client_url(advertised)]);
        command.args(["--listen-peer-urls", &self.peer_url(number)]);
        command.args(["--initial-advertise-peer-urls", &self.peer_url(number)]);
        command.args(["--initial-cluster", initial_cluster, "--initial-cluster-state", state]);
        command.arg(format!("--strict-reconfig-check={}", self.strict));
        for prefix in ["--", "--peer-"] {
            command.args([format!("{prefix}cert-file"), file("crt"), format!("{prefix}key-file"), file("key")]);
            command.args([format!("{prefix}trusted-ca-file"), file("ca"), format!("{prefix}client-cert-auth=true")]);
        }
        command.env_clear().stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        if let Ok(path) = std::env::var("PATH") {
            command.env("PATH", path);
        }
        let started = Instant::now();
        let child = command
            .spawn()
            .expect("etcd must be on the PATH (Debian: etcd-server, since Debian 12), or named by KUBEWRIGHT_ETCD");
        Server { child, started }
    }

    /// What the last lines of a member's log say, for a test that fails.
    pub(super) fn log(&self, number: u8) -> String {
        let log = fs::read_to_string(self.dir.path().join(format!("log{number}"))).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Joins as the phases will: announce, write the manifest, start, promote, look whether all is well. In place of a
    /// manifest and a kubelet there is a process, which is started anew with what the manifest says when it ends.
    pub(super) async fn join(&self, number: u8, access: &EtcdAccess) -> Result<(Server, Hand), Failure> {
        let hand = Hand::live();
        let joining = self.joining(number);
        let mut joined = hand.etcd.join_member(access, &joining, &hand.report).await?;
        let server = loop {
            let server = self.start(number, &joined.initial_cluster, "existing", number);
            match hand.etcd.await_start(access, &joined, &joining, &hand.report).await? {
                Start::Up(_) => break server,
                Start::Changed(now) => joined = now,
            }
        };
        self.complete(&hand, access, &joined).await?;
        Ok((server, hand))
    }

    pub(super) async fn complete(&self, hand: &Hand, access: &EtcdAccess, joined: &Joined) -> Result<(), Failure> {
        if joined.learner {
            hand.etcd.promote_member(access, joined.id, &hand.report).await?;
        }
        hand.etcd.wait_until_well(access, Duration::from_secs(40), &hand.report).await?;
        Ok(())
    }

    /// The members as they are.
    pub(super) async fn members(&self, endpoints: &[u8]) -> Vec<Member> {
        let hand = Hand::live();
        hand.etcd.members(&self.access(endpoints), &hand.report).await.unwrap()
    }
}

/// The names of the voters, sorted; a learner is marked.
pub(super) fn names(members: &[Member]) -> Vec<String> {
    let mark =
        |member: &Member| if member.learner { format!("{} (learner)", member.name) } else { member.name.clone() };
    let mut names: Vec<_> = members.iter().map(mark).collect();
    names.sort();
    names
}

fn validity() -> Validity {
    let hour = Duration::from_secs(3600);
    Validity::lasting(OffsetDateTime::now_utc(), hour, hour)
}

fn leaf(
    authority: &Authority,
    name: &str,
    names: SanSet,
    usages: &[ExtendedKeyUsage],
) -> (String, zeroize::Zeroizing<String>) {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let (common_name, organizations) = (name.to_owned(), Vec::new());
    let spec = LeafSpec { common_name, organizations, usages: usages.to_vec(), names, basic_constraints: true };
    let certificate = authority.sign(&spec, &key, validity()).unwrap();
    (certificate.to_pem(), key.to_pem().unwrap())
}
