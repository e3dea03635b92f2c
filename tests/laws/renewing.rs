//! The node whose certificates are renewed in the laws: a control plane that was made a year ago, as its files are, and
//! components that show the certificates which they read when they were started.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use camino::Utf8Path;
use kubewright_config::ClusterConfiguration;
use kubewright_config::model::EncryptionAlgorithm;
use kubewright_engine::Seeds;
use kubewright_node::ClockBackend;
use kubewright_phases::renewal::{Component, Expiry, Managed, RenewOptions, check, running};
use kubewright_pki::{Authority, Certificate, Conventions, KubeconfigKind, PrivateKey, Validity};
use kubewright_testkit::TestNode;
use time::OffsetDateTime;
use time::ext::NumericalDuration;

use super::case::{Case, Command, Shape};
use super::machine::{Ask, KUBELET_PEM, Machine};
use super::snapshot::{Entry, files};

/// How long the certificates that stand there have left. All are to hold for longer than [`LIMIT`].
const LEFT: Duration = Duration::from_secs(10 * 24 * 60 * 60);
const LIMIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Every case of renewing.
pub fn cases() -> Vec<Case> {
    let renew = |case: Case| Case { command: Command::Renew, ..case };
    vec![
        renew(Case::newest()),
        renew(Case::oldest()),
        renew(Case::shaped(Shape::ExternalEtcd)),
        renew(Case::shaped(Shape::ExternalCa)),
    ]
}

/// What `renew` knows before it begins: whatever holds for long enough is left alone.
pub fn seeds(case: &Case) -> Seeds {
    let init = super::case::init(case);
    let options = RenewOptions {
        chosen: Managed::ALL.to_vec(),
        expires_within: Some(LIMIT),
        restart: true,
        configured: true,
        patience: Duration::from_secs(2),
    };
    let cluster = ClusterConfiguration { certificate_validity_period: YEAR, ..init.cluster };
    Seeds::new().with(cluster).with(init.facts).with(options)
}

/// What stands on the machine: what `init` left, made once, because keys are random.
pub fn provided(case: &Case) -> Vec<(String, Entry)> {
    type Made = BTreeMap<String, Vec<(String, Entry)>>;
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(format!("{case:?}")).or_insert_with(|| make(case)).clone()
}

fn make(case: &Case) -> Vec<(String, Entry)> {
    let first = Case { command: Command::Init, ..case.clone() };
    let mut machine = Machine::new(&first);
    let cluster = machine.seeds.get::<ClusterConfiguration>().unwrap().clone();
    machine.seeds = machine.seeds.with(ClusterConfiguration { certificate_validity_period: LEFT, ..cluster });
    machine.run(Ask::default()).succeeded("the first run");
    let mut found = files(&machine.node);
    if let Some(pem) = kubelets(&found, machine.node.clock.now())
        && let Some(Entry::File { bytes, .. }) = found.get_mut(KUBELET_PEM)
    {
        *bytes = pem.into_bytes().into();
    }
    found.retain(|path, _| !path.starts_with("/etc/passwd") && !path.starts_with("/etc/group"));
    found.into_iter().collect()
}

/// A kubelet's certificate that it should have renewed long ago. Where nobody can sign one it is another client's.
pub fn kubelets(found: &BTreeMap<String, Entry>, now: OffsetDateTime) -> Option<String> {
    let bytes = |path: &str| found.get(path).and_then(Entry::bytes);
    let Some(key) = bytes("/etc/kubernetes/pki/ca.key") else {
        let text = |end: &str| bytes(&format!("/etc/kubernetes/pki/apiserver-kubelet-client.{end}"));
        return Some(String::from_utf8([text("crt")?, text("key")?].concat()).unwrap());
    };
    let key = PrivateKey::from_pem(key).unwrap();
    let ca = Certificate::from_pem(bytes("/etc/kubernetes/pki/ca.crt")?).unwrap();
    let authority = Authority::from_parts(ca, key).unwrap();
    let own = PrivateKey::generate(kubewright_pki::KeyAlgorithm::EcdsaP256).unwrap();
    let spec = KubeconfigKind::Kubelet.leaf_spec(&Conventions::default(), "node1");
    let validity = Validity::lasting(now, LEFT, YEAR - LEFT);
    let certificate = authority.sign(&spec, &own, validity).unwrap();
    Some(certificate.to_pem() + &own.to_pem().unwrap())
}

