//! Joining the real etcd.

use std::time::Duration;

use kubewright_engine::FailureKind;
use kubewright_node::EtcdBackend;
use kubewright_node::etcd::{Promotion, Start};

use super::site::{Hand, Site, names};

#[tokio::test(flavor = "multi_thread")]
async fn three_members_join_in_the_same_moment_ten_times_over() {
    for run in 1..=10 {
        let site = Site::new();
        let _first = site.first(1).await;
        let access = site.access(&[1]);
        let (two, three, four) = tokio::join!(site.join(2, &access), site.join(3, &access), site.join(4, &access));
        let logs = || format!("run {run}\n{}\n{}\n{}", site.log(2), site.log(3), site.log(4));
        for joined in [&two, &three, &four] {
            assert!(joined.is_ok(), "{:?}\n{}", joined.as_ref().err().map(ToString::to_string), logs());
        }
        let members = site.members(&[1, 2, 3, 4]).await;
        assert_eq!(names(&members), ["node1", "node2", "node3", "node4"], "{}", logs());
        // Two of the three had to wait for another, and were told for whom.
        let told: Vec<_> = [two.unwrap(), three.unwrap(), four.unwrap()].map(|(_, mut hand)| hand.causes()).into();
        let reasons = ["one at a time", "added by another join", "did not add a member"];
        let of_another = |cause: &String| reasons.iter().any(|reason| cause.contains(reason));
        assert!(told.iter().filter(|causes| causes.iter().any(of_another)).count() >= 2, "{told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unstarted_member_from_a_killed_run_is_adopted() {
    let site = Site::new();
    let _first = site.first(1).await;
    let access = site.access(&[1]);
    let killed = Hand::live();
    let before = killed.etcd.join_member(&access, &site.joining(2), &killed.report).await.unwrap();
    assert!(!before.known);
    drop(killed);

    let mut again = Hand::live();
    let joined = again.etcd.join_member(&access, &site.joining(2), &again.report).await.unwrap();
    assert!(joined.known && joined.learner && !joined.started);
    assert_eq!((joined.id, &joined.initial_cluster), (before.id, &before.initial_cluster));
    assert!(again.journal.records().is_empty(), "nothing was to be changed");

    // Its etcd comes up; the run is killed before the promotion, and again before it hears of it.
    let server = site.start(2, &joined.initial_cluster, "existing", 2);
    let up = again.etcd.await_start(&access, &joined, &site.joining(2), &again.report).await.unwrap();
    assert!(matches!(up, Start::Up(member) if member.name == "node2"));
    let learner = again.etcd.join_member(&access, &site.joining(2), &again.report).await.unwrap();
    assert!(learner.known && learner.learner && learner.started);
    assert_eq!(again.etcd.promote_member(&access, joined.id, &again.report).await.unwrap(), Promotion::Promoted);
    assert_eq!(again.etcd.promote_member(&access, joined.id, &again.report).await.unwrap(), Promotion::Already);
    let voter = again.etcd.join_member(&access, &site.joining(2), &again.report).await.unwrap();
    assert!(voter.known && !voter.learner && voter.started);
    assert_eq!(names(&site.members(&[2]).await), ["node1", "node2"]);
    assert!(!again.causes().is_empty());
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_unstarted_member_is_waited_for_and_left_alone() {
    let site = Site::new();
    let _first = site.first(1).await;
    let access = site.access(&[1]);
    let other = Hand::live();
    let theirs = other.etcd.join_member(&access, &site.joining(2), &other.report).await.unwrap();

    let mut ours = Hand::live();
    let joining = site.joining(3);
    let waiting = ours.etcd.join_member(&access, &joining, &ours.report);
    assert!(tokio::time::timeout(Duration::from_secs(3), waiting).await.is_err(), "it is not our turn");
    let causes = ours.causes();
    let reason = format!("at {} was added by another join", site.peer_url(2));
    assert!(causes.iter().any(|cause| cause.contains(&reason)), "{causes:?}");
    let members = site.members(&[1]).await;
    assert_eq!(members.len(), 2);
    assert!(members.iter().any(|member| member.id == theirs.id && member.learner));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_the_members_have_overtaken_is_told() {
    let site = Site::new();
    let _first = site.first(1).await;
    let access = site.access(&[1]);
    // Two, so that a third that is not up costs no quorum.
    let (_four, hand) = site.join(4, &access).await.unwrap();
    let joining = site.joining(2);
    let joined = hand.etcd.join_member(&access, &joining, &hand.report).await.unwrap();
    // An older kubeadm on another node adds its member with a vote, and does not wait for ours.
    crate::EtcdCluster::new().add_member(&access, &site.peer_url(3), false).await.unwrap();
    let start = hand.etcd.await_start(&access, &joined, &joining, &hand.report).await.unwrap();
    let Start::Changed(now) = start else { panic!("{start:?}") };
    assert_eq!(now.id, joined.id);
    assert!(now.initial_cluster.contains(&site.peer_url(3)), "{}", now.initial_cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_never_starts_is_given_up_in_time() {
    let site = Site::new();
    let _first = site.first(1).await;
    let access = kubewright_node::EtcdAccess { call_limit: Duration::from_secs(2), ..site.access(&[1]) };
    let hand = Hand::live();
    let joining = site.joining(2);
    let joined = hand.etcd.join_member(&access, &joining, &hand.report).await.unwrap();
    let began = std::time::Instant::now();
    let failure = hand.etcd.await_start(&access, &joined, &joining, &hand.report).await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline);
    assert!(failure.to_string().contains("waiting for the new etcd member `node2` to start"), "{failure}");
    assert!(failure.hints()[0].contains("crictl ps"), "{:?}", failure.hints());
    let failure = hand.etcd.promote_member(&access, joined.id, &hand.report).await.unwrap_err();
    assert_eq!(failure.get_kind(), FailureKind::Deadline);
    assert!(failure.to_string().contains("has not started yet"), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_come_from_the_members_and_dead_ones_are_passed_over() {
    let site = Site::new();
    let _first = site.first(1).await;
    let (_second, hand) = site.join(2, &site.access(&[1])).await.unwrap();
    // Nobody is at 9, and 8 takes connections and never says a word.
    let silent = tokio::net::TcpListener::bind((site.address(8), 2379)).await.unwrap();
    let began = std::time::Instant::now();
    let mut synced = hand.etcd.sync(&site.access(&[9, 8, 2]), &hand.report).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    // etcd's order is that of the numbers, which are random.
    synced.endpoints.sort();
    assert_eq!(synced.endpoints, [site.client_url(1), site.client_url(2)]);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_certificates_fail_at_once_and_say_so() {
    let (site, stranger) = (Site::new(), Site::new());
    let _first = site.first(1).await;
    let hand = Hand::live();
    let ours = site.access(&[1]);
    let began = std::time::Instant::now();
    // Their authority: we do not believe etcd.
    let access = kubewright_node::EtcdAccess { tls: Some(stranger.client.clone()), ..ours.clone() };
    let failure = hand.etcd.members(&access, &hand.report).await.unwrap_err();
    assert!(failure.to_string().contains("invalid peer certificate"), "{failure}");
    assert!(failure.hints()[0].contains("must be this cluster's"), "{:?}", failure.hints());
    // Our authority, their client: etcd does not believe us.
    let mixed = kubewright_node::EtcdTls { authority: site.client.authority.clone(), ..stranger.client.clone() };
    let access = kubewright_node::EtcdAccess { tls: Some(mixed), ..ours };
    let failure = hand.etcd.members(&access, &hand.report).await.unwrap_err();
    assert!(failure.hints()[0].contains("must be this cluster's"), "{failure} {:?}", failure.hints());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
