//! kinder, the test tool of kubeadm's own project: every call that its workflows make parses, and answers in kubeadm's form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::program::{Home, Said};

/// What kinder writes for the first control plane, in its own forms: a socket without scheme, an empty subnet, a list
/// with an empty item, and documents of other commands in the same file.
const CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
clusterName: kinder
controlPlaneEndpoint: 172.17.0.3:6443
apiServer:
  certSANs: [localhost, 172.17.0.3]
networking:
  podSubnet: 192.168.0.0/16
  serviceSubnet: \"\"
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: abcdef.0123456789abcdef
localAPIEndpoint:
  advertiseAddress: 172.17.0.3
  bindPort: 6443
nodeRegistration:
  criSocket: /run/containerd/containerd.sock
  kubeletExtraArgs:
  - name: node-ip
    value: 172.17.0.3
  ignorePreflightErrors: [Swap, SystemVerification, FileContent--proc-sys-net-bridge-bridge-nf-call-iptables, ]
certificateKey: \"0123456789012345678901234567890123456789012345678901234567890123\"
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
imageGCHighThresholdPercent: 100
failSwapOn: false
evictionHard:
  nodefs.available: 0%
cgroupDriver: systemd
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack:
  maxPerCore: 0
";

/// The file of any other node.
const JOIN_CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
controlPlane:
  localAPIEndpoint:
    advertiseAddress: 172.17.0.4
    bindPort: 6443
  certificateKey: \"0123456789012345678901234567890123456789012345678901234567890123\"
nodeRegistration:
  criSocket: /run/containerd/containerd.sock
  kubeletExtraArgs:
  - name: node-ip
    value: 172.17.0.4
  ignorePreflightErrors: [Swap, SystemVerification, FileContent--proc-sys-net-bridge-bridge-nf-call-iptables, ]
discovery:
  bootstrapToken:
    apiServerEndpoint: 172.17.0.3:6443
    token: abcdef.0123456789abcdef
    unsafeSkipCAVerification: true
";

/// What stands in the file of every node.
const OF_OTHER_COMMANDS: &str = "\
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: UpgradeConfiguration
apply:
  kubernetesVersion: v1.36.2
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ResetConfiguration
force: true
";

/// One call; `CONFIG` stands for the file (`JOINING` for that of another node), `HOME` for a directory.
struct Call {
    arguments: &'static str,
    judge: fn(&Said) -> Result<(), String>,
}

