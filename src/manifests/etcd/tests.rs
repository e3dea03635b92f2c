//! Where etcd's probes ask, and when there is no pod.

#![allow(clippy::unwrap_used)]

use kubewright_config::model::{Arg, LocalEtcd};

use super::*;
use crate::fixture::{defaults, with_cluster};

fn asked(urls: &str) -> (String, u16, String) {
    let mut local: LocalEtcd = defaults("v1.36.2").cluster.etcd.local().unwrap().clone();
    if !urls.is_empty() {
        local.extra_args = vec![Arg::new("listen-metrics-urls", urls)];
    }
    let target = metrics(&local, "::1");
    (target.host.unwrap(), target.port, target.scheme)
}

#[test]
fn probes_ask_the_first_metrics_url() {
    let target = |host: &str, port, scheme: &str| (host.to_owned(), port, scheme.to_owned());
    assert_eq!(asked(""), target("::1", 2381, "HTTP"));
    assert_eq!(asked("https://10.0.0.5:9381,http://127.0.0.1:1"), target("10.0.0.5", 9381, "HTTPS"));
    assert_eq!(asked("http://[fd00::5]:9381/x"), target("fd00::5", 9381, "HTTP"));
    assert_eq!(asked("http://[fd00::5]"), target("fd00::5", 2381, "HTTP"));
    assert_eq!(asked("http://:9381"), target("::1", 9381, "HTTP"));
    assert_eq!(asked("http://0.0.0.0:2381"), target("0.0.0.0", 2381, "HTTP"));
    assert_eq!(asked("nonsense"), target("::1", 2381, "HTTP"));
}

#[test]
fn an_external_etcd_has_no_pod() {
    let init = with_cluster(
        "v1.36.2",
        "etcd: {external: {endpoints: ['https://192.0.2.9:2379'], caFile: '', certFile: '', keyFile: ''}}\n",
    );
    let node = ControlPlaneNode::of_init(&init.init, &init.cluster, &init.facts);
    assert!(matches!(etcd(&node, EtcdStart::NewCluster), Err(ManifestError::ExternalEtcd)));
}
