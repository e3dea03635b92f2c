//! Compares what we make with what real kubeadm made from the same configuration, recorded in `tests/fixtures`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use camino::Utf8PathBuf;
use kubewright_config::{BootstrapToken, Init, yaml};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::messages::{self, InitDone, JoinCommand, Role, Told};
use crate::uploads::{self, TokenOwner};
use crate::*;

/// What kubeadm wrote, by file name.
struct Recorded {
    version: &'static str,
    files: BTreeMap<&'static str, &'static str>,
}

macro_rules! recorded {
    ($version:literal, $case:literal, $($file:literal)*) => {
        Recorded {
            version: $version,
            files: BTreeMap::from([$((
                $file,
                include_str!(concat!("../../tests/fixtures/kubeadm-", $version, "/", $case, "/", $file)),
            )),*]),
        }
    };
}

impl Recorded {
    fn init(&self) -> Init {
        // kubeadm 1.20 reads the older form of the same fields.
        crate::fixture::load(&self.files["input.yaml"].replace("kubeadm.k8s.io/v1beta2", "kubeadm.k8s.io/v1beta3"))
    }

    fn objects(&self) -> Vec<Value> {
        parse(self.files["objects.yaml"])
    }

    /// Finds a recorded value of a Secret's data.
    fn secret(&self, name_prefix: &str, key: &str) -> Option<String> {
        let objects = self.objects();
        let secret = objects.iter().find(|object| {
            object["kind"] == "Secret" && object["metadata"]["name"].as_str().unwrap().starts_with(name_prefix)
        })?;
        let bytes = BASE64.decode(secret["data"].get(key)?.as_str()?).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }
}

fn parse(text: &str) -> Vec<Value> {
    yaml::documents(text.as_bytes()).unwrap().iter().map(|document| document.value().clone()).collect()
}

/// What the host of the recordings had.
struct Host {
    ca_directories: Vec<Utf8PathBuf>,
    proxies: Vec<(String, String)>,
}

impl Host {
    fn bare() -> Self {
        Self { ca_directories: Vec::new(), proxies: Vec::new() }
    }

    fn full(version: &str) -> Self {
        let pki = if version == "1.20.2" { "/etc/pki" } else { "/etc/pki/ca-trust" };
        Self {
            ca_directories: ["/etc/ca-certificates", "/usr/share/ca-certificates", pki].map(Utf8PathBuf::from).into(),
            proxies: [("HTTPS_PROXY", "http://proxy.example.com:3128"), ("no_proxy", "10.0.0.0/8,.example.com")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }
}

fn files(init: &Init, host: &Host) -> BTreeMap<String, String> {
    let mut node = ControlPlaneNode::of_init(&init.init, &init.cluster, &init.facts);
    node.ca_directories = &host.ca_directories;
    node.proxy_environment = &host.proxies;
    let registration = &init.init.node_registration;
    let mut pods =
        vec![kube_apiserver(&node).unwrap(), kube_controller_manager(&node).unwrap(), kube_scheduler(&node).unwrap()];
    if init.cluster.etcd.local().is_some() {
        pods.push(etcd(&node, EtcdStart::NewCluster).unwrap());
    }
    let mut files: BTreeMap<String, String> = pods.into_iter().map(|pod| (pod.file_name(), pod.yaml)).collect();
    let flags = kubelet::flags_env(registration, &init.cluster, &init.facts, false).unwrap();
    files.insert("kubeadm-flags.env".into(), flags);
    if let Some(text) = kubelet::instance_config(registration, &init.cluster, &init.facts).unwrap() {
        files.insert("instance-config.yaml".into(), text);
    }
    let config = kubelet::config(&init.kubelet, registration, &init.cluster, &init.facts);
    files.insert("kubelet-config.yaml".into(), config);
    files
}

fn objects(recorded: &Recorded, init: &Init, host: &Host, upload_certs: bool) -> Vec<Value> {
    let (cluster, facts, local) = (&init.cluster, &init.facts, &init.init.local_api_endpoint);
    let node_name = init.init.node_registration.name.clone();
    let mut objects = uploads::kubeadm_config(
        cluster,
        facts,
        init.init.timeouts.control_plane_component_health_check,
        &BTreeMap::from([(node_name, *local)]),
    )
    .unwrap();
    objects.extend(uploads::kubelet_config(&init.kubelet, facts).unwrap());
    if upload_certs {
        objects.extend(certificates(recorded, init));
    }
    let entry = &init.init.bootstrap_tokens[0];
    // The recording's clock, read back from what it wrote.
    let now = match recorded.secret("bootstrap-token-abcdef", "expiration") {
        Some(text) => OffsetDateTime::parse(&text, &Rfc3339).unwrap() - entry.ttl.unwrap(),
        None => OffsetDateTime::UNIX_EPOCH,
    };
    objects.push(uploads::bootstrap_token(entry, now).unwrap().object().clone());
    objects.extend(rbac::bootstrap(facts).unwrap());
    objects.extend(uploads::cluster_info(&cluster.endpoint(local).url(), b"CA", facts).unwrap());
    objects.extend(coredns(cluster, facts, None).unwrap());
    objects.extend(kube_proxy(cluster, &init.kube_proxy, local, facts, &host.proxies).unwrap());
    objects
}

fn certificates(recorded: &Recorded, init: &Init) -> Vec<Value> {
    let all = recorded.objects();
    let owner = all.iter().find(|object| object["metadata"]["name"] == "kubeadm-certs").unwrap();
    let name = owner["metadata"]["ownerReferences"][0]["name"].as_str().unwrap().to_owned();
    let data = |key| recorded.secret(&name, key).unwrap();
    let token = BootstrapToken::from_str(&format!("{}.{}", data("token-id"), data("token-secret"))).unwrap();
    let entry = uploads::certificates_token(token);
    let now = OffsetDateTime::parse(&data("expiration"), &Rfc3339).unwrap() - entry.ttl.unwrap();
    let mut objects = vec![uploads::bootstrap_token(&entry, now).unwrap().object().clone()];
    // The recording has no certificates: their values were taken out.
    let files: Vec<_> = uploads::certificate_files(&init.cluster).into_iter().map(|(key, _)| (key, None)).collect();
    let key = init.init.certificate_key.as_ref().unwrap();
    let owner = TokenOwner { name, uid: String::new() };
    let upload = uploads::kubeadm_certs(key, &files, &owner, &mut |bytes| bytes.fill(1)).unwrap();
    objects.push(upload.secret.object().clone());
    objects.extend(upload.access);
    objects
}

/// Takes away what kubeadm's typed objects write without a meaning: nulls, empty maps, statuses, the namespace of
/// objects that have none, and the version that only its own way to update needs.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let cluster_wide =
                fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("Cluster"));
            let mut fields: serde_json::Map<String, Value> = fields
                .iter()
                .filter(|(key, _)| *key != "status")
                .map(|(key, value)| (key.clone(), plain(value)))
                .filter(|(_, value)| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty()))
                .collect();
            if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
                metadata.remove("resourceVersion");
                if cluster_wide {
                    metadata.remove("namespace");
                }
            }
            Value::Object(fields)
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        scalar => scalar.clone(),
    }
}

