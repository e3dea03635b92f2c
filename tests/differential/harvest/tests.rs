//! A deliberately wrong value in each kind of thing is caught, where it is.

use std::fs::Permissions;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use time::OffsetDateTime;

use super::*;
use crate::compare::compare;

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("../testdata/", $name))
    };
}

/// What a run left, before and after something was changed in it.
struct Run {
    dir: tempfile::TempDir,
    stdout: String,
    printed: String,
    status: i32,
    /// Of a line of the shell that arranges something.
    arranged: i32,
    /// Of the last step, which is a line that stands twice.
    again: i32,
}

impl Run {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let printed = "{\"images\": [\"a\", \"b\"]}".into();
        let run = Self { dir, stdout: objects(), printed, status: 0, arranged: 0, again: 0 };
        run.write("dry/ca.crt", data!("ca.crt"));
        run.write("dry/apiserver.crt", data!("leaf.crt"));
        run.write("dry/apiserver.key", data!("leaf.key"));
        run.write("dry/admin.conf", &kubeconfig("https://192.0.2.10:6443", "kubernetes-admin", data!("leaf.crt")));
        run.write(
            "dry/etcd.yaml",
            "kind: Pod\nspec:\n  containers:\n  - command: [etcd, --a=1, --b=2]\n    image: x:1\n",
        );
        run.write("dry/config.yaml", "kind: KubeletConfiguration\nmaxPods: 110\n");
        run.write("dry/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--a=1 --b=2\"\n");
        run.write("files/etc/kubernetes/manifests/etcd.yaml", "kind: Pod\n");
        run
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    fn harvest(&self) -> Harvest {
        self.gather().unwrap()
    }

    fn gather(&self) -> Result<Harvest> {
        let step = |line: &str, status, stdout: &str| Step {
            line: line.into(),
            status,
            stdout: stdout.into(),
            stderr: "error: no".into(),
        };
        let steps = vec![
            step("kubeadm init --dry-run", self.status, &self.stdout),
            step("kubeadm config images list", self.status, &self.printed),
            step("rm x", self.arranged, "not compared"),
            step("kubeadm config images list", self.again, &self.printed),
        ];
        let began = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
        let left = Left { dir: self.dir.path().to_owned(), steps, began };
        gather(&left, Side::Kubeadm, "given: abcdef.0123456789abcdef")
    }
}

fn kubeconfig(server: &str, user: &str, certificate: &str) -> String {
    let base64 = |text: &str| BASE64.encode(text);
    format!(
        "clusters:\n- cluster: {{certificate-authority-data: {}, server: '{server}'}}\n  name: kubernetes\nusers:\n- name: {user}\n  user: {{client-certificate-data: {}, client-key-data: {}}}\n",
        base64(data!("ca.crt")),
        base64(certificate),
        base64(data!("leaf.key")),
    )
}

fn objects() -> String {
    let object = |text: &str| {
        let set_in: String = text.lines().map(|line| format!("\t{line}\n")).collect();
        format!("[dryrun] Would perform action CREATE on resource \"x\"\n[dryrun] Attached object:\n{set_in}")
    };
    let expiration = OffsetDateTime::from_unix_timestamp(1_900_000_000 + 86_400).unwrap();
    let expiration = expiration.format(&time::format_description::well_known::Rfc3339).unwrap();
    let base64 = |text: &str| BASE64.encode(text);
    [
        "kind: ConfigMap\nmetadata: {name: kubeadm-config, namespace: kube-system}\ndata:\n  ClusterConfiguration: |\n    clusterName: kubernetes\n    networking: {dnsDomain: cluster.local}\n".to_owned(),
        "kind: ConfigMap\nmetadata: {name: coredns, namespace: kube-system}\ndata:\n  Corefile: |\n    .:53 {\n        errors\n    }\n".to_owned(),
        format!(
            "kind: Secret\ntype: bootstrap.kubernetes.io/token\nmetadata: {{name: bootstrap-token-abcdef, namespace: kube-system}}\ndata: {{description: {}, expiration: {}, token-secret: eA==}}\n",
            base64("a token"),
            base64(&expiration)
        ),
        "kind: Role\nmetadata: {name: r, namespace: kube-system}\nrules:\n- {resources: [configmaps], verbs: [get]}\n".to_owned(),
        "kind: DaemonSet\nmetadata: {name: kube-proxy, namespace: kube-system}\nspec: {template: {spec: {hostNetwork: true}}}\n".to_owned(),
    ]
    .iter()
    .map(|text| object(text))
    .chain(["[dryrun] Attached patch:\n\t{\"spec\":{\"taints\":[{\"key\":\"k\"}]}}\n[mark-control-plane] Marking the node\n".to_owned()])
    .collect()
}

