//! `certs …` as scripts meet it: every exit code, the metrics, and the units for systemd.

use std::fs;
use std::process::Command;

use camino::Utf8PathBuf;
use kubewright_pki::{Authority, Certificate, CertificateKind, Conventions, LeafSpec, PrivateKey, Validity};
use time::{Duration, OffsetDateTime};

use super::program::{BINARY, Home, Said, is_root, said};

/// A control plane's certificates in a directory of their own.
struct Pki {
    home: Home,
    config: Utf8PathBuf,
}

impl Pki {
    fn new() -> Self {
        let home = Home::new();
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {{advertiseAddress: 192.0.2.10}}\n\
             nodeRegistration: {{name: node1}}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
             kubernetesVersion: v1.36.2\nencryptionAlgorithm: ECDSA-P256\ncertificatesDir: {}/pki\n",
            home.path()
        );
        let config = home.write("config.yaml", &text);
        let made = home.run(&["init", "phase", "certs", "all", "--config", config.as_str()]);
        assert_eq!(made.code, Some(0), "{made:?}");
        Self { home, config }
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [&["certs"], words, &["--config", self.config.as_str()]].concat()
    }

    fn certs(&self, words: &[&str]) -> Said {
        self.home.run(&self.words(words))
    }

    fn certs_as_kubeadm(&self, words: &[&str]) -> Said {
        self.home.run_as_kubeadm(&self.words(words))
    }

    fn file(&self, name: &str) -> Utf8PathBuf {
        self.home.path().join("pki").join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    /// Puts a certificate with so much time left in the place of one.
    fn leave(&self, kind: CertificateKind, left: Duration) {
        let (base, parent) = (kind.profile().base_name, kind.profile().parent.unwrap().profile().base_name);
        let ca = Certificate::from_pem(&self.read(&format!("{parent}.crt"))).unwrap();
        let ca =
            Authority::from_parts(ca, PrivateKey::from_pem(&self.read(&format!("{parent}.key"))).unwrap()).unwrap();
        let old = Certificate::from_pem(&self.read(&format!("{base}.crt"))).unwrap();
        let key = PrivateKey::from_pem(&self.read(&format!("{base}.key"))).unwrap();
        let until = OffsetDateTime::now_utc() + left;
        let validity = Validity::lasting(until, std::time::Duration::ZERO, Duration::days(365).unsigned_abs());
        let new = ca.sign(&LeafSpec::renewing(&old, &Conventions::default()), &key, validity).unwrap();
        fs::write(self.file(&format!("{base}.crt")), new.to_pem()).unwrap();
    }
}

#[track_caller]
fn ends(said: &Said, code: i32, words: &str) {
    assert_eq!(said.code, Some(code), "{said:?}");
    assert!(said.err.contains(words) || said.out.contains(words), "not told: {words}\n{said:?}");
}

#[test]
fn check_expiration_tells_scripts_what_is_wrong_and_kubeadms_nothing_more() {
    let pki = Pki::new();
    let check = ["check-expiration"];
    ends(&pki.certs(&check), 0, "apiserver-kubelet-client");
    pki.leave(CertificateKind::Apiserver, Duration::days(5));
    ends(&pki.certs(&check), 11, "less than 30 days left: apiserver\n");
    ends(&pki.certs(&["check-expiration", "--expires-within", "2d"]), 0, "apiserver");
    pki.leave(CertificateKind::EtcdPeer, Duration::days(-1));
    ends(&pki.certs(&check), 10, "expired: etcd-peer\n");
    ends(&pki.certs(&["check-expiration", "-o", "json"]), 10, "\"name\": \"etcd-peer\"");
    ends(&pki.certs_as_kubeadm(&check), 0, "etcd-peer");
    fs::write(pki.file("etcd/peer.crt"), "rubbish").unwrap();
    ends(&pki.certs(&check), 1, "etcd/peer");
    ends(&pki.certs_as_kubeadm(&check), 1, "etcd/peer");
    ends(&pki.certs(&["check-expiration", "--expires-within", "soon"]), 1, "30d or 720h");
}

#[test]
fn renew_tells_what_was_not_done_and_what_cannot_be_done_here() {
    let pki = Pki::new();
    let all = ["renew", "all", "--no-restart"];
    pki.leave(CertificateKind::Apiserver, Duration::days(-1));
    ends(&pki.certs(&all), 0, "Done renewing certificates");
    ends(
        &pki.certs(&["renew", "all", "--no-restart", "--if-expires-within", "30d"]),
        0,
        "holds for longer, and is kept",
    );
    ends(&pki.certs(&["renew", "all", "--if-expires-within", "soon"]), 1, "30d or 720h");
    ends(&pki.certs(&["renew", "apiserve"]), 1, "apiserve");

    // One that is damaged hinders neither the others nor those that are renewed by name.
    let good = pki.read("etcd/peer.crt");
    fs::write(pki.file("etcd/peer.crt"), "rubbish").unwrap();
    let before = pki.read("front-proxy-client.crt");
    ends(&pki.certs(&all), 12, "these certificates were not renewed");
    assert_ne!(pki.read("front-proxy-client.crt"), before);
    ends(
        &pki.certs(&["renew", "apiserver", "--no-restart"]),
        0,
        "another certificate of this node cannot be looked at",
    );
    ends(&pki.certs_as_kubeadm(&["renew", "apiserver"]), 0, "certificate for serving the Kubernetes API renewed");
    ends(&pki.certs_as_kubeadm(&["renew", "all"]), 1, "these certificates were not renewed");
    fs::write(pki.file("etcd/peer.crt"), good).unwrap();

    // What somebody else has to sign.
    pki.leave(CertificateKind::FrontProxyClient, Duration::days(5));
    let key = pki.read("front-proxy-ca.key");
    fs::remove_file(pki.file("front-proxy-ca.key")).unwrap();
    ends(&pki.certs(&all), 11, "less than 30 days left: front-proxy-client\n");
    ends(&pki.certs(&["renew", "etcd-server", "--no-restart"]), 0, "certificate for serving etcd renewed");
    ends(&pki.certs_as_kubeadm(&["renew", "all"]), 0, "Detected external front-proxy-ca");
    fs::write(pki.file("front-proxy-ca.key"), key).unwrap();
    pki.leave(CertificateKind::FrontProxyClient, Duration::days(-1));
    fs::remove_file(pki.file("front-proxy-ca.key")).unwrap();
    ends(&pki.certs(&all), 10, "expired: front-proxy-client\n");
}

