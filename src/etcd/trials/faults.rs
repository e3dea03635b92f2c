//! Faults between us and the real etcd: no failure that is none, no member twice, and an end.

use std::time::{Duration, Instant};

use kubewright_engine::FailureKind;
use kubewright_node::EtcdAccess;
use kubewright_node::etcd::Removal;

use super::fault_proxy::{Fault, FaultProxy};
use super::site::{Hand, Server, Site, names};

/// The address of the proxy before the first member.
const PROXY: u8 = 101;

/// One voter whose clients know only the proxy before it.
async fn behind_a_proxy(site: &Site) -> (Server, FaultProxy, EtcdAccess) {
    let first = site.first(PROXY).await;
    let proxy = FaultProxy::serve(site, PROXY, 1).await;
    (first, proxy, site.access(&[PROXY]))
}

/// Every way in which one call can go wrong.
const FAULTS: [Fault; 8] = [
    Fault::LoseReply,
    Fault::CutBefore,
    Fault::Slow(Duration::from_millis(1500)),
    Fault::Unavailable("etcdserver: leader changed"),
    Fault::Unavailable("etcdserver: request timed out"),
    Fault::Gateway(503),
    Fault::Gateway(500),
    Fault::Gateway(429),
];

/// One member joins while the proxy strikes once at each call of a method with each fault, and leaves again.
async fn joins_and_leaves(method: &'static str) {
    let site = Site::lenient();
    let (_first, proxy, access) = behind_a_proxy(&site).await;
    for fault in FAULTS {
        proxy.strike(method, fault, 1);
        let began = Instant::now();
        let joined = site.join(2, &access).await;
        let said =
            || format!("{method} {fault:?}: {:?}\n{}", joined.as_ref().err().map(ToString::to_string), site.log(2));
        let (server, mut hand) = match joined {
            Ok(joined) => joined,
            Err(_) => panic!("{}", said()),
        };
        assert_eq!(names(&site.members(&[1]).await), ["node1", "node2"], "{method} {fault:?}");
        let left = hand.etcd.remove_member(&access, &site.peer_url(2), &hand.report).await;
        let left = left.unwrap_or_else(|failure| panic!("{method} {fault:?}: {failure}\n{:?}", hand.causes()));
        assert!(matches!(left, Removal::Removed(_)), "{method} {fault:?}: {left:?}");
        assert_eq!(proxy.left(), 0, "{method} {fault:?}: it was struck at");
        assert_eq!(names(&site.members(&[1]).await), ["node1"], "{method} {fault:?}");
        assert!(began.elapsed() < Duration::from_secs(40), "{method} {fault:?} took {:?}", began.elapsed());
        drop(server);
        std::fs::remove_dir_all(site.data(2)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_member_add() {
    joins_and_leaves("MemberAdd").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_member_promote() {
    joins_and_leaves("MemberPromote").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_member_remove() {
    joins_and_leaves("MemberRemove").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_member_list() {
    joins_and_leaves("MemberList").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_proof() {
    joins_and_leaves("Range").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_status() {
    joins_and_leaves("Status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_are_swallowed_are_given_up_and_found_in_the_list() {
    let site = Site::new();
    let (_first, proxy, access) = behind_a_proxy(&site).await;
    for method in ["MemberAdd", "MemberPromote"] {
        proxy.strike(method, Fault::Swallow, 1);
    }
    let began = Instant::now();
    let (_second, mut hand) = site.join(2, &access).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(names(&site.members(&[1]).await), ["node1", "node2"]);
    for method in ["MemberAdd", "MemberPromote"] {
        assert_eq!(proxy.ends_with_its_success(method), Some(true), "{method} was not asked for again");
    }
    let causes = hand.causes();
    assert!(
        causes.iter().any(|cause| cause.contains("did not add a member") && cause.contains("no answer within 3 s"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_not_asked_for_again() {
    let site = Site::new();
    let (_first, proxy, access) = behind_a_proxy(&site).await;
    proxy.strike("MemberAdd", Fault::LoseReply, 1);
    proxy.strike("MemberPromote", Fault::LoseReply, 1);
    let (_second, hand) = site.join(2, &access).await.unwrap();
    assert_eq!(names(&site.members(&[1]).await), ["node1", "node2"]);
    proxy.strike("MemberRemove", Fault::LoseReply, 1);
    hand.etcd.remove_member(&access, &site.peer_url(2), &hand.report).await.unwrap();
    assert_eq!(proxy.left(), 0);
    // etcd may have refused some before: the learner copies, a member has not been connected for long enough.
    assert_eq!(proxy.ends_with_its_success("MemberAdd"), Some(true));
    assert_eq!(proxy.ends_with_its_success("MemberPromote"), Some(true));
    assert_eq!(proxy.ends_with_its_success("MemberRemove"), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_etcd_is_a_slow_success() {
    let site = Site::new();
    let (_first, proxy, access) = behind_a_proxy(&site).await;
    // Later than kubeadm's 2 s, and for changes later than our 3 s.
    for method in ["MemberList", "Range", "Status"] {
        proxy.strike(method, Fault::Slow(Duration::from_millis(2500)), 4);
    }
    for method in ["MemberAdd", "MemberPromote"] {
        proxy.strike(method, Fault::Slow(Duration::from_secs(4)), 4);
    }
    let _second = site.join(2, &access).await.unwrap();
    assert_eq!(names(&site.members(&[1]).await), ["node1", "node2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_join_at_once_through_faults() {
    let site = Site::new();
    let (_first, proxy, access) = behind_a_proxy(&site).await;
    for fault in FAULTS {
        for method in ["MemberAdd", "MemberPromote", "MemberList"] {
            proxy.strike(method, fault, 1);
        }
    }
    let (two, three, four) = tokio::join!(site.join(2, &access), site.join(3, &access), site.join(4, &access));
    let logs = format!("{}\n{}\n{}", site.log(2), site.log(3), site.log(4));
    let _servers = (two.expect(&logs), three.expect(&logs), four.expect(&logs));
    assert_eq!(names(&site.members(&[1]).await), ["node1", "node2", "node3", "node4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_never_answers_ends_in_time_with_its_reason() {
    let site = Site::new();
    let (_first, proxy, access) = behind_a_proxy(&site).await;
    let access = EtcdAccess { call_limit: Duration::from_secs(3), ..access };
    for method in ["MemberAdd", "MemberPromote", "MemberRemove", "MemberList"] {
        proxy.strike(method, Fault::Unavailable("etcdserver: no leader"), usize::MAX >> 8);
    }
    let hand = Hand::live();
    let began = Instant::now();
    let failure = hand.etcd.members(&access, &hand.report).await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline);
    assert!(failure.to_string().contains("etcdserver: no leader"), "{failure}");
    let failure = hand.etcd.join_member(&access, &site.joining(2), &hand.report).await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline);
    assert!(!failure.hints().is_empty());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(site.members(&[1]).await.len(), 1);
}
