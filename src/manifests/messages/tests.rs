//! The texts that scripts cut apart.

#![allow(clippy::unwrap_used)]

use std::str::FromStr;

use super::*;
use crate::fixture::{defaults, with_cluster};

const HASH: &str = "sha256:00ff";

fn token() -> BootstrapToken {
    BootstrapToken::from_str("abcdef.0123456789abcdef").unwrap()
}

fn key() -> CertificateKey {
    CertificateKey::from_str(&"ab".repeat(32)).unwrap()
}

fn command(version: &str, token: Told<'_, BootstrapToken>, role: Role<'_>, hashes: &[&str]) -> String {
    let ca_cert_hashes: Vec<String> = hashes.iter().map(|hash| (*hash).to_owned()).collect();
    let facts = &defaults(version).facts;
    let server = "https://192.0.2.2:6443";
    let command = JoinCommand { program: "kubeadm", server, token, ca_cert_hashes: &ca_cert_hashes, role, facts };
    join_command(&command).unwrap().to_string()
}

#[test]
fn a_workers_command_has_kubeadms_layout() {
    assert_eq!(
        command("v1.36.2", Told::Shown(&token()), Role::Worker, &[HASH, "sha256:11"]),
        "kubeadm join 192.0.2.2:6443 --token abcdef.0123456789abcdef \\\n\
         \t--discovery-token-ca-cert-hash sha256:00ff --discovery-token-ca-cert-hash sha256:11 "
    );
    assert!(command("v1.20.2", Told::Shown(&token()), Role::Worker, &[HASH]).contains("\\\n    --discovery"));
}

#[test]
fn a_control_plane_command_carries_the_key_if_there_is_one() {
    let token = token();
    let with = command("v1.36.2", Told::Shown(&token), Role::ControlPlane(Some(Told::Shown(&key()))), &[HASH]);
    assert!(with.ends_with(&format!(" \\\n\t--control-plane --certificate-key {}", "ab".repeat(32))), "{with}");
    let without = command("v1.36.2", Told::Shown(&token), Role::ControlPlane(None), &[HASH]);
    assert!(without.ends_with(" \\\n\t--control-plane "), "{without}");
}

#[test]
fn withheld_secrets_are_not_printed() {
    let text = command("v1.36.2", Told::Withheld, Role::ControlPlane(Some(Told::Withheld)), &[HASH]);
    assert_eq!(text.matches("<value withheld>").count(), 2);
}

fn done(cluster_lines: &str, upload_certs: bool) -> String {
    let init = with_cluster("v1.36.2", cluster_lines);
    let join = JoinCommand {
        program: "kubeadm",
        server: "lb.example.com:6443",
        token: Told::Shown(&token()),
        ca_cert_hashes: &[HASH.to_owned()],
        role: Role::Worker,
        facts: &init.facts,
    };
    let key = key();
    let certificate_key = upload_certs.then_some(Told::Shown(&key));
    let kubeconfig = "/tmp/admin.conf";
    let done = InitDone { kubeconfig, cluster: &init.cluster, upload_certs, join, certificate_key };
    init_done(&done).unwrap().to_string()
}

#[test]
fn the_last_text_says_how_to_go_on() {
    let text = done("", false);
    assert!(text.starts_with("\nYour Kubernetes control-plane has initialized successfully!\n\n"), "{text}");
    assert!(text.contains("\n  sudo cp -i /tmp/admin.conf $HOME/.kube/config\n"));
    assert!(text.contains("\n  export KUBECONFIG=/etc/kubernetes/admin.conf\n"));
    assert!(text.ends_with("as root:\n\nkubeadm join lb.example.com:6443 --token abcdef.0123456789abcdef \\\n\t--discovery-token-ca-cert-hash sha256:00ff \n"), "{text}");
    assert!(!text.contains("--control-plane"), "without a stable endpoint there is no second control-plane node");
    assert!(!text.contains("\n\n\n"), "{text}");
}

#[test]
fn with_a_stable_endpoint_control_planes_can_join() {
    let lines = "controlPlaneEndpoint: lb.example.com\n";
    let copied = done(lines, false);
    assert!(
        copied.contains("\n  kubeadm join lb.example.com:6443 ") && copied.contains("--control-plane \n"),
        "{copied}"
    );
    assert!(!copied.contains("certificate-key"));
    let uploaded = done(lines, true);
    assert!(uploaded.contains("--control-plane --certificate-key abab") && uploaded.contains("keep it secret"));
    assert!(!copied.contains("\n\n\n") && !uploaded.contains("\n\n\n"), "{uploaded}");
}
