//! `certs renew` on real control planes: night after night, while clients ask, and when every certificate has expired. Three of
//! them are upgraded as well, while clients ask.

mod nights;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kubewright_lab::{Node, SWITCH_ADDRESS};
use kubewright_pki::{Authority, Certificate, CertificateKind, Conventions, LeafSpec, PrivateKey, Validity};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::command::Kubewright;
use super::stage::{Stage, ours, succeed};
use super::upgrade_three::three_control_planes_and_a_worker;

/// The longest that nobody may answer while the only API server is restarted.
const LONGEST_GAP: Duration = Duration::from_secs(15);
/// How long one command on each control plane may take to bring an expired cluster back.
const LONGEST_REPAIR: Duration = Duration::from_secs(120);
const PKI: &str = "/etc/kubernetes/pki";

#[test]
#[ignore = "needs lab nodes"]
fn four_hundred_nights_pass_on_one_control_plane_and_an_expired_one_comes_back() {
    let stage = Stage::with_nodes(1);
    stage.init().succeed();
    let node = stage.node(1);
    if stage.facts().credentials.leaf_starts_with_authority {
        nights::pass(node);
    } else {
        // What is renewed a year ahead is not valid yet for components, which keep the time of today.
        eprintln!("no nights pass: certificates of {} begin when they are signed", stage.facts().version);
        Kubewright::on(node).words(["certs", "renew", "all"]).succeed();
    }
    shows_its_files(node);

    // Nothing is due any more.
    let again = Kubewright::on(node).words(["certs", "renew", "all", "--if-expires-within", "30d"]).succeed();
    assert!(!again.out.contains(" renewed\n") && !again.out.contains("Restarting"), "{}", again.said());

    expire(node);
    let checked = node.exec(["kubewright", "certs", "check-expiration"]).unwrap();
    assert_eq!(checked.status.code(), Some(10), "expired certificates have an exit code of their own");
    assert!(
        node.run(["kubectl", "get", "nodes", "--request-timeout=5s"]).is_err(),
        "the cluster is to be out of order"
    );
    let start = Instant::now();
    let repaired = Kubewright::on(node).words(["certs", "renew", "all"]).succeed();
    stage.wait_until_up(1, 0);
    let took = start.elapsed();
    eprintln!("an expired control plane: well after {:.1} s\n{}", took.as_secs_f64(), repaired.said());
    assert!(took < LONGEST_REPAIR, "{took:?}\n{}", repaired.said());
    shows_its_files(node);
}

#[test]
#[ignore = "needs lab nodes"]
fn three_control_planes_are_renewed_and_upgraded_while_no_request_fails() {
    let stage = Stage::with_nodes(4);
    let next = stage.next_release();
    stage.cluster(ours(), ours(), 3, 1).draining().up().unwrap();
    let client = Client::start(stage.node(1), SWITCH_ADDRESS);
    for number in 1..=3 {
        let start = Instant::now();
        Kubewright::on(stage.node(number)).words(["certs", "renew", "all"]).succeed();
        eprintln!("node{number}: renewed and in use after {:.1} s", start.elapsed().as_secs_f64());
        shows_its_files(stage.node(number));
    }
    client.stop().all_well("three control planes are renewed");
    stage.wait_until_up(3, 1);

    let client = Client::start(stage.node(1), SWITCH_ADDRESS);
    three_control_planes_and_a_worker(&stage, &next);
    client.stop().all_well("three control planes are upgraded");
    stage.wait_until_up(3, 1);
    // By hand, because it takes minutes: `KUBEWRIGHT_EXPIRED=3 cargo lab test renew::three`.
    if std::env::var_os("KUBEWRIGHT_EXPIRED").is_some() {
        all_of_them_come_back_after_they_have_expired(&stage);
    }
}

