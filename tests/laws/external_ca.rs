//! External authorities: everything that they had to sign is there, their keys are not; and what is said when a part is
//! missing.

use std::fs;
use std::sync::OnceLock;

use camino::Utf8Path;
use kubewright_config::{ClusterConfiguration, InitConfiguration, VersionFacts};
use kubewright_engine::Failure;
use kubewright_phases::credentials::Credentials;
use kubewright_phases::external_ca::{ExternalAuthorities, look};
use kubewright_phases::options::InitOptions;

use super::case::{Case, Shape};
use super::machine::{Ask, Machine};
use super::snapshot::{Entry, files};

/// What the user of an external authority brings: made by the phases themselves, without the keys.
pub fn provided() -> &'static Vec<(String, Entry)> {
    static PROVIDED: OnceLock<Vec<(String, Entry)>> = OnceLock::new();
    PROVIDED.get_or_init(|| {
        let machine = Machine::new(&Case::newest());
        for group in ["certs", "kubeconfig"] {
            machine.run(Ask::only(group)).succeeded(group);
        }
        let mut made = files(&machine.node);
        made.retain(|path, _| path.starts_with("/etc/kubernetes"));
        for key in KEYS {
            made.remove(key).unwrap_or_else(|| panic!("{key} was not made"));
        }
        made.into_iter().collect()
    })
}

const KEYS: [&str; 2] = ["/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/front-proxy-ca.key"];

fn look_at(machine: &Machine, upload_certs: bool) -> Result<ExternalAuthorities, Failure> {
    let seeds = &machine.seeds;
    let options = InitOptions { upload_certs, ..InitOptions::default() };
    let credentials = Credentials {
        init: seeds.get::<InitConfiguration>().unwrap(),
        cluster: seeds.get::<ClusterConfiguration>().unwrap(),
        facts: seeds.get::<VersionFacts>().unwrap(),
        options: &options,
    };
    let backends = &machine.node.backends;
    look(&credentials, backends.clock.now(), |path| Ok(backends.files.read(path)?))
}

fn remove(machine: &Machine, path: &str) {
    fs::remove_file(machine.node.root.place(Utf8Path::new(path))).unwrap();
}

#[test]
fn the_whole_set_is_accepted_and_nothing_of_it_is_written() {
    let machine = Machine::new(&Case::shaped(Shape::ExternalCa));
    let external = look_at(&machine, false).unwrap();
    assert_eq!(external, ExternalAuthorities { cluster: true, front_proxy: true, warnings: Vec::new() });
    let before = files(&machine.node);
    machine.run(Ask::default()).succeeded("init with external authorities");
    let after = files(&machine.node);
    for (path, entry) in before.iter().filter(|(path, _)| !path.ends_with("/kubelet.conf")) {
        assert!(matches!(entry, Entry::Directory { .. }) || after.get(path) == Some(entry), "{path} changed");
    }
    assert!(KEYS.iter().all(|key| !after.contains_key(*key)));
    let manager = after["/etc/kubernetes/manifests/kube-controller-manager.yaml"].bytes().unwrap();
    let manager = String::from_utf8_lossy(manager);
    assert!(
        manager.contains("- --cluster-signing-cert-file=\n") && manager.contains("- --cluster-signing-key-file=\n")
    );
}

#[test]
fn certificates_are_not_uploaded_without_their_keys() {
    let machine = Machine::new(&Case::shaped(Shape::ExternalCa));
    let failure = look_at(&machine, true).unwrap_err();
    assert_eq!(failure.to_string(), "can't use upload-certs with an external CA or an external front-proxy CA");
    assert!(!failure.hints().is_empty());
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let machine = Machine::new(&Case::shaped(Shape::ExternalCa));
    for path in ["pki/apiserver.key", "pki/apiserver-kubelet-client.crt", "pki/apiserver-kubelet-client.key"] {
        remove(&machine, &format!("/etc/kubernetes/{path}"));
    }
    remove(&machine, "/etc/kubernetes/scheduler.conf");
    let told = look_at(&machine, false).unwrap_err().to_string();
    let expected = [
        "invalid or incomplete external CA:",
        "`/etc/kubernetes/pki/apiserver.crt` is there, but its key",
        "`/etc/kubernetes/pki/apiserver-kubelet-client.crt` and `/etc/kubernetes/pki/apiserver-kubelet-client.key` are not there",
        "`/etc/kubernetes/scheduler.conf` is not there",
    ];
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    for (line, expected) in told.lines().zip(expected) {
        assert!(line.trim().starts_with(expected), "{line}");
    }
}

