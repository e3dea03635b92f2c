//! A network that fails a control plane's `join`: requests refused, replies lost, servers that are slow or gone, all of them
//! made up. A fault that passes fails nobody, nothing is done twice, and one that stays has an end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kubewright_node::{EtcdErrorKind, KubeErrorKind};

use super::case::Case;
use super::end_state::EndState;
use super::joining;
use super::machine::{Ask, Machine};

/// Longer than all limits of the laws' configuration together.
const END: Duration = Duration::from_secs(30);

fn case() -> Case {
    joining::cases().swap_remove(2)
}

fn distinct(requests: Vec<String>) -> BTreeSet<String> {
    requests.into_iter().collect()
}

#[test]
fn a_request_to_the_made_up_api_that_fails_once_is_made_again() {
    let whole = Machine::finished(&case());
    let (requests, end) = (distinct(whole.node.kube.requests()), EndState::of(&whole.node));
    assert!(requests.len() > 5, "{requests:?}");
    // Busy is 429, 500, 503 and 504; unreachable is a connection that was refused or cut; unauthorized is a server that has
    // just started.
    for kind in [KubeErrorKind::Busy, KubeErrorKind::Unreachable, KubeErrorKind::Unauthorized] {
        for request in &requests {
            let machine = Machine::new(&case());
            machine.node.kube.fail(request, 1, kind.clone());
            let when = format!("`{request}` failed once with {kind:?}");
            machine.run(Ask::default()).succeeded(&when);
            EndState::of(&machine.node).must_equal(&end, &when);
        }
    }
}

#[test]
fn a_change_whose_reply_the_made_up_api_loses_is_not_made_twice() {
    let whole = Machine::finished(&case());
    let (changes, end) = (distinct(whole.node.kube.changes()), EndState::of(&whole.node));
    assert!(!changes.is_empty());
    for change in &changes {
        let machine = Machine::new(&case());
        machine.node.kube.lose_reply(change);
        machine.run(Ask::default()).succeeded(&format!("the reply to `{change}` was lost"));
        EndState::of(&machine.node).must_equal(&end, &format!("the reply to `{change}` was lost"));
    }
}

#[test]
fn a_request_to_the_made_up_etcd_that_fails_once_is_made_again() {
    let whole = Machine::finished(&case());
    let (requests, end) = (distinct(whole.node.etcd.requests()), EndState::of(&whole.node));
    assert!(requests.len() > 3, "{requests:?}");
    for kind in [EtcdErrorKind::Unreachable, EtcdErrorKind::Unavailable] {
        for request in &requests {
            let machine = Machine::new(&case());
            machine.node.etcd.fail(request, 1, kind);
            let when = format!("`{request}` failed once with {kind:?}");
            machine.run(Ask::default()).succeeded(&when);
            EndState::of(&machine.node).must_equal(&end, &when);
        }
    }
}

#[test]
fn a_member_whose_reply_the_made_up_etcd_loses_is_added_and_promoted_once() {
    let end = EndState::of(&Machine::finished(&case()).node);
    for request in ["add ", "promote "] {
        let machine = Machine::new(&case());
        machine.node.etcd.lose_reply(request, 1);
        machine.run(Ask::default()).succeeded(&format!("the reply to `{request}` was lost"));
        let added = machine.node.etcd.changes().iter().filter(|change| change.starts_with("add ")).count();
        assert_eq!(added, 1, "{:?}", machine.node.etcd.changes());
        EndState::of(&machine.node).must_equal(&end, &format!("the reply to `{request}` was lost"));
    }
}

#[test]
fn a_made_up_server_that_stays_broken_ends_the_join_and_the_next_one_finishes() {
    let whole = Machine::finished(&case());
    let end = EndState::of(&whole.node);
    let broken = |machine: &Machine, request: &str, etcd: bool| {
        for nth in 1..=600 {
            match etcd {
                true => machine.node.etcd.fail(request, nth, EtcdErrorKind::Unreachable),
                false => machine.node.kube.fail(request, nth, KubeErrorKind::Busy),
            }
        }
    };
    let of_etcd = [("list", true), ("add ", true), ("promote ", true)];
    let of_api = [("get ConfigMap", false), ("get Secret", false), ("get Node", false), ("list Pod", false)];
    for (request, etcd) in of_etcd.into_iter().chain(of_api).chain([("patch ", false), ("ask ", false)]) {
        let machine = Machine::new(&case());
        broken(&machine, request, etcd);
        let begun = Instant::now();
        let ended = machine.run(Ask::default());
        let failed = ended.result.expect_err(&format!("`{request}` never succeeds"));
        assert!(begun.elapsed() < END, "`{request}`: {:?}", begun.elapsed());
        assert!(!failed.failure.chain().concat().is_empty());
        // Another machine that is just like it, and whose servers are well.
        let healed = super::snapshot::Snapshot::take("broken", &machine.node).restore(&case());
        healed.run(Ask::default()).succeeded(&format!("`{request}` is well again"));
        EndState::of(&healed.node).must_equal(&end, &format!("`{request}` was broken and is well again"));
    }
}

#[test]
fn a_slow_made_up_api_is_waited_for() {
    let end = EndState::of(&Machine::finished(&case()).node);
    let machine = Machine::new(&case());
    machine.node.kube.slow_down(Duration::from_millis(400));
    machine.run(Ask::default()).succeeded("with a slow API server");
    EndState::of(&machine.node).must_equal(&end, "with a slow API server");
}

#[test]
fn a_change_of_init_whose_reply_the_made_up_api_loses_is_not_made_twice() {
    let case = Case::newest();
    let whole = Machine::finished(&case);
    let (changes, end) = (distinct(whole.node.kube.changes()), EndState::of(&whole.node));
    assert!(changes.len() > 20, "{changes:?}");
    let mut failed = Vec::new();
    for change in &changes {
        let machine = Machine::new(&case);
        machine.node.kube.lose_reply(change);
        let when = format!("the reply to `{change}` was lost");
        if machine.run(Ask::default()).result.is_err() {
            failed.push(change);
            machine.run(Ask::default()).succeeded(&format!("{when}: the run after it"));
        }
        EndState::of(&machine.node).must_equal(&end, &when);
    }
    assert_eq!(failed, [""; 0], "who loses these fails");
}

/// From one request on, the server knows the credential no more: a token that expired on the way.
#[test]
fn a_credential_that_the_made_up_api_knows_no_more_ends_the_join_and_the_next_one_finishes() {
    for case in [joining::cases().swap_remove(0), case()] {
        let whole = Machine::finished(&case);
        let (requests, end) = (distinct(whole.node.kube.requests()), EndState::of(&whole.node));
        for request in &requests {
            let machine = Machine::new(&case);
            for nth in 1..=200 {
                machine.node.kube.fail(request, nth, KubeErrorKind::Unauthorized);
            }
            let begun = Instant::now();
            let when = format!("{case:?}: `{request}` is unauthorized");
            let ended = machine.run(Ask::default());
            assert!(begun.elapsed() < END, "{when}: {:?}", begun.elapsed());
            if let Err(failed) = &ended.result {
                let said = failed.failure.chain().concat();
                assert!(!said.is_empty(), "{when}");
                let healed = super::snapshot::Snapshot::take("expired", &machine.node).restore(&case);
                healed.run(Ask::default()).succeeded(&format!("{when}: with another token"));
                EndState::of(&healed.node).must_equal(&end, &when);
            } else {
                EndState::of(&machine.node).must_equal(&end, &when);
            }
        }
    }
}
