//! Leaving the real etcd, and losing members of it.

use std::time::{Duration, Instant};

use kubewright_node::EtcdAccess;
use kubewright_node::etcd::{Removal, Voters};

use super::site::{Hand, Server, Site, names};

async fn three(site: &Site) -> [Server; 3] {
    let first = site.first(1).await;
    let (second, _) = site.join(2, &site.access(&[1])).await.unwrap();
    let (third, _) = site.join(3, &site.access(&[1, 2])).await.unwrap();
    [first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quorum_is_kept_whatever_is_asked() {
    let site = Site::new();
    let [_first, _second, mut third] = three(&site).await;
    let hand = Hand::live();
    let access = EtcdAccess { call_limit: Duration::from_secs(30), ..site.access(&[1, 2, 3]) };
    let health = hand.etcd.health(&access, &hand.report).await.unwrap();
    assert_eq!(health.voters(), Voters { total: 3, up: 3 });
    assert!(health.is_well() && health.problems().is_empty(), "{:?}", health.problems());

    third.child.kill().await.unwrap();
    let health = hand.etcd.health(&access, &hand.report).await.unwrap();
    assert_eq!(health.voters(), Voters { total: 3, up: 2 });
    assert!(health.is_well(), "two of three are enough");
    assert!(
        health.problems()[0].contains("`node3`") && health.problems()[0].contains("refused"),
        "{:?}",
        health.problems()
    );

    // Two of three are up: neither of them may go.
    let began = Instant::now();
    let refused = hand.etcd.remove_member(&access, &site.peer_url(2), &hand.report).await.unwrap_err();
    let arithmetic =
        "etcd would lose its quorum: now 2 of 3 voters up, 2 needed; afterwards 1 of 2 voters up, 2 needed";
    assert!(refused.to_string().contains(arithmetic), "{refused}");
    assert!(refused.hints()[0].contains("`node3`"), "{:?}", refused.hints());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(site.members(&[1]).await.len(), 3);

    // The dead one may.
    let removed = hand.etcd.remove_member(&access, &site.peer_url(3), &hand.report).await.unwrap();
    assert!(matches!(removed, Removal::Removed(_)), "{removed:?}");
    assert_eq!(names(&site.members(&[1]).await), ["node1", "node2"]);
    // Again: it is gone already.
    let gone = hand.etcd.remove_member(&access, &site.peer_url(3), &hand.report).await.unwrap();
    assert_eq!(gone, Removal::AlreadyGone);
    // Then one more, which leaves one, which stays.
    let removed = hand.etcd.remove_member(&access, &site.peer_url(1), &hand.report).await.unwrap();
    assert!(matches!(removed, Removal::Removed(_)), "{removed:?}");
    let last = hand.etcd.remove_member(&access, &site.peer_url(2), &hand.report).await.unwrap();
    assert!(matches!(last, Removal::Last(_)), "{last:?}");
    assert_eq!(names(&site.members(&[2]).await), ["node2"]);
}

/// etcd lets no voter go before the rest has been connected for so long (`HealthInterval`).
const SETTLED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_that_is_too_young_for_a_removal_is_waited_for() {
    let site = Site::new();
    let [_first, _second, third] = three(&site).await;
    let mut hand = Hand::live();
    // As `reset` does it, with the least that it gives a removal.
    let access = EtcdAccess { call_limit: Duration::from_secs(15), ..site.access(&[1, 2, 3]) };
    let age = third.started.elapsed();
    let removed = hand.etcd.remove_member(&access, &site.peer_url(2), &hand.report).await.unwrap();
    assert!(matches!(removed, Removal::Removed(_)), "{removed:?}");
    let (ended, causes) = (third.started.elapsed(), hand.causes());
    assert!(ended >= SETTLED, "etcd let a voter go when the youngest was {ended:?} old");
    // Only a machine that took this long to get here has nothing to wait for.
    let told = causes.iter().any(|cause| cause.contains("etcdserver: unhealthy cluster"));
    assert!(told || age >= SETTLED, "{age:?} {causes:?}");
    assert_eq!(names(&site.members(&[1, 3]).await), ["node1", "node3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_quorum_changes_nothing_and_says_why() {
    let site = Site::new();
    let first = site.first(1).await;
    let (mut second, hand) = site.join(2, &site.access(&[1])).await.unwrap();
    second.child.kill().await.unwrap();
    let access = EtcdAccess { call_limit: Duration::from_secs(3), ..site.access(&[1, 2]) };
    let began = Instant::now();
    let failure = hand.etcd.remove_member(&access, &site.peer_url(2), &hand.report).await.unwrap_err();
    assert!(failure.to_string().contains("etcd to list its members"), "{failure}");
    assert!(failure.hints()[0].contains("most control planes must be up"), "{:?}", failure.hints());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_removed_and_comes_back_joins_anew() {
    let site = Site::new();
    let [_first, _second, mut third] = three(&site).await;
    let access = site.access(&[1, 2]);
    let hand = Hand::live();
    hand.etcd.remove_member(&access, &site.peer_url(3), &hand.report).await.unwrap();
    third.child.kill().await.unwrap();
    std::fs::remove_dir_all(site.data(3)).unwrap();
    let (_third, _) = site.join(3, &access).await.unwrap();
    assert_eq!(names(&site.members(&[1]).await), ["node1", "node2", "node3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_member_without_its_data_is_refused_with_the_way_out() {
    let site = Site::new();
    let _first = site.first(1).await;
    let access = site.access(&[1]);
    let (mut second, hand) = site.join(2, &access).await.unwrap();
    // Gone for sure: its successor takes its ports and the lock of its data.
    second.child.kill().await.unwrap();
    let _kept = site.start(2, &format!("node2={}", site.peer_url(2)), "existing", 2);
    let lost = kubewright_node::etcd::Joining { has_data: false, ..site.joining(2) };
    let failure = hand.etcd.join_member(&access, &lost, &hand.report).await.unwrap_err();
    assert!(failure.hints()[0].contains("etcdctl member remove"), "{failure} {:?}", failure.hints());
}
