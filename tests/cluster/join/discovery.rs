//! Whole joins by each form of discovery file that kubeadm's own end-to-end suite has, and dry runs before: without a cluster,
//! and on the one that is then joined.

use std::collections::BTreeMap;
use std::fs;

use kubewright_config::yaml;
use kubewright_lab::{Node, SOCKET};
use serde_json::{Value as Json, json};

use super::super::command::Kubewright;
use super::super::post_conditions::Expected;
use super::super::tree::{CLUSTER_DIRS, STATE_DIR, differences, tree};
use super::{As, Site};

/// A directory that a node has to itself, gone with its reset.
const DIRECTORY: &str = "/run/discovery";
/// What kinder gives to dry runs where no cluster is.
const NO_CLUSTER: &str = "join 192.168.0.101:6443 --token abcdef.abcdef0123456789 --discovery-token-ca-cert-hash \
                          sha256:3b793efefe27a19f93b0fbe6e637e9c41d0dde8a377d6ab1c0f656bf1136dd8a";
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// What is true of lab nodes only; without a cluster nobody has told the kubelet that old control groups will do.
const IGNORED: &str = "--ignore-preflight-errors=ImagePull,FileExisting-crictl,SystemVerification";

/// What a discovery file says about who asks.
#[derive(Clone, Copy, Debug)]
enum Credentials {
    /// Nothing; the token for the kubelet's first certificate stands beside the file.
    None,
    /// A token, for both.
    Token,
    /// An administrator's certificate and key.
    Embedded,
    /// The same, in files of their own.
    ByPath,
}

#[test]
#[ignore = "needs lab nodes"]
fn every_form_of_discovery_file_joins_a_worker_and_dry_runs_before_it_leave_nothing() {
    let site = Site::with_nodes(6);
    let (first, last) = (site.stage.node(1), site.stage.node(6));
    let on_last =
        |line: &str| Kubewright::on(last).words(line.split_whitespace()).words([IGNORED, "--cri-socket", SOCKET]);

    // Where no cluster is.
    let version = &site.stage.facts().version;
    leaves_nothing(last, &on_last(&format!("init --kubernetes-version={version}")));
    leaves_nothing(last, &on_last(NO_CLUSTER));
    leaves_nothing(last, &on_last(&format!("{NO_CLUSTER} --control-plane --certificate-key {KEY}")));

    // On a cluster that is there: by the line that `token create` prints, and as each of the others will join.
    let line = first.run(["kubewright", "token", "create", "--print-join-command"]).unwrap();
    let line = line.trim().strip_prefix("kubewright ").or(line.trim().strip_prefix("kubeadm ")).unwrap();
    let key = site.ticket.certificate_key.as_deref().unwrap();
    leaves_nothing(last, &on_last(&format!("{line} --control-plane --certificate-key {key}")));
    let forms = [Credentials::None, Credentials::Token, Credentials::Embedded, Credentials::ByPath];
    let mut joins: Vec<_> =
        (2..).zip(forms).map(|(number, form)| (number, join_by_file(&site, number, form))).collect();
    joins.push((6, on_last(line)));
    for (number, join) in &joins {
        leaves_nothing(site.stage.node(*number), join);
    }

    let started: Vec<_> = joins.iter().map(|(number, join)| (number, join.start())).collect();
    for (number, running) in started {
        let ended = running.end();
        assert!(ended.status.success(), "node{number}:\n{}", ended.said());
        assert!(!ended.out.contains("[resume]"), "a dry run is gone on with:\n{}", ended.said());
    }
    site.stage.wait_until_whole(&Expected::of(1, 5).uploaded());
    let bootstrap = |token: &str| format!("system:bootstrap:{}", token.split('.').next().unwrap());
    let (token, admin) = (bootstrap(&site.ticket.token), "kubernetes-admin".to_owned());
    let printed = bootstrap(line.split_whitespace().skip_while(|word| *word != "--token").nth(1).unwrap());
    let wanted =
        [("node2", token.clone()), ("node3", token), ("node4", admin.clone()), ("node5", admin), ("node6", printed)];
    let wanted: BTreeMap<String, String> = wanted.into_iter().map(|(node, who)| (node.to_owned(), who)).collect();
    assert_eq!(requestors(first, wanted.keys()), wanted, "who asked for the kubelets' certificates");
    site.take_out(2..=6);
    site.hand_on();
}

