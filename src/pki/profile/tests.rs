//! The tables, row by row, for 1.36 and 1.20.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{CertificateKind, KubeconfigKind};
use crate::{Conventions, ExtendedKeyUsage, SanSet};

/// What kubeadm 1.20 did.
fn old() -> Conventions {
    Conventions {
        leaf_basic_constraints: false,
        ca_dns_san: false,
        ca_serial_zero: true,
        backdate: Duration::ZERO,
        leaf_starts_with_ca: true,
        kubelet_client_organization: Some("system:masters".to_owned()),
        etcd_client_organization: Some("system:masters".to_owned()),
        admin_organization: "system:masters".to_owned(),
    }
}

fn row(kind: CertificateKind, conventions: &Conventions) -> String {
    let profile = kind.profile();
    assert_eq!(profile.kind, kind);
    let subject = match profile.leaf_spec(conventions, "cp1", SanSet::default()) {
        Some(leaf) => {
            assert!(profile.ca_spec(conventions).is_none());
            let usages: Vec<_> = leaf
                .usages
                .iter()
                .map(|usage| match usage {
                    ExtendedKeyUsage::ServerAuth => "server",
                    ExtendedKeyUsage::ClientAuth => "client",
                    ExtendedKeyUsage::Other(_) => "other",
                })
                .collect();
            assert_eq!(leaf.basic_constraints, conventions.leaf_basic_constraints);
            format!("CN={} O={} {}", leaf.common_name, leaf.organizations.join("+"), usages.join("+"))
        }
        None => {
            let authority = profile.ca_spec(conventions).unwrap();
            format!(
                "CN={} dns={} zero={}",
                authority.common_name,
                authority.names.dns().join("+"),
                authority.serial_zero
            )
        }
    };
    let parent = profile.parent.map_or("self", |parent| parent.profile().base_name);
    format!("{} {} {subject} <- {parent}", profile.phase, profile.base_name)
}

#[test]
fn lists_the_certificates_of_1_36() {
    let rows = CertificateKind::ALL.map(|kind| row(kind, &Conventions::default()));
    assert_eq!(
        rows,
        [
            "ca ca CN=kubernetes dns=kubernetes zero=false <- self",
            "apiserver apiserver CN=kube-apiserver O= server <- ca",
            "apiserver-kubelet-client apiserver-kubelet-client CN=kube-apiserver-kubelet-client O= client <- ca",
            "front-proxy-ca front-proxy-ca CN=front-proxy-ca dns=front-proxy-ca zero=false <- self",
            "front-proxy-client front-proxy-client CN=front-proxy-client O= client <- front-proxy-ca",
            "etcd-ca etcd/ca CN=etcd-ca dns=etcd-ca zero=false <- self",
            "etcd-server etcd/server CN=cp1 O= server+client <- etcd/ca",
            "etcd-peer etcd/peer CN=cp1 O= server+client <- etcd/ca",
            "etcd-healthcheck-client etcd/healthcheck-client CN=kube-etcd-healthcheck-client O= client <- etcd/ca",
            "apiserver-etcd-client apiserver-etcd-client CN=kube-apiserver-etcd-client O= client <- etcd/ca",
        ]
    );
}

#[test]
fn puts_clients_into_the_masters_group_in_1_20() {
    let rows = CertificateKind::ALL.map(|kind| row(kind, &old()));
    let masters: Vec<_> = rows.iter().filter(|row| row.contains("O=system:masters")).collect();
    assert_eq!(masters, [&rows[2], &rows[8], &rows[9]]);
    assert_eq!(rows[0], "ca ca CN=kubernetes dns= zero=true <- self");
}

#[test]
fn knows_what_an_external_etcd_replaces() {
    let superfluous = CertificateKind::ALL.into_iter().filter(|kind| kind.is_for_local_etcd());
    let phases: Vec<_> = superfluous.map(|kind| kind.profile().phase).collect();
    assert_eq!(phases, ["etcd-ca", "etcd-server", "etcd-peer", "etcd-healthcheck-client", "apiserver-etcd-client"]);
}

#[test]
fn lists_the_kubeconfig_users() {
    let rows = |conventions: &Conventions| {
        KubeconfigKind::ALL.map(|kind| {
            let leaf = kind.leaf_spec(conventions, "cp1");
            assert_eq!(leaf.usages, [ExtendedKeyUsage::ClientAuth]);
            assert_eq!(leaf.common_name, kind.user("cp1"));
            format!("{} {} {} O={}", kind.phase(), kind.file_name(), leaf.common_name, leaf.organizations.join("+"))
        })
    };
    let expected = [
        "admin admin.conf kubernetes-admin O=kubeadm:cluster-admins",
        "super-admin super-admin.conf kubernetes-super-admin O=system:masters",
        "kubelet kubelet.conf system:node:cp1 O=system:nodes",
        "controller-manager controller-manager.conf system:kube-controller-manager O=",
        "scheduler scheduler.conf system:kube-scheduler O=",
    ];
    assert_eq!(rows(&Conventions::default()), expected);
    assert_eq!(rows(&old())[0], "admin admin.conf kubernetes-admin O=system:masters");
    assert_eq!(KubeconfigKind::ALL.map(KubeconfigKind::uses_local_endpoint), [false, false, true, true, true]);
}