/// Only debug builds can be told where to wait.
#[cfg(debug_assertions)]
#[test]
fn a_renewal_that_is_stopped_says_so() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::{BufRead, BufReader};

    let pki = Pki::new();
    let words = pki.words(&["renew", "all", "--no-restart", "--jobs", "1"]);
    let mut child = pki.home.start(&words, &[("KUBEWRIGHT_HOLD_AT", "certificates/apiserver:staged")]);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("held at certificates/apiserver:staged")));
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    ends(&pki.certs(&["renew", "all", "--no-restart"]), 0, "Done renewing certificates");
}

#[test]
fn metrics_are_what_prometheus_reads_and_appear_whole() {
    let pki = Pki::new();
    fs::remove_file(pki.file("apiserver.crt")).unwrap();
    let printed = pki.certs(&["metrics"]);
    ends(&printed, 0, "");
    let scrape = prometheus_parse::Scrape::parse(printed.out.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let lines = printed.out.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(scrape.samples.len(), lines, "lines that are no samples:\n{}", printed.out);
    for family in ["not_after_timestamp_seconds", "not_before_timestamp_seconds", "missing", "externally_managed"] {
        let name = format!("kubewright_certificate_{family}");
        let of_family: Vec<_> = scrape.samples.iter().filter(|sample| sample.metric == name).collect();
        assert!(of_family.len() > 5 && scrape.docs.contains_key(&name), "{name}:\n{}", printed.out);
        assert!(of_family.iter().all(|it| matches!(it.value, prometheus_parse::Value::Gauge(_))), "{of_family:?}");
    }
    assert!(printed.out.contains("kubewright_certificate_missing{name=\"apiserver\"} 1\n"), "{}", printed.out);
    assert!(printed.out.contains("kubewright_certificate_missing{name=\"etcd-peer\"} 0\n"), "{}", printed.out);

    let file = pki.home.path().join("kubewright.prom");
    for _ in 0..2 {
        let written = pki.certs(&["metrics", "--textfile", file.as_str()]);
        ends(&written, 0, "");
        assert_eq!((written.out.as_str(), fs::read_to_string(&file).unwrap()), ("", printed.out.clone()));
    }
    let tree = pki.home.tree();
    let beside: Vec<_> = tree.keys().filter(|path| path.contains("prom")).collect();
    assert_eq!(beside, ["/kubewright.prom"], "nothing is left beside it");
    assert!(tree["/kubewright.prom"].contains("644"), "{}", tree["/kubewright.prom"]);
    let nowhere = pki.certs(&["metrics", "--textfile", "/nowhere/kubewright.prom"]);
    ends(&nowhere, 1, "/nowhere/kubewright.prom");
}

/// In a mount namespace of its own, with a `systemctl` that notes what it is told.
#[test]
fn the_timer_is_installed_and_started_and_twice_is_once() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let note = "#!/bin/sh\necho \"$*\" >>\"$(dirname \"$0\")/told\"\n";
    let systemctl = home.write("systemctl", note);
    fs::set_permissions(&systemctl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let install = "mount --make-rprivate / && mkdir -p /etc/systemd/system && mount -t tmpfs tmpfs /etc/systemd/system && \
                   for within in 30d 30d 10d; do \"$0\" certs timer --install --if-expires-within $within || exit; \
                   (cd /etc/systemd/system && stat -c '%a %U %n' .[!.]* * 2>/dev/null; grep -h ^ExecStart *); done";
    let run = Command::new("unshare")
        .args(["--mount", "bash", "-c", install, BINARY.to_str().unwrap()])
        .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", home.path()))
        .env("XDG_STATE_HOME", home.path().join("state"))
        .output()
        .unwrap();
    let run = said(run);
    assert_eq!(run.code, Some(0), "{run:?}");
    let units = |within: &str| {
        format!(
            "644 root kubewright-certs.service\n644 root kubewright-certs.timer\n\
             ExecStart=/usr/local/bin/kubewright certs renew all --if-expires-within {within} --progress plain\n"
        )
    };
    assert_eq!(run.out, [units("30d"), units("30d"), units("10d")].concat());
    let told = fs::read_to_string(home.path().join("told")).unwrap();
    let once = "daemon-reload\nenable kubewright-certs.timer\ndaemon-reload\nrestart kubewright-certs.timer\n";
    assert_eq!(told, once.repeat(3));
}