const CALLS: &[Call] = &[
    Call { arguments: "version -o=short", judge: one_version },
    Call { arguments: "config images list --kubernetes-version=v1.36.2", judge: images },
    Call { arguments: "config images list --kubernetes-version=v1.35.0", judge: images },
    Call { arguments: "init --config=CONFIG --v=6 --upload-certs", judge: needs_root },
    Call { arguments: "init --config=CONFIG --v=6", judge: needs_root },
    Call { arguments: "init --config=CONFIG --v=6 --upload-certs --dry-run", judge: needs_root },
    Call {
        arguments: "init --kubernetes-version=v1.36.2 --dry-run --v=6 --ignore-preflight-errors=\
                    Swap,SystemVerification,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
        judge: needs_root,
    },
    Call {
        arguments: "init phase certs all --control-plane-endpoint=172.17.0.3 --apiserver-cert-extra-sans=172.17.0.3 \
                    --apiserver-advertise-address=172.17.0.3 --cert-dir HOME/pki",
        judge: done,
    },
    Call { arguments: "init phase certs ca --cert-dir HOME/pki", judge: done },
    Call { arguments: "init phase certs apiserver-kubelet-client --cert-dir HOME/pki", judge: done },
    Call {
        arguments: "init phase kubeconfig all --control-plane-endpoint=172.17.0.3 --cert-dir HOME/pki \
                    --apiserver-advertise-address=172.17.0.3 --kubeconfig-dir HOME/etc",
        judge: done,
    },
    Call {
        arguments: "init phase kubeconfig admin --control-plane-endpoint=172.17.0.3 --cert-dir HOME/pki \
                    --apiserver-advertise-address=172.17.0.3 --kubeconfig-dir HOME/etc",
        judge: done,
    },
    Call {
        arguments: "init phase kubeconfig super-admin --control-plane-endpoint=172.17.0.3 --cert-dir HOME/pki \
                    --apiserver-advertise-address=172.17.0.3 --kubeconfig-dir HOME/etc",
        judge: done,
    },
    Call {
        arguments: "init phase kubeconfig kubelet --control-plane-endpoint=172.17.0.3 --cert-dir HOME/pki \
                    --apiserver-advertise-address=172.17.0.3 --kubeconfig-dir HOME/etc --node-name cp1",
        judge: done,
    },
    Call { arguments: "join --config=JOINING --v=6", judge: needs_root },
    Call {
        arguments: "join 192.168.0.101:6443 --control-plane --token abcdef.abcdef0123456789 \
                    --discovery-token-ca-cert-hash \
                    sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a --certificate-key \
                    0123456789012345678901234567890123456789012345678901234567890123 --dry-run --v=6",
        judge: needs_root,
    },
    Call {
        arguments: "join 192.168.0.101:6443 --token abcdef.abcdef0123456789 --discovery-token-ca-cert-hash \
                    sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a --dry-run --v=6",
        judge: needs_root,
    },
    // There is no cluster here; `cluster::token` makes this call where there is one.
    Call { arguments: "token create --print-join-command", judge: needs_kubeconfig },
    Call {
        arguments: "token create --print-join-command --dry-run --kubeconfig HOME/admin.conf",
        judge: one_join_command,
    },
    Call { arguments: "reset --v=6 --config CONFIG", judge: needs_root },
    Call { arguments: "reset --force=true --dry-run", judge: needs_root },
    // There is no control plane here, and no certificate.
    Call { arguments: "upgrade plan --v=6 --config CONFIG", judge: needs_admin_conf },
    Call { arguments: "upgrade diff --v=6 --config CONFIG", judge: needs_manifests },
    Call { arguments: "certs renew all", judge: renews_all },
    Call { arguments: "certs renew admin.conf", judge: renews_one },
    Call { arguments: "certs renew super-admin.conf", judge: renews_one },
    Call { arguments: "certs renew apiserver-kubelet-client", judge: renews_one },
    Call { arguments: "certs check-expiration", judge: tables },
    Call { arguments: "upgrade apply --v=6 --config CONFIG", judge: needs_client },
    Call {
        arguments: "upgrade apply -f v1.36.2 --allow-release-candidate-upgrades=true --allow-experimental-upgrades=true \
                    --dry-run",
        judge: upgrades_what_is_made_up,
    },
    Call { arguments: "upgrade node --v=6 --config CONFIG", judge: needs_client },
    Call { arguments: "upgrade node --dry-run", judge: upgrades_what_is_made_up },
];

