//! Every check on a made-up machine, with and without its fault.

#![allow(clippy::disallowed_methods, reason = "the made-up machine's files are real ones in a temporary directory")]

mod faults;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use camino::Utf8Path;
use futures_util::future::join_all;
use kubewright_config::{HostFacts, InitFlags, facts_for, known_minors, load_init};
use kubewright_engine::{
    Done, Entry, Event, EventKind, Events, Journal, Phase, Read, RunOptions, Runner, Seeds, Selection, Workflow,
};
use kubewright_engine::{Failure, Report as Voice};
use kubewright_node::Node;
use kubewright_testkit::{TestNode, node};

use super::*;

/// A machine and a configuration. At first there is nothing wrong with either.
struct Trial {
    version: String,
    init: String,
    cluster: String,
    node: TestNode,
    _directory: tempfile::TempDir,
}

impl Trial {
    fn of(version: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let node = node(Utf8Path::from_path(directory.path()).unwrap());
        node.probe.edit(|machine| drop(machine.binaries.insert("kubelet".into(), format!("Kubernetes {version}"))));
        Self { version: version.into(), init: String::new(), cluster: String::new(), node, _directory: directory }
    }

    /// What all checks find, in their order, and what they say beside.
    fn findings(&self) -> (Vec<Finding>, Vec<String>) {
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n{}\n---\n\
             apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {}\n{}\n",
            self.init, self.version, self.cluster
        );
        let mut host = HostFacts::with_address("node1", Ipv4Addr::new(192, 0, 2, 10).into());
        host.cri_sockets = vec!["/run/containerd/containerd.sock".into()];
        let loaded =
            load_init(Some(("a.yaml", text.as_bytes())), &InitFlags::default(), &host, &mut |bytes| bytes.fill(7));
        let (init, _) = loaded.unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        let found = Shared::default();
        let seeds = Seeds::new()
            .with(init.init)
            .with(init.cluster)
            .with(init.kubelet)
            .with(init.facts)
            .with(InitOptions::default())
            .with(found.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let said = runtime.block_on(async {
            let plan = Workflow::new("look", LOOK).unwrap().plan(seeds, &Selection::default(), &Done::none()).unwrap();
            let journal = Arc::new(Journal::discarding("000001-20260102T030405Z"));
            let (events, mut heard) = Events::channel();
            Runner::new(self.node.world(), journal, events).run(&plan, RunOptions::default()).await.unwrap();
            let mut said = Vec::new();
            while let Ok(Event { kind, .. }) = heard.try_recv() {
                if let EventKind::Note { text, .. } = kind {
                    said.push(text);
                }
            }
            said
        });
        let findings = found.0.lock().unwrap().clone();
        (findings, said)
    }
}

/// Where the phase below leaves what it found.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<Finding>>>);

impl kubewright_value::Value for Shared {
    const NAME: &'static str = "found";
}

/// Runs the checks and nothing else, since only a phase gets powers.
struct Look;

static LOOK: &[Entry<Node>] = &[Entry { path: "look", phase: &Look }];

impl Phase<Node> for Look {
    const ABOUT: &'static str = "Look";
    const RANK: u16 = 1;
    type Input = (
        (Read<InitConfiguration>, Read<ClusterConfiguration>, Read<KubeletDoc>, Read<VersionFacts>, Read<InitOptions>),
        (Read<Shared>, Powers),
    );
    type Output = ();

    async fn run(
        &self,
        ((init, cluster, kubelet, facts, options), (found, powers)): Self::Input,
        report: &Voice,
    ) -> Result<(), Failure> {
        let subject = Subject::of(&init, &cluster, &kubelet, &facts, &options, &powers, report);
        for check in ranked() {
            let findings = check.look(&subject).await;
            for finding in &findings {
                belongs(check, finding, &facts);
            }
            found.0.lock().unwrap().extend(findings);
        }
        Ok(())
    }
}

/// A finding has a name that its check owns up to, is not worse than documented, and comes with a fix.
fn belongs(check: &dyn Check, finding: &Finding, facts: &VersionFacts) {
    let kind = |name: &str| name.split_once('-').map_or(name, |(kind, _)| kind).to_owned();
    let names = check.names(facts);
    let same = |(name, _): &&Name| kind(name) == kind(&finding.id);
    let known = names.iter().find(|(name, _)| *name == finding.id).or_else(|| names.iter().find(same));
    let (_, worst) = known.unwrap_or_else(|| panic!("{} is none of {names:?}", finding.id));
    let worse = finding.severity == Severity::Error && *worst == Severity::Warning;
    assert!(!worse, "{finding:?} is documented as {worst:?}");
    assert!(!finding.fix.is_empty() && !finding.message.is_empty(), "{finding:?}");
}

fn newest() -> VersionFacts {
    facts_for(&kubewright_config::default_version()).unwrap()
}

#[test]
fn a_fit_machine_has_no_finding_in_any_version() {
    for minor in known_minors() {
        let trial = Trial::of(&format!("v1.{minor}.0"));
        let (findings, said) = trial.findings();
        let newer = minor > kubewright_config::default_version().minor();
        let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, if newer { vec!["KubernetesVersion"] } else { vec![] }, "1.{minor}: {findings:?}");
        assert_eq!(said, Vec::<String>::new());
    }
}