/// One command on each, at the same time: etcd needs most of its members.
fn all_of_them_come_back_after_they_have_expired(stage: &Stage) {
    let nodes = [1, 2, 3].map(|number| stage.node(number));
    nodes.into_iter().for_each(expire);
    assert!(nodes[0].run(["kubectl", "get", "nodes", "--request-timeout=5s"]).is_err(), "it is to be out of order");
    let start = Instant::now();
    let commands = nodes.map(|node| Kubewright::on(node).words(["certs", "renew", "all"]));
    for (node, running) in nodes.into_iter().zip(commands.each_ref().map(Kubewright::start)) {
        let ended = running.end();
        assert!(ended.status.success(), "{}:\n{}", node.name(), ended.said());
        eprintln!("{}, expired: renewed and in use after {:.1} s", node.name(), start.elapsed().as_secs_f64());
    }
    stage.wait_until_up(3, 1);
    let took = start.elapsed();
    eprintln!("three expired control planes: well after {:.1} s", took.as_secs_f64());
    assert!(took < LONGEST_REPAIR, "{took:?}");
    nodes.into_iter().for_each(shows_its_files);
}

/// Every server of the node shows the certificate of its file.
fn shows_its_files(node: &Node) {
    let text = node.run(["kubewright", "certs", "check-expiration", "-o", "json"]).unwrap();
    assert_eq!(text.matches("\"current\": true").count(), 3, "kube-apiserver, and etcd twice:\n{text}");
    assert!(!text.contains("\"current\": false"), "{text}");
}

/// Somebody who asks for an object ten times a second, each time over a connection of its own.
struct Client {
    child: Child,
    directory: TempDir,
}

#[derive(Debug)]
struct Answer {
    at: f64,
    /// In seconds.
    took: f64,
    /// HTTP's, with what an API server said that refused, or how curl ended: 35, 52 or 56 where the connection broke.
    status: String,
}

impl Answer {
    fn is_well(&self) -> bool {
        self.status == "200"
    }

    fn end(&self) -> f64 {
        self.at + self.took
    }
}

struct Answers(Vec<Answer>);

impl Client {
    fn start(node: &Node, server: &str) -> Self {
        let directory = TempDir::new().unwrap();
        // The administrator's credentials as they are now: old ones hold until they expire.
        for (field, name) in [("client-certificate-data", "crt"), ("client-key-data", "key")] {
            let script = format!("grep {field} /etc/kubernetes/admin.conf | awk '{{print $2}}' | base64 -d");
            let text = node.run(["bash", "-c", &script]).unwrap();
            fs::write(directory.path().join(name), text).unwrap();
        }
        let at = directory.path().display();
        // As patient as an API server with a request, and with no second try: what is not answered has failed.
        let script = format!(
            "n=0; while [ ! -e {at}/stop ]; do n=$((n+1)); ( s=$(date +%s.%N); \
             c=$(curl -sk -o {at}/body.$n -m 60 -w '%{{http_code}}' --cert {at}/crt --key {at}/key \
             https://{server}:6443/api/v1/namespaces/kube-system/configmaps/kubeadm-config); e=$?; \
             echo \"$s $(date +%s.%N) $c $e $n\" >>{at}/answers ) & sleep 0.1; done; wait"
        );
        let mut command = node.command(["bash", "-c", &script]).unwrap();
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        Self { child, directory }
    }

    fn stop(mut self) -> Answers {
        std::thread::sleep(Duration::from_secs(1));
        fs::write(self.directory.path().join("stop"), "").unwrap();
        self.child.wait().unwrap();
        let text = fs::read_to_string(self.directory.path().join("answers")).unwrap();
        let answer = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [at, end, status, exit, number] = words[..] else { panic!("unexpected: {line}") };
            let (at, end): (f64, f64) = (at.parse().unwrap(), end.parse().unwrap());
            let body = || fs::read_to_string(self.directory.path().join(format!("body.{number}"))).unwrap_or_default();
            let status = match status {
                "200" => status.to_owned(),
                "000" => format!("curl ended with {exit}"),
                _ => format!("{status}: {}", body()),
            };
            Answer { at, took: end - at, status }
        };
        let mut answers: Vec<_> = text.lines().map(answer).collect();
        answers.sort_by(|one, other| one.end().total_cmp(&other.end()));
        Answers(answers)
    }
}