/// Lets the control plane run. Servers read their files for everybody who greets them.
pub fn prepare(node: &TestNode) {
    node.start_cluster();
    // `init` has left its journal there.
    fs::create_dir_all(node.root.place(Utf8Path::new(kubewright_host::STATE_DIR))).unwrap();
    let kubelet = kubewright_node::ServiceState { exists: true, enabled: true, active: true };
    node.services.set("kubelet", kubelet);
    for component in Component::STATIC_PODS {
        let path = node.root.place(&kubewright_phases::paths::static_pod(component.name()));
        let Ok(manifest) = fs::read(path) else { continue };
        node.runtime.run(component.name());
        for serving in running(component, &manifest).unwrap().serving {
            let file = node.root.place(&serving.file);
            node.health.show(&serving.address, move || shown(&file));
        }
    }
}

fn shown(file: &Utf8Path) -> Result<Vec<u8>, String> {
    let pem = fs::read(file).map_err(|error| error.to_string())?;
    Ok(Certificate::from_pem(&pem).map_err(|error| error.to_string())?.der().to_vec())
}

fn expiry(machine: &Machine) -> Expiry {
    let (cluster, facts) = (machine.seeds.get().unwrap(), machine.seeds.get().unwrap());
    let read = |path: &Utf8Path| Ok(machine.node.backends.files.read(path)?);
    check(cluster, facts, &read).unwrap()
}

/// The certificates by their names, as fingerprints.
fn fingerprints(machine: &Machine) -> BTreeMap<&'static str, String> {
    expiry(machine).all().map(|(name, certificate)| (name, certificate.fingerprint().to_string())).collect()
}

#[test]
fn everything_is_renewed_and_only_what_does_not_read_its_files_is_restarted() {
    for case in &cases()[..2] {
        let machine = Machine::new(case);
        let before = fingerprints(&machine);
        machine.run(Ask::default()).succeeded("the renewal");
        let after = fingerprints(&machine);
        for (name, old) in &before {
            let kept = ["ca", "etcd-ca", "front-proxy-ca"].contains(name);
            assert_eq!(kept, after[name] == *old, "{case:?}: {name}");
        }
        let restarted = ["kube-controller-manager", "kube-scheduler"];
        assert_eq!(machine.node.runtime.stops(), restarted, "{case:?}");
        assert_eq!(machine.node.services.calls(), ["restart kubelet"], "{case:?}");
        let left = fs::read_dir(machine.node.root.place(Utf8Path::new("/var/lib/kubewright/renewed"))).unwrap();
        assert_eq!(left.count(), 0, "{case:?}: components that are still to be restarted");
    }
}

#[test]
fn an_external_authority_renews_nothing_of_its_own_and_everything_else_is() {
    let machine = Machine::new(&cases()[3]);
    // What the external authority signed holds for a year.
    machine.node.clock.set(machine.node.clock.now() + 340.days());
    let before = fingerprints(&machine);
    machine.run(Ask::default()).succeeded("the renewal");
    let after = fingerprints(&machine);
    let changed: Vec<_> = before.iter().filter(|(name, old)| after[*name] != **old).map(|(name, _)| *name).collect();
    assert_eq!(changed, ["apiserver-etcd-client", "etcd-healthcheck-client", "etcd-peer", "etcd-server"]);
    // Both read them again, and what they had before holds for 25 days.
    assert_eq!(machine.node.runtime.stops(), [""; 0]);
}

#[test]
fn one_that_cannot_be_renewed_is_told_in_the_end_and_the_others_are() {
    let machine = Machine::new(&cases()[0]);
    fs::write(machine.node.root.place(Utf8Path::new("/etc/kubernetes/scheduler.conf")), "no kubeconfig").unwrap();
    let before = fs::read(machine.node.root.place(Utf8Path::new("/etc/kubernetes/pki/apiserver.crt"))).unwrap();
    let failed = machine.run(Ask::default()).result.unwrap_err();
    assert_eq!(failed.phase, Some("verdict"));
    let told = failed.failure.to_string();
    assert!(told.contains("scheduler.conf: ") && told.lines().count() == 2, "{told}");
    let after = fs::read(machine.node.root.place(Utf8Path::new("/etc/kubernetes/pki/apiserver.crt"))).unwrap();
    assert_ne!(before, after);
    assert_eq!(machine.node.runtime.stops(), ["kube-controller-manager"]);
}