/// Runs a command dry, which must succeed and leave the node as it was.
fn leaves_nothing(node: &Node, command: &Kubewright<'_>) {
    let looked_at = || tree(node, CLUSTER_DIRS.into_iter().chain([STATE_DIR, "/run", "/etc/cni/net.d"]));
    let before = looked_at();
    let ended = command.clone().word("--dry-run").succeed();
    assert_eq!(differences(&before, &looked_at()), [""; 0], "{}", ended.said());
    assert!(ended.out.contains("[dryrun]"), "{}", ended.said());
}

/// The command that joins a worker by a discovery file, which is made of the administrator's kubeconfig.
fn join_by_file(site: &Site, number: usize, form: Credentials) -> Kubewright<'_> {
    let (node, token) = (site.stage.node(number), &site.ticket.token);
    let admin = fs::read(site.stage.node(1).path("/etc/kubernetes/admin.conf")).unwrap();
    let mut kubeconfig: Json = yaml::document(&admin).unwrap().value().clone();
    let at = |name: &str| format!("{DIRECTORY}/{name}");
    let write = |name: &str, contents: &[u8]| {
        fs::create_dir_all(node.path(DIRECTORY)).unwrap();
        fs::write(node.path(&at(name)), contents).unwrap();
    };
    let user = &mut kubeconfig["users"][0]["user"];
    match form {
        // As kinder does it: the fields are there, and empty.
        Credentials::None => *user = json!({"client-certificate-data": "", "client-key-data": ""}),
        Credentials::Token => {
            *user = json!({"client-certificate-data": "", "client-key-data": "", "token": token.to_string()});
        }
        Credentials::Embedded => {}
        Credentials::ByPath => {
            for (field, name) in [("client-certificate", "client.crt"), ("client-key", "client.key")] {
                write(name, &decoded(&user[format!("{field}-data")]));
            }
            *user = json!({"client-certificate": at("client.crt"), "client-key": at("client.key")});
        }
    }
    write("discovery.conf", kubeconfig.to_string().as_bytes());
    site.join_changed(number, As::Worker, |document| {
        document["discovery"] = json!({"file": {"kubeConfigPath": at("discovery.conf")}});
        if matches!(form, Credentials::None) {
            document["discovery"]["tlsBootstrapToken"] = json!(token.to_string());
        }
    })
}

/// Who asked for the certificate of each node's kubelet; all of them were issued.
fn requestors<'a>(first: &Node, nodes: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
    let list = first.run(["kubectl", "get", "certificatesigningrequests", "-o", "json"]).unwrap();
    let list: Json = serde_json::from_str(&list).unwrap();
    let mut found = BTreeMap::new();
    for node in nodes {
        let csrs = list["items"].as_array().unwrap().iter();
        // The last one: earlier tests had nodes of the same names.
        let mut of_node: Vec<_> = csrs.filter(|csr| names(csr, node)).collect();
        of_node.sort_by_key(|csr| csr["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned());
        let csr = of_node.last().unwrap_or_else(|| panic!("{node} has asked for no certificate"));
        assert!(csr["status"]["certificate"].is_string(), "{csr}");
        found.insert(node.clone(), csr["spec"]["username"].as_str().unwrap().to_owned());
    }
    found
}

/// Whether the request is for that node: its name stands in the subject as it is, in DER.
fn names(csr: &Json, node: &str) -> bool {
    use base64::Engine as _;
    let pem = decoded(&csr["spec"]["request"]);
    let text = String::from_utf8(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    let wanted = format!("system:node:{node}");
    der.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

fn decoded(value: &Json) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap()
}