#[test]
fn every_fault_is_found_and_named() {
    let mut wrong = Vec::new();
    for fault in faults::FAULTS {
        let mut trial = Trial::of(fault.version);
        (fault.make)(&mut trial);
        let (findings, _) = trial.findings();
        let named: Vec<&Finding> = findings.iter().filter(|finding| finding.id == fault.id).collect();
        if !named.iter().any(|finding| finding.severity == fault.severity && finding.message.contains(fault.says)) {
            wrong.push(format!("{} ({}), `{}`: {findings:?}", fault.id, fault.version, fault.says));
        }
        // A fault is told once; what else it brings about is written beside it.
        let others: Vec<&str> = findings.iter().map(|it| it.id.as_str()).filter(|id| *id != fault.id).collect();
        if others != fault.also {
            wrong.push(format!("{} ({}): also {others:?}", fault.id, fault.version));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_documented_name_has_a_fault() {
    let tried: BTreeSet<&str> = faults::FAULTS.iter().map(|fault| fault.id).collect();
    let mut missing = BTreeSet::new();
    for minor in known_minors() {
        let facts = facts_for(&format!("v1.{minor}.0").parse().unwrap()).unwrap();
        let names = crate::CHECKS.iter().flat_map(|check| check.names(&facts));
        missing.extend(names.map(|(name, _)| name).filter(|name| !tried.contains(name.as_str())));
    }
    assert!(missing.is_empty(), "no fault in the table is named {missing:?}");
}

#[test]
fn our_names_are_none_of_kubeadms() {
    // Every `Name()` and `Label:` in cmd/kubeadm/app, 1.20 to 1.36, up to the first dash.
    let kubeadms = "ContainerRuntimeVersion ControlPlaneNodesReady CoreDNSMigration CoreDNSUnsupportedPlugins CRI \
                    CreateJob DirAvailable ExternalEtcdClientCertificates ExternalEtcdVersion FileAvailable FileContent \
                    FileExisting Firewalld HTTPProxy HTTPProxyCIDR Hostname ImagePull IsDockerSystemdCheck \
                    IsPrivilegedUser KubeletVersion KubernetesVersion Mem NumCPU Port Service StaticPodManifest Swap \
                    SystemVerification";
    for check in crate::CHECKS {
        for (name, _) in
            check.names(&facts_for(&"v1.20.2".parse().unwrap()).unwrap()).into_iter().chain(check.names(&newest()))
        {
            let kind = name.split('-').next().unwrap();
            let theirs = kubeadms.split_whitespace().any(|known| known.eq_ignore_ascii_case(kind));
            assert_eq!(theirs, !check.ours(), "{name}");
        }
    }
}

#[test]
fn each_check_explains_itself() {
    for check in crate::CHECKS {
        let (about, why, fix) = (check.about(), check.why(), check.fix());
        assert!(!about.is_empty() && !about.ends_with('.') && !fix.is_empty() && !fix.ends_with('.'), "{about}: {fix}");
        assert!(why.ends_with('.') && why.len() > 30, "{about}: {why}");
    }
    let ranks: BTreeSet<u16> = crate::CHECKS.iter().map(|check| check.rank()).collect();
    assert_eq!(ranks.len(), crate::CHECKS.len(), "two checks have one rank");
}

#[test]
fn a_choice_of_addresses_is_told_with_its_reason() {
    let said = |edit: fn(&mut Trial)| {
        let mut trial = Trial::of("v1.36.2");
        trial.node.probe.edit(|machine| {
            let mut second = machine.interfaces[1].clone();
            second.name = "eth1".into();
            second.addresses =
                vec!["10.0.0.7".parse().unwrap(), "fe80::1".parse().unwrap(), "169.254.0.1".parse().unwrap()];
            machine.interfaces.push(second);
        });
        edit(&mut trial);
        let (findings, said) = trial.findings();
        assert_eq!(findings, []);
        said
    };
    let chosen = said(|_| ());
    assert_eq!(chosen.len(), 1);
    assert!(
        chosen[0].starts_with(
            "Advertising 192.0.2.10, the first of eth0, which has the default route, and not 10.0.0.7 (eth1); "
        ),
        "{chosen:?}"
    );
    let configured = said(|trial| trial.init = "localAPIEndpoint: {advertiseAddress: 10.0.0.7}".into());
    let beginning = "Advertising 10.0.0.7, of eth1, as the configuration says, and not 192.0.2.10 (eth0); ";
    assert!(configured[0].starts_with(beginning), "{configured:?}");
}

#[test]
fn an_external_etcd_is_asked_once_for_all_checks() {
    let mut trial = Trial::of("v1.36.2");
    faults::etcd(&mut trial, Ok("{\"etcdserver\": \"3.6.0\"}"));
    assert_eq!(trial.findings().0, []);
    assert_eq!(trial.node.health.asked(), ["https://10.0.0.5:2379/version"]);
}

#[test]
fn names_are_ignored_whatever_their_case() {
    let names = ["swap".to_owned()];
    assert!(ignored("Swap", &names) && !ignored("Mem", &names) && ignored("Mem", &["ALL".to_owned()]));
}

#[tokio::test]
async fn a_look_that_takes_too_long_is_given_up() {
    let late = within(Duration::from_millis(1), "nobody", std::future::pending::<()>()).await;
    assert_eq!(late, Err("nobody did not answer within 0.001 s".into()));
    assert_eq!(join_all([within(LOOK_LIMIT, "somebody", async { 7 })]).await, [Ok(7)]);
}