#[test]
fn a_certificate_of_another_authority_and_a_strangers_kubeconfig_are_refused() {
    let machine = Machine::new(&Case::shaped(Shape::ExternalCa));
    let place = |path: &str| machine.node.root.place(Utf8Path::new(path));
    let (client, other) = ("/etc/kubernetes/pki/front-proxy-client", "/etc/kubernetes/pki/apiserver-kubelet-client");
    for end in ["crt", "key"] {
        fs::copy(place(&format!("{other}.{end}")), place(&format!("{client}.{end}"))).unwrap();
    }
    let told = look_at(&machine, false).unwrap_err().to_string();
    assert!(told.starts_with("invalid or incomplete external front-proxy CA:"), "{told}");

    let stranger = Machine::finished(&Case::newest());
    let admin = "/etc/kubernetes/admin.conf";
    fs::copy(stranger.node.root.place(Utf8Path::new(admin)), place(admin)).unwrap();
    let told = look_at(&machine, false).unwrap_err().to_string();
    assert!(told.contains("`/etc/kubernetes/admin.conf` trusts another certificate authority"), "{told}");
}

/// kubelets that authorities of companies serve name the authority's file, and the cluster's endpoint.
#[test]
fn a_kubeconfig_may_name_the_authoritys_file_and_another_server_is_only_warned_of() {
    let machine = Machine::new(&Case::shaped(Shape::ExternalCa));
    let path = machine.node.root.place(Utf8Path::new("/etc/kubernetes/controller-manager.conf"));
    let text = fs::read_to_string(&path).unwrap();
    let data = text.lines().find(|line| line.contains("certificate-authority-data")).unwrap();
    let text = text.replace(data, "    certificate-authority: pki/ca.crt").replace("192.0.2.10", "192.0.2.99");
    fs::write(&path, text).unwrap();
    let warnings = look_at(&machine, false).unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("https://192.0.2.99:6443 and not https://192.0.2.10:6443"), "{warnings:?}");
}

#[test]
fn a_key_that_is_there_makes_no_authority_external() {
    let machine = Machine::finished(&Case::newest());
    assert_eq!(look_at(&machine, true).unwrap(), ExternalAuthorities::default());
    let bare = Machine::new(&Case::newest());
    assert_eq!(look_at(&bare, true).unwrap(), ExternalAuthorities::default());
}

/// What nodes are told of the cluster holds the authority itself, wherever the administrator's kubeconfig has it.
#[test]
fn the_administrators_kubeconfig_may_name_the_authoritys_file() {
    let machine = Machine::new(&Case::shaped(Shape::ExternalCa));
    let place = |path: &str| machine.node.root.place(Utf8Path::new(path));
    let path = place("/etc/kubernetes/admin.conf");
    let text = fs::read_to_string(&path).unwrap();
    let data = text.lines().find(|line| line.contains("certificate-authority-data")).unwrap();
    let inline = data.split_whitespace().last().unwrap().to_owned();
    fs::write(&path, text.replace(data, "    certificate-authority: pki/ca.crt")).unwrap();
    machine.run(Ask::default()).succeeded("init with a kubeconfig that names a file");
    let objects = machine.node.kube.objects();
    let told = objects.iter().find(|object| object["metadata"]["name"] == "cluster-info").unwrap();
    assert!(told["data"]["kubeconfig"].as_str().unwrap().contains(&inline), "{told}");
}
