//! How a phase uses it: through its powers, and so the same in a dry run.

use kubewright_engine::{
    Done, Entry, Events, Journal, Phase, Report, RunOptions, Runner, Seeds, Selection, Use, Workflow,
};
use kubewright_node::{Clock, Discovery as Looking, Files, KubeErrorKind, Mode, Node};
use kubewright_testkit::TestNode;

use super::*;

struct FindCluster;

impl Phase<Node> for FindCluster {
    const ABOUT: &'static str = "Find the cluster";
    const RANK: u16 = 1;
    type Input = (Use<Looking>, Use<Files>, Use<Clock>);
    type Output = ();

    async fn run(&self, (looking, files, clock): Self::Input, report: &Report) -> Result<(), Failure> {
        let join = Join::by_file("/root/discovery.conf");
        let token = token();
        let wanted = Wanted { tls_bootstrap_token: Some(&token), discovery: &join.discovery, limit: LONG };
        let read = |path: &Utf8Path| files.read(path);
        let powers = Powers { backend: &**looking, read: &read, now: clock.now(), report: Some(report) };
        let found = discover(&wanted, &powers).await.map_err(DiscoveryError::into_failure)?;
        files.write(
            "/etc/kubernetes/bootstrap-kubelet.conf".into(),
            &Contents::secret(found.to_yaml().as_bytes()),
            Mode(0o600),
        )
    }
}

static ENTRIES: &[Entry<Node>] = &[Entry { path: "find-cluster", phase: &FindCluster }];

async fn run(node: &TestNode) -> Result<(), Failure> {
    let workflow = Workflow::new("toy", ENTRIES).unwrap();
    let plan = workflow.plan(Seeds::new(), &Selection::default(), &Done::none()).unwrap();
    let journal = Arc::new(Journal::discarding("000001-20260102T030405Z"));
    let (events, _receiver) = Events::channel();
    let ended = Runner::new(node.world(), journal, events).run(&plan, RunOptions::default()).await;
    ended.map(|_| ()).map_err(|failed| failed.failure)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_finds_the_cluster_with_its_powers() {
    let directory = tempfile::tempdir().unwrap();
    let node = kubewright_testkit::node(directory.path().try_into().unwrap());
    let failure = run(&node).await.unwrap_err();
    assert!(
        failure.chain().concat().contains("the file `/root/discovery.conf` for discovery is not there"),
        "{failure}"
    );
    assert_eq!(failure.hints(), ["check the path, and who may read the file"]);

    let ca = Ca::new("kubernetes");
    let file = node.root.place("/root/discovery.conf".into());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, ca.kubeconfig("https://10.9.8.7:6443")).unwrap();
    node.discovery.answer(Err(KubeErrorKind::Busy));
    node.discovery.answer(Err(KubeErrorKind::Forbidden));
    run(&node).await.unwrap();
    assert_eq!(node.discovery.asked(), ["kubeconfig", "kubeconfig"]);
    let written = node.root.place("/etc/kubernetes/bootstrap-kubelet.conf".into());
    assert!(std::fs::read_to_string(written).unwrap().contains(TOKEN));
}
