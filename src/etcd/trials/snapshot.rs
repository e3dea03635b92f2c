//! Copies of what a real etcd holds.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use camino::Utf8Path;
use kubewright_engine::{Capability, EffectLog, Events, Journal, Report, World};
use kubewright_node::snapshots::{Retention, Snapshots};
use kubewright_node::{Backends, EtcdErrorKind, Node};

use super::site::Site;
use crate::EtcdCluster;

const KEEP: Retention = Retention { count: 2, bytes: 1 << 30 };

/// The power on a disk of its own.
struct Hand {
    snapshots: Snapshots,
    report: Report,
    dir: tempfile::TempDir,
}

impl Hand {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backends = kubewright_testkit::node(Utf8Path::from_path(dir.path()).unwrap()).backends;
        let node = Node::new(Backends { etcd: Arc::new(EtcdCluster::new()), ..backends });
        let (events, _) = Events::channel();
        let session =
            node.begin(EffectLog::new("control-plane", Arc::new(Journal::discarding("test")), events.clone()));
        Self { snapshots: Snapshots::of(&session), report: Report::new("control-plane", events), dir }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_ones_are_whole_and_can_be_restored() {
    let site = Site::new();
    let _server = site.first(1).await;
    let tls = crate::credentials::client_config(&site.client).unwrap();
    let connection = crate::connection::Connection::open(&site.client_url(1), Some(tls)).await.unwrap();
    // More than one part.
    for number in 0..40_u8 {
        let put = PutRequest { key: vec![number], value: vec![number; 100_000] };
        let _: crate::messages::MemberResponse = connection.ask("KV/Put", put).await.unwrap();
    }
    let (hand, access) = (Hand::new(), site.access(&[1]));
    for name in ["1", "2", "3"] {
        let path = format!("/keep/{name}.db");
        let made =
            hand.snapshots.save(&access, &site.client_url(1), path.as_str().into(), KEEP, &hand.report).await.unwrap();
        assert!(made.bytes > 4_000_000, "{made:?}");
        hand.snapshots.check(&made.path).await.unwrap();
    }
    let kept: Vec<_> =
        fs::read_dir(hand.dir.path().join("keep")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");

    // etcd's own tool takes it for whole, and makes data of it that another etcd starts with.
    let restored = hand.dir.path().join("restored");
    let mut restore = Command::new("etcdctl");
    restore.env("ETCDCTL_API", "3").args(["snapshot", "restore"]).arg(hand.dir.path().join("keep/3.db"));
    let output = restore.arg("--data-dir").arg(&restored).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(restored.join("member/snap/db").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_one_that_nobody_sends() {
    let site = Site::new();
    let hand = Hand::new();
    let failure =
        hand.snapshots.save(&site.access(&[1]), &site.client_url(1), "/keep/1.db".into(), KEEP, &hand.report).await;
    assert!(failure.unwrap_err().to_string().contains("refused"), "nobody listens there");
    assert!(!hand.dir.path().join("keep").exists());
    let mut took = 0;
    let etcd = EtcdCluster::new();
    let mut take = |_: &[u8]| {
        took += 1;
        false
    };
    let _server = site.first(1).await;
    let error = kubewright_node::EtcdBackend::snapshot(&etcd, &site.access(&[1]), &site.client_url(1), &mut take).await;
    assert_eq!((error.unwrap_err().kind, took), (EtcdErrorKind::Refused, 1), "one that cannot be kept ends it");
}

/// `PutRequest`
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}
