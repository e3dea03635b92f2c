//! `token …` on a cluster, beside the peer's, and the Secret of uploaded certificates between the two programs.

use std::io::Write as _;
use std::process::{Output, Stdio};

use kubewright_lab::Node;
use serde_json::Value as Json;

use super::post_conditions::{Expected, post_conditions};
use super::stage::{Stage, said};
use super::tree::tree;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const DEFAULT_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

#[test]
#[ignore = "needs lab nodes"]
fn tokens_are_the_peers() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    stage.init().words(["--skip-phases=addon"]).succeed();
    post_conditions(&stage, &Expected { kube_proxy: false, coredns: false, ..Expected::of(1, 0) });

    // The same wishes to both programs make the same Secrets, but for the id.
    let several = ["--groups", "system:bootstrappers:a,system:bootstrappers:b", "--usages", "authentication"];
    let wishes: [&[&str]; 4] =
        [&["--ttl", "0", "--description", "for ever & <a> day"], &["--ttl", "-1h"], &several, &["--ttl", "90m"]];
    for (number, wish) in wishes.iter().enumerate() {
        let ours = format!("ours0{number}.0123456789abcdef");
        let peers = format!("peer0{number}.0123456789abcdef");
        let create = |program: &str, token: &str| {
            let said = node.run([&[program, "token", "create", token], *wish].concat()).unwrap();
            assert_eq!(said, format!("{token}\n"));
        };
        create("kubewright", &ours);
        create("kubeadm", &peers);
        assert_eq!(secret(node, &ours), secret(node, &peers), "{wish:?}");
    }
    assert_eq!(secret(node, "ours00.")["data"].get("expiration"), None, "a token with --ttl 0 expires");

    // Both list the same, what is no token beside it.
    node.run(["sh", "-c", BROKEN]).unwrap();
    let lists = |program: &str, words: &[&str]| {
        let output = node.exec([&[program, "token", "list"], words].concat()).unwrap();
        assert!(output.status.success(), "{program}: {}", said(&output));
        output
    };
    let out = |program: &str, words: &[&str]| text(&lists(program, words).stdout);
    let table = out("kubewright", &[]);
    assert_eq!(table, out("kubeadm", &[]));
    assert!(
        table.contains("ours00.0123456789abcdef   <forever>   <never> ") && table.contains(DEFAULT_GROUP),
        "{table}"
    );
    for words in [
        &["-o", "json"][..],
        &["-o", "yaml"],
        &["-o", "jsonpath={.token} {.groups[*]};"],
        &["-o", "go-template={{.expires}}"],
    ] {
        // 1.20 has the first version of the objects.
        let peers = out("kubeadm", words).replace("output.kubeadm.k8s.io/v1alpha1", "output.kubeadm.k8s.io/v1alpha3");
        assert_eq!(out("kubewright", words), peers, "{words:?}");
    }
    let warned = text(&lists("kubewright", &[]).stderr);
    assert_eq!(warned, "warning: the Secret `bootstrap-token-broken` has no `token-id`\n");

    // A taken id is nobody's.
    let taken = node.exec(["kubewright", "token", "create", "peer00.fedcba9876543210"]).unwrap();
    assert_eq!((taken.status.code(), text(&taken.stdout)), (Some(1), String::new()));
    assert!(text(&taken.stderr).starts_with("error: a token with id \"peer00\" already exists\n"), "{}", said(&taken));

    // Deleted by id and by the whole token, by either program.
    let deleted = node.run(["kubewright", "token", "delete", "peer00", "ours00.0123456789abcdef"]).unwrap();
    assert_eq!(deleted, "bootstrap token \"peer00\" deleted\nbootstrap token \"ours00\" deleted\n");
    node.run(["kubeadm", "token", "delete", "ours01"]).unwrap();
    let again = node.exec(["kubewright", "token", "delete", "ours01", "peer01"]).unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("failed to delete bootstrap token \"ours01\": "), "{}", said(&again));
    let left = out("kubewright", &["-o", "jsonpath={.token} "]);
    for (token, there) in [("ours00", false), ("peer00", false), ("ours01", false), ("peer01", true)] {
        assert_eq!(left.contains(token), there, "{token} in {left}");
    }
    let before = out("kubewright", &[]);
    let dry = node.run(["kubewright", "token", "delete", "peer01", "--dry-run"]).unwrap();
    assert!(dry.starts_with("[dryrun] Would delete Secret kube-system/bootstrap-token-peer01\n"), "{dry}");
    node.run(["kubewright", "token", "create", "--dry-run"]).unwrap();
    assert_eq!(out("kubewright", &[]), before, "a dry run changed something");

    join_commands(node);
    kubeconfigs(node);
}

