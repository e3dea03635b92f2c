//! What must be exact and what the real etcd does not do on demand, on the fake one.

use std::sync::Arc;
use std::time::Duration;

use kubewright_engine::{FailureKind, Record};
use kubewright_node::etcd::{Joining, MemberId, Promotion, Removal, Start};
use kubewright_node::{EtcdAccess, EtcdErrorKind};
use kubewright_testkit::{FakeEtcd, TestNode};

use super::site::Hand;

const URL: &str = "https://10.0.0.2:2380";

fn joining() -> Joining {
    Joining { name: "second".into(), peer_url: URL.into(), has_data: false }
}

fn fake() -> (Arc<FakeEtcd>, Hand, EtcdAccess) {
    let etcd = Arc::new(FakeEtcd::default());
    let hand = Hand::on(etcd.clone());
    (etcd, hand, TestNode::etcd_access())
}

fn patient(limit: Duration) -> EtcdAccess {
    EtcdAccess { call_limit: limit, ..TestNode::etcd_access() }
}

#[tokio::test]
async fn each_change_is_asked_for_once_and_written_down() {
    let (etcd, hand, access) = fake();
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    assert_eq!(joined.initial_cluster, "first=https://10.0.0.1:2380,second=https://10.0.0.2:2380");
    etcd.start(joined.id, "second");
    let up = hand.etcd.await_start(&access, &joined, &joining(), &hand.report).await.unwrap();
    assert!(matches!(up, Start::Up(_)));
    assert_eq!(hand.etcd.promote_member(&access, joined.id, &hand.report).await.unwrap(), Promotion::Promoted);
    let left = hand.etcd.remove_member(&access, URL, &hand.report).await.unwrap();
    assert_eq!(left, Removal::Removed(joined.id));
    assert_eq!(etcd.changes(), ["add https://10.0.0.2:2380", "promote 2", "remove 2"]);
    let told: Vec<_> = hand
        .journal
        .records()
        .into_iter()
        .filter_map(|record| match record {
            Record::Intended { effect, .. } => Some(effect.to_string()),
            Record::Settled { ok, .. } => Some(ok.to_string()),
            _ => None,
        })
        .collect();
    let wanted = [
        "join etcd as second at https://10.0.0.2:2380",
        "true",
        "promote etcd member 2",
        "true",
        "remove etcd member 2 at https://10.0.0.2:2380",
        "true",
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn what_holds_already_is_not_asked_for() {
    let (etcd, hand, access) = fake();
    let first = Joining { name: "first".into(), peer_url: "https://10.0.0.1:2380".into(), has_data: true };
    assert!(hand.etcd.join_member(&access, &first, &hand.report).await.unwrap().started);
    assert_eq!(hand.etcd.promote_member(&access, MemberId(1), &hand.report).await.unwrap(), Promotion::Already);
    assert_eq!(hand.etcd.remove_member(&access, URL, &hand.report).await.unwrap(), Removal::AlreadyGone);
    let last = hand.etcd.remove_member(&access, "https://10.0.0.1:2380", &hand.report).await.unwrap();
    assert_eq!(last, Removal::Last(MemberId(1)));
    assert!(etcd.changes().is_empty() && hand.journal.records().is_empty());
}

#[tokio::test]
async fn lost_replies_are_resolved_by_the_list() {
    let (etcd, hand, access) = fake();
    for request in ["add", "promote", "remove"] {
        etcd.lose_reply(request, 1);
    }
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    assert!(!joined.known, "it is this run's");
    etcd.start(joined.id, "second");
    assert_eq!(hand.etcd.promote_member(&access, joined.id, &hand.report).await.unwrap(), Promotion::Promoted);
    hand.etcd.remove_member(&access, URL, &hand.report).await.unwrap();
    assert_eq!(etcd.changes(), ["add https://10.0.0.2:2380", "promote 2", "remove 2"]);
}

#[tokio::test]
async fn every_retryable_error_is_tried_again_and_every_final_one_is_not() {
    for kind in [
        EtcdErrorKind::Unreachable,
        EtcdErrorKind::LostReply,
        EtcdErrorKind::Unavailable,
        EtcdErrorKind::QuorumAtRisk,
        EtcdErrorKind::PeerUrlTaken,
    ] {
        let (etcd, hand, access) = fake();
        etcd.fail("list", 1, kind);
        etcd.fail("add", 1, kind);
        hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
        assert_eq!(etcd.changes().len(), 2, "{kind:?}");
        assert_eq!(etcd.members().len(), 2, "{kind:?}");
    }
    for kind in [EtcdErrorKind::Access, EtcdErrorKind::Refused] {
        let (etcd, hand, access) = fake();
        etcd.fail("add", 1, kind);
        let failure = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap_err();
        assert_ne!(failure.get_kind(), FailureKind::Deadline, "{kind:?}");
        assert_eq!(etcd.changes().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn the_turn_comes_when_the_other_learner_is_promoted() {
    let (etcd, mut hand, _) = fake();
    let other = etcd.put("https://10.0.0.3:2380", true);
    etcd.start(other, "third");
    let access = patient(Duration::from_millis(200));
    let joining = joining();
    let promoting = async {
        // Longer than a trouble may last: a queue is none.
        tokio::time::sleep(Duration::from_millis(900)).await;
        etcd_promote(&etcd, other).await;
    };
    let (joined, ()) = tokio::join!(hand.etcd.join_member(&access, &joining, &hand.report), promoting);
    assert!(joined.unwrap().learner);
    let reason = "the member `third` (2) at https://10.0.0.3:2380 is still a learner, and etcd has one at a time";
    assert!(hand.causes().iter().any(|cause| cause == reason));
}

async fn etcd_promote(etcd: &FakeEtcd, id: MemberId) {
    use kubewright_node::EtcdBackend;
    etcd.promote_member(&TestNode::etcd_access(), id).await.unwrap();
}

#[tokio::test]
async fn a_voter_that_never_starts_does_not_keep_others_out_for_ever() {
    let (etcd, mut hand, _) = fake();
    for (host, name) in [(3, "third"), (4, "fourth")] {
        let id = etcd.put(&format!("https://10.0.0.{host}:2380"), false);
        etcd.start(id, name);
    }
    etcd.put("https://10.0.0.5:2380", false);
    let access = patient(Duration::from_millis(300));
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    assert!(joined.initial_cluster.contains("4=https://10.0.0.5:2380"), "{}", joined.initial_cluster);
    assert!(hand.causes().iter().any(|cause| cause.contains("has not started yet")));
    assert_eq!(etcd.members().len(), 5);
}

#[tokio::test]
async fn a_trouble_before_the_queue_does_not_count_after_it() {
    let (etcd, hand, _) = fake();
    let other = etcd.put("https://10.0.0.3:2380", true);
    let access = patient(Duration::from_millis(400));
    // The first list is the one that looks whether we are a member already.
    etcd.fail("list", 2, EtcdErrorKind::Unavailable);
    let joining = joining();
    let other_node = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        etcd.start(other, "third");
        tokio::time::sleep(Duration::from_millis(600)).await;
        etcd.fail("list", 1, EtcdErrorKind::Unavailable);
        tokio::time::sleep(Duration::from_millis(200)).await;
        etcd_promote(&etcd, other).await;
    };
    let (joined, ()) = tokio::join!(hand.etcd.join_member(&access, &joining, &hand.report), other_node);
    assert!(joined.unwrap().learner);
}

#[tokio::test]
async fn a_number_that_is_taken_for_ever_ends_in_time() {
    let (etcd, hand, access) = fake();
    for nth in 1..100 {
        etcd.fail("add", nth, EtcdErrorKind::PeerUrlTaken);
    }
    let began = std::time::Instant::now();
    let failure = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_joins_beside_one_that_is_down_costs_no_quorum() {
    let (etcd, hand, access) = fake();
    for (host, name) in [(3, "third"), (4, "fourth")] {
        let id = etcd.put(&format!("https://10.0.0.{host}:2380"), false);
        etcd.start(id, name);
    }
    etcd.stop(MemberId(3));
    // As a voter it would: two of four would be up. A learner has no vote to miss.
    assert!(hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap().learner);
}

#[tokio::test]
async fn a_learner_that_copies_is_waited_for_while_it_moves() {
    let (etcd, mut hand, _) = fake();
    let access = patient(Duration::from_millis(300));
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    etcd.start(joined.id, "second");
    // More refusals than fit into the limit, each with one entry more applied.
    etcd.copy_for(6);
    assert_eq!(hand.etcd.promote_member(&access, joined.id, &hand.report).await.unwrap(), Promotion::Promoted);
    let causes = hand.causes();
    assert!(causes.contains(&"it copies from the others: 94 of 100 entries applied".into()), "{causes:?}");
}

#[tokio::test]
async fn a_learner_that_does_not_move_is_given_up() {
    let (etcd, hand, access) = fake();
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    etcd.start(joined.id, "second");
    etcd.copy_for(u64::MAX);
    let failure = hand.etcd.promote_member(&access, joined.id, &hand.report).await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline);
    assert!(failure.to_string().contains("0 of 100 entries applied"), "{failure}");
}

#[tokio::test]
async fn a_learner_that_died_gets_no_vote() {
    let (etcd, hand, access) = fake();
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    etcd.start(joined.id, "second");
    etcd.stop(joined.id);
    let failure = hand.etcd.promote_member(&access, joined.id, &hand.report).await.unwrap_err();
    assert!(failure.to_string().contains("afterwards 1 of 2 voters up, 2 needed"), "{failure}");
    assert!(etcd.changes().iter().all(|change| !change.starts_with("promote")));
}

#[tokio::test]
async fn a_member_that_somebody_removed_is_not_waited_for() {
    let (etcd, hand, _) = fake();
    let access = patient(Duration::from_secs(30));
    let joined = hand.etcd.join_member(&access, &joining(), &hand.report).await.unwrap();
    {
        use kubewright_node::EtcdBackend;
        etcd.remove_member(&access, joined.id).await.unwrap();
    }
    for failure in [
        hand.etcd.await_start(&access, &joined, &joining(), &hand.report).await.err(),
        hand.etcd.promote_member(&access, joined.id, &hand.report).await.err(),
    ] {
        assert!(failure.unwrap().to_string().contains("somebody removed it"));
    }
}

#[tokio::test]
async fn alarms_are_told_and_count_as_kubeadm_counts_them() {
    let (etcd, hand, access) = fake();
    assert!(hand.etcd.health(&access, &hand.report).await.unwrap().is_well());
    etcd.complain("memberID:1 alarm:NOSPACE ");
    let health = hand.etcd.health(&access, &hand.report).await.unwrap();
    assert!(!health.is_well());
    assert!(health.voters().has_quorum(), "an alarm takes nobody's vote");
    let failure = hand.etcd.wait_until_well(&access, Duration::from_millis(200), &hand.report).await.unwrap_err();
    assert!(failure.to_string().contains("NOSPACE"), "{failure}");
    assert!(failure.hints()[0].contains("alarm disarm"), "{:?}", failure.hints());
}