#[test]
fn every_call_of_kinder_is_answered_as_kubeadm_would() {
    let home = Home::new();
    let config = home.write("kubeadm.conf", &format!("{CONFIG}{OF_OTHER_COMMANDS}"));
    let joining = home.write("joining.conf", &format!("{JOIN_CONFIG}{OF_OTHER_COMMANDS}"));
    home.write("admin.conf", &kubeconfig());
    let mut wrong = Vec::new();
    for Call { arguments, judge } in CALLS {
        let given = arguments.replace("CONFIG", config.as_str()).replace("JOINING", joining.as_str());
        let given = given.replace("HOME", home.path().as_str());
        let said = home.run_as_kubeadm(&given.split_whitespace().collect::<Vec<_>>());
        if let Err(complaint) = judge(&said) {
            wrong.push(format!("`kubeadm {arguments}`: {complaint}\n{}\n{}", said.out, said.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn one_version(said: &Said) -> Result<(), String> {
    let version = said.out.strip_prefix('v').and_then(|rest| rest.strip_suffix('\n')).unwrap_or_default();
    let numbers = version.split('.').filter(|number| number.parse::<u32>().is_ok()).count();
    must(said.code == Some(0) && numbers == 3 && said.err.is_empty(), "it is not one version on one line")
}

/// kinder reads one image a line and looks for the one of etcd; standard error it throws away.
fn images(said: &Said) -> Result<(), String> {
    let lines: Vec<&str> = said.out.lines().collect();
    let whole =
        lines.len() == 7 && lines.iter().all(|line| line.split_once(':').is_some_and(|(name, _)| name.contains('/')));
    must(said.code == Some(0) && whole, "it is not one image a line")?;
    must(lines.iter().filter(|line| line.contains("etcd")).count() == 1, "there is not one image of etcd")
}

fn done(said: &Said) -> Result<(), String> {
    must(said.code == Some(0), "it fails")?;
    must(!said.out.contains("kubewright") && !said.err.contains("kubewright "), "it names another program")
}

/// The tests' user is nobody: the first check stops it, which comes after everything was read and understood.
fn needs_root(said: &Said) -> Result<(), String> {
    must(said.code == Some(1), "it does not fail")?;
    must(said.err.contains("[preflight] Some fatal errors occurred:\n"), "it does not stop at its checks")?;
    must(said.err.contains("\t[ERROR IsPrivilegedUser]: "), "it stops at another check")
}

/// The authority of the cluster in the home, and its pin as `openssl` computes it.
const AUTHORITY: &str = include_str!("../../src/pki/fixture/corporate-root.pem");
const PIN: &str = "sha256:3ced6cef516aff98ba4f68a8827f35e43af05853d4457fd49bb866acf95eb817";

/// A kubeconfig whose server refuses connections.
fn kubeconfig() -> String {
    let authority = STANDARD.encode(AUTHORITY);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
         clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1', certificate-authority-data: {authority}}}}}]\n\
         contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n"
    )
}

/// Where kinder calls it every certificate is there; here none is, which is told and is no failure.
fn renews_all(said: &Said) -> Result<(), String> {
    done(said)?;
    must(
        said.out.lines().filter(|line| line.starts_with("MISSING! ")).count() == 11,
        "it does not tell what is missing",
    )?;
    must(
        said.out.contains("\nDone renewing certificates. You must restart the kube-apiserver, "),
        "it does not end as kubeadm",
    )
}

fn renews_one(said: &Said) -> Result<(), String> {
    done(said)?;
    must(
        said.out.starts_with("MISSING! certificate ") && said.out.lines().count() == 1,
        "it does not tell that it is missing",
    )
}

fn tables(said: &Said) -> Result<(), String> {
    done(said)?;
    must(
        said.out.lines().filter(|line| line.starts_with("!MISSING! ")).count() == 14,
        "it does not tell what is missing",
    )?;
    must(said.out.contains("\n\nCERTIFICATE AUTHORITY "), "it has not kubeadm's two tables")
}

/// kinder makes it on a control plane, as root.
fn needs_kubeconfig(said: &Said) -> Result<(), String> {
    must(said.code == Some(1) && said.out.is_empty(), "it does not fail, or says something that kinder would run")?;
    must(said.err.contains("error: failed to load admin kubeconfig: "), "it fails for another cause")
}

/// The file was read and understood before.
fn needs_admin_conf(said: &Said) -> Result<(), String> {
    must(said.code == Some(1) && said.out.is_empty(), "it does not fail, or says something first")?;
    let cause = "error: couldn't create a Kubernetes client from file \"/etc/kubernetes/admin.conf\": failed to load admin kubeconfig: ";
    must(said.err.contains(cause), "it fails for another cause")
}

fn needs_manifests(said: &Said) -> Result<(), String> {
    must(said.code == Some(1) && said.out.is_empty(), "it does not fail, or says something first")?;
    let cause = "error: the manifest file \"/etc/kubernetes/manifests/kube-apiserver.yaml\" does not exist";
    must(said.err.contains(cause), "it fails for another cause")
}

/// kinder runs it on nodes of a cluster; here there is none, which kubeadm says in the same words.
fn needs_client(said: &Said) -> Result<(), String> {
    must(said.code == Some(1), "it does not fail")?;
    must(
        said.err.contains("couldn't create a Kubernetes client from file \"/etc/kubernetes/"),
        "it fails for another cause",
    )
}

/// A dry run needs no cluster. What root sees of it to its end is a law: `an_upgrade_needs_no_cluster_to_be_tried`.
fn upgrades_what_is_made_up(said: &Said) -> Result<(), String> {
    let begins = "[dryrun] Dryrunning without a real client\n";
    must(said.out.starts_with(begins) || said.err.starts_with(begins), "it looks for a cluster")?;
    must(said.out.contains("[upgrade] Reading configuration from the \"kubeadm-config\" ConfigMap"), "it reads none")?;
    needs_root(said)
}

/// kinder runs the last line without quotes.
fn one_join_command(said: &Said) -> Result<(), String> {
    let line = said.out.lines().last().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let &[kubeadm, join, server, flag, token, hash_flag, hash, ""] = words.as_slice() else {
        return Err("it is not kubeadm's line with its blanks".into());
    };
    must([kubeadm, join, server] == ["kubeadm", "join", "127.0.0.1:1"], "it joins somewhere else")?;
    must([flag, hash_flag] == ["--token", "--discovery-token-ca-cert-hash"], "it has other flags")?;
    must(token.len() == 23 && token.as_bytes()[6] == b'.' && hash == PIN, "its token or pin is wrong")
}

fn must(holds: bool, else_: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(else_.to_owned()) }
}