fn name(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

fn by_name(objects: &[Value]) -> BTreeMap<String, String> {
    objects.iter().map(|object| (name(object), yaml::to_string(&plain(object)))).collect()
}

fn join_commands(recorded: &Recorded, init: &Init, upload_certs: bool) -> String {
    let text = recorded.files["join.txt"];
    let hash = text.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap().to_owned();
    let join = JoinCommand {
        program: "kubeadm",
        server: &init.cluster.endpoint(&init.init.local_api_endpoint).url(),
        token: Told::Shown(&init.init.bootstrap_tokens[0].token),
        ca_cert_hashes: &[hash],
        role: Role::Worker,
        facts: &init.facts,
    };
    let certificate_key = init.init.certificate_key.as_ref().map(Told::Shown);
    let kubeconfig = "/etc/kubernetes/admin.conf";
    let done = InitDone { kubeconfig, cluster: &init.cluster, upload_certs, join, certificate_key };
    let text = messages::init_done(&done).unwrap();
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match (open, line.trim_start().starts_with("kubeadm join ")) {
            (true, _) => commands.last_mut().unwrap().push_str(&format!("\n{line}")),
            (false, true) => commands.push(line.to_owned()),
            (false, false) => {}
        }
        open = line.ends_with('\\') && !commands.is_empty();
    }
    format!("{}\n", commands.join("\n\n"))
}

/// Compares everything; returns how many things were equal byte for byte, and what differs.
fn compare(recorded: &Recorded, host: &Host, upload_certs: bool) -> (usize, Vec<String>) {
    let init = recorded.init();
    let mut equal = 0;
    let mut different = Vec::new();
    let mut check = |what: &str, theirs: &str, ours: &str| {
        if theirs == ours {
            equal += 1;
        } else {
            different.push(format!("== {} {what}\n{}", recorded.version, first_difference(theirs, ours)));
        }
    };
    let ours = files(&init, host);
    let inputs = ["input.yaml", "objects.yaml", "join.txt"];
    for (file, theirs) in recorded.files.iter().filter(|(file, _)| !inputs.contains(file)) {
        // kubeadm 1.20.2 asks for what kubelets may not have yet; see docs/parity.md.
        let theirs = theirs.replace("        ephemeral-storage: 100Mi\n", "");
        check(file, &theirs, ours.get(*file).map_or("", String::as_str));
    }
    for file in ours.keys().filter(|file| !recorded.files.contains_key(file.as_str())) {
        check(file, "", &ours[file]);
    }
    let theirs = by_name(&recorded.objects());
    let ours = objects(recorded, &init, host, upload_certs);
    let ours = by_name(&ours);
    for object in theirs.keys().chain(ours.keys().filter(|object| !theirs.contains_key(*object))) {
        let text = |all: &BTreeMap<String, String>| all.get(object).cloned().unwrap_or_default();
        check(object, &text(&theirs), &text(&ours));
    }
    check("join commands", recorded.files["join.txt"], &join_commands(recorded, &init, upload_certs));
    (equal, different)
}