impl Answers {
    /// No request failed, and there were enough of them to tell.
    fn all_well(&self, what: &str) {
        let failed: Vec<_> = self.0.iter().filter(|answer| !answer.is_well()).collect();
        let slowest = self.0.iter().map(|answer| answer.took).fold(0.0, f64::max);
        let (count, failures) = (self.0.len(), failed.len());
        eprintln!("{what}: {count} requests, {failures} failed; the slowest took {slowest:.1} s");
        assert!(failed.is_empty(), "{failed:?}");
        assert!(self.0.len() > 50, "only {} requests", self.0.len());
    }

    /// The longest time without an answer.
    fn longest_gap(&self) -> Duration {
        let well: Vec<f64> = self.0.iter().filter(|answer| answer.is_well()).map(Answer::end).collect();
        let longest = well.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        Duration::from_secs_f64(longest)
    }
}

/// Gives the node certificates that expired yesterday, in their files and in the processes that use them: as it is found
/// on a Monday a year later.
fn expire(node: &Node) {
    let now = OffsetDateTime::now_utc();
    let day = Duration::from_secs(24 * 60 * 60);
    let read = |path: &str| fs::read(node.path(path)).unwrap();
    let sign = |authority: CertificateKind, old: &Certificate| {
        let base = authority.profile().base_name;
        let ca = Certificate::from_pem(&read(&format!("{PKI}/{base}.crt"))).unwrap();
        let key = PrivateKey::from_pem(&read(&format!("{PKI}/{base}.key"))).unwrap();
        let own = PrivateKey::generate(kubewright_pki::KeyAlgorithm::EcdsaP256).unwrap();
        let validity = Validity::lasting(now - day, Duration::ZERO, 365 * day);
        let spec = LeafSpec::renewing(old, &Conventions::default());
        let certificate = Authority::from_parts(ca, key).unwrap().sign(&spec, &own, validity).unwrap();
        (certificate, own)
    };
    for kind in CertificateKind::ALL.into_iter().filter(|kind| !kind.is_authority()) {
        let at = |end: &str| format!("{PKI}/{}.{end}", kind.profile().base_name);
        let old = Certificate::from_pem(&read(&at("crt"))).unwrap();
        let (certificate, key) = sign(kind.profile().parent.unwrap(), &old);
        fs::write(node.path(&at("crt")), certificate.to_pem()).unwrap();
        fs::write(node.path(&at("key")), key.to_pem().unwrap().as_bytes()).unwrap();
    }
    for name in ["admin.conf", "controller-manager.conf", "scheduler.conf"] {
        let path = format!("/etc/kubernetes/{name}");
        let contents = kubewright_node::Contents::secret(read(&path));
        let mut document = kubewright_phases::credentials::parse(path.as_str().into(), &contents).unwrap();
        let Some(kubewright_pki::Source::Inline(pem)) = document.client_certificate().unwrap() else {
            panic!("{name}")
        };
        let (certificate, key) = sign(CertificateKind::Ca, &Certificate::from_pem(&pem).unwrap());
        document.set_client_cert(&certificate, &key).unwrap();
        fs::write(node.path(&path), kubewright_phases::credentials::render(&document).unwrap()).unwrap();
    }
    let newest = kubelets_own(node);
    let (certificate, key) = sign(CertificateKind::Ca, &Certificate::from_pem(&fs::read(&newest).unwrap()).unwrap());
    fs::write(&newest, certificate.to_pem() + &key.to_pem().unwrap()).unwrap();

    let stop = "for task in $(ctr -n k8s.io tasks list -q); do ctr -n k8s.io tasks kill --signal SIGKILL $task; done";
    succeed(&mut node_command(node, stop));
    succeed(&mut node_command(node, "systemctl restart kubelet"));
    std::thread::sleep(Duration::from_secs(5));
}

/// The file that the kubelet's own certificate is in: there is a link to the newest one.
fn kubelets_own(node: &Node) -> PathBuf {
    let current = node.path("/var/lib/kubelet/pki/kubelet-client-current.pem");
    fs::read_link(&current).map_or(current, |link| node.path(&link.display().to_string()))
}

fn node_command(node: &Node, script: &str) -> Command {
    node.command(["bash", "-c", &format!("{script} 2>/dev/null || true")]).unwrap()
}