/// The Secret of the token with that id, without what the id and the moment make different.
fn secret(node: &Node, token: &str) -> Json {
    let name = format!("bootstrap-token-{}", &token[..6]);
    let text = node.run(["kubectl", "get", "secret", "-n", "kube-system", &name, "-o", "json"]).unwrap();
    let mut secret: Json = serde_json::from_str(&text).unwrap();
    secret["metadata"] = Json::Null;
    let data = secret["data"].as_object_mut().unwrap();
    data.remove("token-id").unwrap();
    if let Some(moment) = data.get_mut("expiration") {
        *moment = Json::from(moment.as_str().unwrap().len());
    }
    secret
}

const BROKEN: &str = "kubectl create secret generic bootstrap-token-broken -n kube-system \
                      --type bootstrap.kubernetes.io/token --from-literal=token-secret=0123456789abcdef";

/// The lines that scripts run: the peer's, but for its blanks of 1.20, the token and the program's name.
fn join_commands(node: &Node) {
    let words = |line: &str, token: &str| -> Vec<String> {
        assert!(line.ends_with('\n') && line.lines().count() == 1, "{line:?}");
        line.split_whitespace().map(|word| word.replace(token, "TOKEN").replace("kubewright", "kubeadm")).collect()
    };
    for (number, more) in [&[][..], &["--certificate-key", KEY]].iter().enumerate() {
        let lines = ["ours", "peer"].map(|maker| {
            let program = if maker == "ours" { "kubewright" } else { "kubeadm" };
            let token = format!("{maker}1{number}.0123456789abcdef");
            let command = [&[program, "token", "create", &token, "--print-join-command"], *more].concat();
            words(&node.run(command).unwrap(), &token)
        });
        assert_eq!(lines[0], lines[1]);
        assert!(lines[0].starts_with(&["kubeadm", "join"].map(str::to_owned)), "{lines:?}");
    }
    let line = from_stdin(node, KEY, &["token", "create", "--print-join-command", "--certificate-key-file", "-"]);
    assert!(text(&line.stdout).ends_with(&format!(" --control-plane --certificate-key {KEY}\n")), "{}", said(&line));
    let made = from_stdin(node, "stdin0.0123456789abcdef", &["token", "create", "--token-file=-"]);
    assert_eq!(text(&made.stdout), "stdin0.0123456789abcdef\n", "{}", said(&made));
}

/// Which kubeconfig counts: the flag, the variable, the user's own, `admin.conf`.
fn kubeconfigs(node: &Node) {
    let lists = |words: &[&str]| {
        let output = node.exec([&["env"], words, &["kubewright", "token", "list"]].concat()).unwrap();
        (output.status.success(), text(&output.stderr))
    };
    assert!(lists(&["-u", "KUBECONFIG"]).0, "`admin.conf` does not count");
    assert!(lists(&["KUBECONFIG=/nowhere:/etc/kubernetes/admin.conf"]).0, "the one that exists does not count");
    let (done, told) = lists(&["KUBECONFIG=/etc/kubernetes/scheduler.conf"]);
    assert!(!done && told.contains("system:kube-scheduler"), "{told}");
    let (done, told) = lists(&["KUBECONFIG=/etc/hostname"]);
    assert!(!done && told.contains("cannot use the kubeconfig `/etc/hostname`"), "{told}");
    let flag = ["kubewright", "token", "list", "--kubeconfig", "/etc/kubernetes/admin.conf"];
    let output = node.exec([&["env", "KUBECONFIG=/etc/hostname"][..], &flag].concat()).unwrap();
    assert!(output.status.success(), "the flag does not count: {}", said(&output));
    node.run(["sh", "-c", "mkdir -p ~/.kube && cp /etc/kubernetes/scheduler.conf ~/.kube/config"]).unwrap();
    let (done, told) = lists(&["-u", "KUBECONFIG"]);
    assert!(!done && told.contains("system:kube-scheduler"), "the user's own does not count: {told}");
}