fn first_difference(theirs: &str, ours: &str) -> String {
    let (mut theirs, mut ours) = (theirs.lines(), ours.lines());
    loop {
        match (theirs.next(), ours.next()) {
            (left, right) if left == right && left.is_some() => {}
            (left, right) => return format!("  kubeadm: {left:?}\n  ours:    {right:?}"),
        }
    }
}

#[track_caller]
fn assert_parity(recorded: &Recorded, host: &Host, upload_certs: bool, things: usize) {
    let (equal, different) = compare(recorded, host, upload_certs);
    assert!(different.is_empty(), "{equal} equal, {} different:\n{}", different.len(), different.join("\n"));
    assert_eq!(equal, things, "the number of things compared");
}

macro_rules! with_etcd {
    ($version:literal, $case:literal $(, $more:literal)*) => {
        recorded!($version, $case, "input.yaml" "objects.yaml" "join.txt" "kube-apiserver.yaml"
            "kube-controller-manager.yaml" "kube-scheduler.yaml" "etcd.yaml" "kubelet-config.yaml" "kubeadm-flags.env"
            $($more)*)
    };
}

macro_rules! without_etcd {
    ($version:literal, $case:literal $(, $more:literal)*) => {
        recorded!($version, $case, "input.yaml" "objects.yaml" "join.txt" "kube-apiserver.yaml"
            "kube-controller-manager.yaml" "kube-scheduler.yaml" "kubelet-config.yaml" "kubeadm-flags.env" $($more)*)
    };
}

#[test]
fn defaults_are_those_of_kubeadm_1_36() {
    let recorded = with_etcd!("1.36.2", "default", "instance-config.yaml");
    assert_parity(&recorded, &Host::bare(), false, 36);
}

#[test]
fn defaults_are_those_of_kubeadm_1_20() {
    assert_parity(&with_etcd!("1.20.2", "default"), &Host::bare(), false, 34);
}

#[test]
fn extras_are_those_of_kubeadm_1_36() {
    assert_parity(&with_etcd!("1.36.2", "full"), &Host::full("1.36.2"), true, 39);
}

#[test]
fn extras_are_those_of_kubeadm_1_20() {
    let recorded = with_etcd!("1.20.2", "full");
    assert_parity(&recorded, &Host::full("1.20.2"), false, 34);
}

#[test]
fn dual_stack_is_that_of_kubeadm_1_36() {
    let recorded = with_etcd!("1.36.2", "dual", "instance-config.yaml");
    assert_parity(&recorded, &Host::bare(), false, 36);
}

#[test]
fn dual_stack_is_that_of_kubeadm_1_20() {
    assert_parity(&with_etcd!("1.20.2", "dual"), &Host::bare(), false, 34);
}

#[test]
fn external_etcd_is_that_of_kubeadm_1_36() {
    let recorded = without_etcd!("1.36.2", "external", "instance-config.yaml");
    assert_parity(&recorded, &Host::bare(), false, 35);
}

#[test]
fn external_etcd_is_that_of_kubeadm_1_20() {
    assert_parity(&without_etcd!("1.20.2", "external"), &Host::bare(), false, 33);
}

#[test]
fn objects_come_in_kubeadms_order() {
    let recorded = with_etcd!("1.36.2", "full");
    let ours = objects(&recorded, &recorded.init(), &Host::full("1.36.2"), true);
    let names = |objects: &[Value]| objects.iter().map(name).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&recorded.objects()));
}

#[test]
fn printed_manifests_hold_what_kubeadms_hold_in_its_order() {
    let recorded = recorded!("1.36.2", "default", "input.yaml" "printed-coredns.yaml" "printed-kube-proxy.yaml");
    let Init { cluster, facts, init, kube_proxy, .. } = recorded.init();
    let dns = coredns_manifest(&cluster, &facts).unwrap();
    assert_eq!(parse(&dns), parse(recorded.files["printed-coredns.yaml"]));
    let proxy = kube_proxy_manifest(&cluster, &kube_proxy, &init.local_api_endpoint, &facts).unwrap();
    // A mount is writable anyway.
    let theirs = recorded.files["printed-kube-proxy.yaml"].replace("          readOnly: false\n", "");
    let text = |manifest: &str| render::printed(parse(manifest).iter());
    assert_eq!(text(&proxy), text(&theirs), "{}", first_difference(&text(&theirs), &text(&proxy)));
}