/// Where a run differs from one that was left alone.
#[track_caller]
fn told(change: impl FnOnce(&mut Run)) -> Vec<String> {
    let mut changed = Run::new();
    change(&mut changed);
    let compared = compare(&Run::new().harvest(), &changed.harvest());
    let differences = compared.into_iter().flat_map(|compared| compared.differences);
    differences.map(|difference| format!("{}: {}", difference.thing, difference.path)).collect()
}

/// Where a run differs that printed something else in one place.
#[track_caller]
fn changed(from: &str, to: &str) -> Vec<String> {
    told(|run| {
        assert!(run.stdout.contains(from), "{from}");
        run.stdout = run.stdout.replace(from, to);
    })
}

#[test]
fn two_runs_alike_do_not_differ() {
    assert_eq!(told(|_| {}), Vec::<String>::new());
    assert_eq!(Run::new().harvest().things.len(), 18, "{:#?}", Run::new().harvest().things.keys());
}

#[test]
fn every_part_of_a_certificate_counts() {
    for (part, wrong) in [
        ("subject", data!("subject.crt")),
        ("alternative names[]", data!("names.crt")),
        ("key usage", data!("usage.crt")),
        ("extended key usage[]", data!("extended.crt")),
        ("basic constraints.authority", data!("constraints.crt")),
        ("extensions[]", data!("critical.crt")),
        ("hours", data!("end.crt")),
        ("from", data!("begin.crt")),
        ("key", data!("curve.crt")),
        ("signature", data!("signature.crt")),
    ] {
        let differences = told(|run| run.write("dry/apiserver.crt", wrong));
        assert_eq!(differences, [format!("dry apiserver.crt: holds.{part}")]);
    }
    // Another authority: of all that it signed nothing is its own any more.
    let differences = told(|run| run.write("dry/ca.crt", data!("curve.crt")));
    assert!(differences.contains(&"dry apiserver.crt: holds.authority key identifier".to_owned()), "{differences:?}");
    assert!(differences.contains(&"dry ca.crt: holds.subject".to_owned()), "{differences:?}");
}

#[test]
fn how_a_key_is_written_and_its_size_count() {
    assert_eq!(told(|run| run.write("dry/apiserver.key", data!("curve.key"))), ["dry apiserver.key: holds.size"]);
    let differences = told(|run| run.write("dry/apiserver.key", data!("rsa.key")));
    assert_eq!(differences, ["dry apiserver.key: holds.size", "dry apiserver.key: holds.written as"]);
}

#[test]
fn a_kubeconfigs_server_user_and_certificate_count() {
    let config =
        |server, user, certificate| told(|run| run.write("dry/admin.conf", &kubeconfig(server, user, certificate)));
    let (server, user, leaf) = ("https://192.0.2.10:6443", "kubernetes-admin", data!("leaf.crt"));
    assert_eq!(config("https://192.0.2.10:443", user, leaf), ["dry admin.conf: holds.clusters[0].cluster.server"]);
    assert_eq!(config(server, "other", leaf), ["dry admin.conf: holds.users[0].name"]);
    let path = "dry admin.conf: holds.users[0].user.client-certificate-data.subject";
    assert_eq!(config(server, user, data!("subject.crt")), [path]);
}

#[test]
fn modes_missing_files_and_files_too_many_count() {
    let mode = |run: &mut Run| {
        fs::set_permissions(run.dir.path().join("dry/apiserver.key"), Permissions::from_mode(0o644)).unwrap();
    };
    assert_eq!(told(mode), ["dry apiserver.key: mode"]);
    assert_eq!(told(|run| fs::remove_file(run.dir.path().join("dry/etcd.yaml")).unwrap()), ["dry etcd.yaml: "]);
    assert_eq!(told(|run| run.write("files/etc/kubernetes/more.conf", "")), ["file /etc/kubernetes/more.conf: "]);
}