#[test]
fn a_loss_is_refused_before_anything_is_changed() {
    let machine = Machine::new(&cases()[0]);
    let place = |path: &str| machine.node.root.place(Utf8Path::new(path));
    let crt = "/etc/kubernetes/pki/apiserver.crt";
    // The same certificate with a unit in its subject, as companies' authorities write it.
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "kube-apiserver");
    params.distinguished_name.push(rcgen::DnType::OrganizationalUnitName, "Clusters");
    params.not_after = machine.node.clock.now() + 5.days();
    params.not_before = machine.node.clock.now() - 5.days();
    let signer = rcgen::KeyPair::generate().unwrap();
    fs::write(place(crt), params.self_signed(&signer).unwrap().pem()).unwrap();
    let before = machine.node.tree();
    let failed = machine.run(Ask::default()).result.unwrap_err();
    assert_eq!(failed.phase, Some("inspect"));
    assert!(
        failed.failure.to_string().contains("apiserver: the subject's organizational unit \"Clusters\""),
        "{:?}",
        failed.failure
    );
    let state = |path: &&String| path.starts_with("/var/lib/kubewright");
    let (mut before, mut after) = (before, machine.node.tree());
    before.retain(|path, _| !state(&path));
    after.retain(|path, _| !state(&path));
    assert_eq!(before, after);
    assert_eq!(machine.node.runtime.stops(), [""; 0]);
}

#[test]
fn a_process_that_still_shows_the_old_certificate_is_a_failure() {
    let machine = Machine::new(&cases()[0]);
    let old = Certificate::from_pem(
        &fs::read(machine.node.root.place(Utf8Path::new("/etc/kubernetes/pki/apiserver.crt"))).unwrap(),
    );
    let old = old.unwrap().der().to_vec();
    machine.node.health.show("192.0.2.10:6443", move || Ok(old.clone()));
    let failed = machine.run(Ask::default()).result.unwrap_err();
    assert_eq!(failed.phase, Some("restart/kube-apiserver"));
    assert!(failed.failure.to_string().contains("file new, process old"), "{:?}", failed.failure);
    assert_eq!(machine.node.runtime.stops(), ["kube-apiserver"], "the others go on while it is not well");
}

#[test]
fn who_serves_with_what_has_expired_is_restarted_at_once() {
    let machine = Machine::new(&cases()[0]);
    machine.node.clock.set(machine.node.clock.now() + 20.days());
    machine.run(Ask::default()).succeeded("the repair");
    let all = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    assert_eq!(machine.node.runtime.stops(), all);
    assert_eq!(machine.node.services.calls(), ["restart kubelet"], "it starts the others, and comes first");
}

/// Every night for 400 days, as the timer does it. The same on a real control plane is in `cluster::renew`.
#[test]
fn four_hundred_nights_see_no_expired_certificate_and_no_renewal_too_early() {
    let renewed = nights(&Machine::new(&cases()[0]), 0..400);
    // Ten days were left in the beginning; after that a year less thirty days, or less a tenth.
    assert_eq!(renewed.len(), 12, "{renewed:?}");
    for (name, nights) in renewed {
        let second = if name == Managed::KUBELET.name() { 329 } else { 336 };
        assert_eq!(nights, [0, second], "{name}");
    }
}

/// In old releases what is renewed begins when its authority did, and is none the older for it.
#[test]
fn an_old_authority_makes_no_certificate_look_as_if_it_was_near_its_end() {
    let mut machine = Machine::new(&cases()[1]);
    let cluster = machine.seeds.get::<ClusterConfiguration>().unwrap().clone();
    // Many keys are made.
    machine.seeds =
        machine.seeds.with(ClusterConfiguration { encryption_algorithm: EncryptionAlgorithm::EcdsaP256, ..cluster });
    // Nearly a year at a time, and then most of one year.
    let leaps = (0..=6).map(|year| 340 * year);
    let renewed = nights(&machine, leaps.clone().chain((2040..2040 + 320).step_by(20)));
    let leaps: Vec<i64> = leaps.collect();
    assert!(renewed.values().all(|nights| *nights == leaps), "{renewed:?}");
}

/// Lets nights pass by a clock that is set forward. Gives those on which each certificate was renewed.
fn nights(machine: &Machine, nights: impl Iterator<Item = i64>) -> BTreeMap<&'static str, Vec<i64>> {
    let begin = machine.node.clock.now();
    let mut renewed: BTreeMap<&'static str, Vec<i64>> = BTreeMap::new();
    for night in nights {
        let now = begin + night.days();
        machine.node.clock.set(now);
        let before = expiry(machine);
        let expired = before.ending(now, time::Duration::ZERO);
        assert!(expired.is_empty(), "night {night}: {expired:?} have expired");
        let old: BTreeMap<_, _> =
            before.all().map(|(name, it)| (name, (it.fingerprint().to_string(), it.remaining(now)))).collect();
        machine.run(Ask::default()).succeeded(&format!("night {night}"));
        for (name, new) in fingerprints(machine) {
            let (old, left) = &old[name];
            if *old == new {
                continue;
            }
            // The kubelet has its own time: a tenth of a year.
            let limit = if name == Managed::KUBELET.name() { YEAR / 10 } else { LIMIT };
            assert!(*left < limit, "night {night}: {name} was renewed with {left} left");
            renewed.entry(name).or_default().push(night);
        }
    }
    renewed
}
