//! The fake etcd answers as the real one does.

use std::sync::Arc;
use std::time::Duration;

use kubewright_node::etcd::{Member, MemberId};
use kubewright_node::{EtcdAccess, EtcdBackend, EtcdError, EtcdErrorKind};
use kubewright_testkit::{FakeEtcd, TestNode};

use super::site::{Hand, Site};
use crate::EtcdCluster;

/// What both must do, with one started voter and two addresses where nobody is.
async fn holds(etcd: Arc<dyn EtcdBackend>, access: EtcdAccess, urls: [String; 2]) {
    let [learner_url, voter_url] = urls;
    let one = etcd.members(&access).await.unwrap();
    assert_eq!(one.len(), 1);
    assert!(one[0].started() && !one[0].learner);
    let status = etcd.status(&access, &one[0].client_urls[0]).await.unwrap();
    assert_eq!((status.id, status.leader, status.learner), (one[0].id, Some(one[0].id), false));
    assert!(status.complaints.is_empty() && !status.version.is_empty());

    let two = etcd.add_member(&access, &learner_url, true).await.unwrap();
    let learner = two.iter().find(|member| member.peer_urls == [learner_url.clone()]).unwrap();
    assert!(learner.learner && !learner.started() && learner.client_urls.is_empty());
    assert_eq!(etcd.members(&access).await.unwrap(), two);

    let kind = |result: Result<(), EtcdError>| result.unwrap_err().kind;
    let added = |result: Result<Vec<Member>, EtcdError>| result.unwrap_err().kind;
    assert_eq!(added(etcd.add_member(&access, &learner_url, true).await), EtcdErrorKind::PeerUrlTaken);
    assert_eq!(added(etcd.add_member(&access, &voter_url, true).await), EtcdErrorKind::TooManyLearners);
    assert_eq!(kind(etcd.promote_member(&access, learner.id).await), EtcdErrorKind::NotInSync);
    assert_eq!(kind(etcd.promote_member(&access, one[0].id).await), EtcdErrorKind::NotLearner);
    let stranger = MemberId(0x1234);
    assert_eq!(kind(etcd.promote_member(&access, stranger).await), EtcdErrorKind::NoSuchMember);
    assert_eq!(kind(etcd.remove_member(&access, stranger).await), EtcdErrorKind::NoSuchMember);
    etcd.remove_member(&access, learner.id).await.unwrap();
    assert_eq!(etcd.members(&access).await.unwrap(), one);

    // The second voter costs the quorum until it starts.
    assert_eq!(etcd.add_member(&access, &voter_url, false).await.unwrap().len(), 2);
    let list = tokio::time::timeout(Duration::from_secs(15), etcd.members(&access)).await.unwrap();
    let error = list.unwrap_err();
    assert!(matches!(error.kind, EtcdErrorKind::Unavailable | EtcdErrorKind::Unreachable), "{error}");
}

/// `AlarmRequest`, with which an alarm can be raised that else needs a full disk.
#[derive(Clone, PartialEq, prost::Message)]
struct AlarmRequest {
    /// 1 raises.
    #[prost(int32, tag = "1")]
    action: i32,
    #[prost(uint64, tag = "2")]
    member_id: u64,
    /// 1 is NOSPACE.
    #[prost(int32, tag = "3")]
    alarm: i32,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_the_real_one_is_told() {
    let site = Site::new();
    let _first = site.first(1).await;
    let (hand, access) = (Hand::live(), site.access(&[1]));
    let before = hand.etcd.health(&access, &hand.report).await.unwrap();
    assert!(before.is_well());
    let tls = crate::credentials::client_config(&site.client).unwrap();
    let connection = crate::connection::Connection::open(&site.client_url(1), Some(tls)).await.unwrap();
    let raise = AlarmRequest { action: 1, member_id: before.members[0].member.id.0, alarm: 1 };
    let _: crate::messages::MemberResponse = connection.ask("Maintenance/Alarm", raise).await.unwrap();
    let health = hand.etcd.health(&access, &hand.report).await.unwrap();
    assert!(!health.is_well() && health.voters().has_quorum());
    assert!(health.problems()[0].contains("NOSPACE"), "{:?}", health.problems());
}

#[tokio::test]
async fn the_fake_one() {
    let urls = ["https://10.0.0.2:2380".into(), "https://10.0.0.3:2380".into()];
    holds(Arc::new(FakeEtcd::default()), TestNode::etcd_access(), urls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_one() {
    let site = Site::new();
    let _first = site.first(1).await;
    holds(Arc::new(EtcdCluster::new()), site.access(&[1]), [site.peer_url(2), site.peer_url(3)]).await;
}