fn from_stdin(node: &Node, input: &str, words: &[&str]) -> Output {
    let mut command = node.command([&["kubewright"], words].concat()).unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{input}").unwrap();
    child.wait_with_output().unwrap()
}

#[test]
#[ignore = "needs lab nodes"]
fn uploaded_certificates_are_read_by_either_program() {
    let stage = Stage::with_nodes(2);
    let (first, second) = (stage.node(1), stage.node(2));
    stage.init().words(["--skip-phases=addon"]).succeed();
    post_conditions(&stage, &Expected { kube_proxy: false, coredns: false, ..Expected::of(1, 0) });
    let line = first.run(["kubeadm", "token", "create", "--print-join-command"]).unwrap();
    let joining: Vec<&str> = line.split_whitespace().skip(2).collect();

    for (uploads, downloads) in [("kubewright", "kubeadm"), ("kubeadm", "kubewright"), ("kubewright", "kubewright")] {
        let upload = ["init", "phase", "upload-certs", "--upload-certs"];
        let output = match uploads {
            "kubewright" => from_stdin(first, KEY, &[&upload[..], &["--certificate-key-file", "-"]].concat()),
            _ => first.exec([&[uploads], &upload[..], &["--certificate-key", KEY]].concat()).unwrap(),
        };
        assert!(output.status.success(), "{uploads}: {}", said(&output));
        assert!(text(&output.stdout).contains(&format!("Using certificate key:\n{KEY}\n")), "{}", said(&output));

        second.run(["rm", "-rf", PKI]).unwrap();
        let download = ["join", "phase", "control-plane-prepare", "download-certs"];
        let plane = ["--control-plane", "--certificate-key", KEY];
        let output = second.exec([&[downloads], &download[..], &joining, &plane].concat()).unwrap();
        assert!(output.status.success(), "{uploads} to {downloads}: {}", said(&output));
        for name in SHARED {
            let path = format!("{PKI}/{name}");
            let (original, copy) = (std::fs::read(first.path(&path)), std::fs::read(second.path(&path)));
            assert_eq!(copy.unwrap(), original.unwrap(), "{name}, from {uploads} to {downloads}");
        }
        if downloads == "kubewright" {
            check_access(second);
        }
    }

    // Another key opens nothing, and leaves nothing.
    second.run(["rm", "-rf", PKI]).unwrap();
    let download = ["kubewright", "join", "phase", "control-plane-prepare", "download-certs"];
    let other = KEY.replace('0', "1");
    let output =
        second.exec([&download[..], &joining, &["--control-plane", "--certificate-key", &other]].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(text(&output.stderr).contains("error decoding secret data with provided key"), "{}", said(&output));
    assert!(!said(&output).contains(&other), "the key is told");
    assert_eq!(tree(second, ["/etc/kubernetes"]).keys().filter(|path| path.contains("pki")).count(), 0);
}

/// Public files can be read by all, as kubeadm writes them today; 1.20 closes them all.
fn check_access(node: &Node) {
    let files: Vec<_> = tree(node, [PKI]).into_iter().filter(|(_, entry)| entry.access().starts_with("100")).collect();
    assert_eq!(files.len(), SHARED.len());
    for (path, entry) in files {
        let mode = if path.ends_with(".key") { "100600 0:0" } else { "100644 0:0" };
        assert_eq!(entry.access(), mode, "{path}");
    }
}

const PKI: &str = "/etc/kubernetes/pki";
/// What every control plane of a cluster has in common.
const SHARED: [&str; 8] =
    ["ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub", "etcd/ca.crt", "etcd/ca.key"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