#[test]
fn static_pods_and_the_kubelets_files_count() {
    let pod = |text| told(|run| run.write("dry/etcd.yaml", text));
    let command = "dry etcd.yaml: holds.spec.containers[0].command[]";
    let image = "dry etcd.yaml: holds.spec.containers[0].image";
    assert_eq!(pod("kind: Pod\nspec:\n  containers:\n  - {command: [etcd, --a=1, --b=3], image: 'x:1'}\n"), [command]);
    assert_eq!(pod("kind: Pod\nspec:\n  containers:\n  - {command: [etcd, --b=2, --a=1], image: 'x:1'}\n"), [command]);
    assert_eq!(pod("kind: Pod\nspec:\n  containers:\n  - {command: [etcd, --a=1, --b=2], image: 'x:2'}\n"), [image]);
    let config = told(|run| run.write("dry/config.yaml", "kind: KubeletConfiguration\nmaxPods: '110'\n"));
    assert_eq!(config, ["dry config.yaml: holds.maxPods"]);
    let flags = told(|run| run.write("dry/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--b=2 --a=1\"\n"));
    assert_eq!(flags, ["dry kubeadm-flags.env: holds.KUBELET_KUBEADM_ARGS[]"]);
}

#[test]
fn objects_count_and_so_do_the_texts_in_them() {
    let cluster = "object ConfigMap kube-system/kubeadm-config: data.ClusterConfiguration.networking.dnsDomain";
    assert_eq!(changed("cluster.local", "other.local"), [cluster]);
    assert_eq!(changed("errors", "error"), ["object ConfigMap kube-system/coredns: data.Corefile"]);
    assert_eq!(changed("[get]", "[get, list]"), ["object Role kube-system/r: rules[0].verbs[]"]);
    let proxy = "object DaemonSet kube-system/kube-proxy: spec.template.spec.hostNetwork";
    assert_eq!(changed("hostNetwork: true", "hostNetwork: false"), [proxy]);
    assert_eq!(changed("\"key\":\"k\"", "\"key\":\"l\""), ["object Node patch: spec.taints[0].key"]);
    assert_eq!(changed("Marking the", "Marking no"), ["said about the node: []"]);
    let renamed = changed("name: r,", "name: s,");
    assert_eq!(renamed, ["object Role kube-system/r: ", "object Role kube-system/s: "]);
}

#[test]
fn a_tokens_purpose_and_end_count_and_its_secret_does_not() {
    let secret = "object Secret kube-system/bootstrap-token-abcdef: data";
    let base64 = |text: &str| BASE64.encode(text);
    assert_eq!(changed(&base64("a token"), &base64("b token")), [format!("{secret}.description")]);
    let late = changed("expiration: MjAzMC0w", "expiration: MjAzMS0w");
    assert_eq!(late, [format!("{secret}.expiration")]);
    assert_eq!(changed("token-secret: eA==", "token-secret: eQ=="), Vec::<String>::new());
}

#[test]
fn what_is_printed_and_whether_it_succeeds_count() {
    let printed = told(|run| run.printed = "{\"images\": [\"b\", \"a\"]}".into());
    assert_eq!(printed, ["stdout kubeadm config images list: images[]"]);
    let refused = told(|run| run.status = 1);
    assert!(refused.contains(&"exit kubeadm init --dry-run: ".to_owned()), "{refused:?}");
    // A later success of the same line hides nothing, and neither does an earlier one.
    for run in [Run { status: 2, ..Run::new() }, Run { again: 3, ..Run::new() }] {
        let harvest = run.harvest();
        assert_eq!(harvest.things["exit kubeadm config images list"], "refuses");
        assert!(harvest.refuses());
    }
    assert!(!Run::new().harvest().refuses());
}

#[test]
fn no_refusal_is_a_panic_a_timeout_a_missing_program_or_a_step_that_arranges_nothing() {
    for status in [4, 101, 124, 127, 137] {
        let error = Run { status, ..Run::new() }.gather().unwrap_err().to_string();
        assert_eq!(error, format!("kubeadm init --dry-run: ended with {status}: error: no"));
    }
    let error = Run { arranged: 1, ..Run::new() }.gather().unwrap_err().to_string();
    assert_eq!(error, "rm x: ended with 1: error: no");
}
