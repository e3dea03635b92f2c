//! A kubelet that runs its static pods and cannot register its node for a long time: `init` waits, says for what, and ends with
//! a node that is Ready. kubeadm fails there with `nodes "node1" not found`, and `reset` is the only way out.
//!
//! The registration is held back before the API server, so that the kubelet is as on a slow machine. One that is started anew
//! without its Node is another case: before 1.22 it may refuse static pods for good, see docs/design/join.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kubewright_engine::EventKind;

use super::api_proxy::{ApiProxy, Fault, Request};
use super::command::Kubewright;
use super::stage::{Stage, ours};

/// How long the node is held back, from when only it is missing.
const LATE: Duration = Duration::from_secs(90);

#[test]
#[ignore = "needs lab nodes"]
fn a_kubelet_that_registers_late_is_waited_for() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    // Shaped for a load balancer, in whose place the proxy stands.
    let cluster = stage.cluster(ours(), ours(), 2, 0);
    let file = cluster.write_init(node).unwrap();
    let mut running = Kubewright::on(node).words(["init", "--config"]).word(file).start();
    // Every certificate that the proxy needs is there, and no kubelet has come through yet.
    running.wait_for_phase("wait-control-plane");
    let held = Arc::new(AtomicBool::new(true));
    let proxy = ApiProxy::before(node, stage.network());
    proxy.choose({
        let held = Arc::clone(&held);
        move |request| (registers(request) && held.load(Ordering::SeqCst)).then_some(Fault::Status(503))
    });
    running.wait_for_phase("mark-control-plane");
    std::thread::sleep(LATE);
    held.store(false, Ordering::SeqCst);
    let ended = running.end();
    assert!(ended.status.success(), "{}", ended.said());

    let tries = proxy.log().into_iter().filter(|(request, fault)| registers(request) && fault.is_some()).count();
    let waits = ended.events.iter().filter_map(|event| match &event.kind {
        EventKind::Waiting { what, waited_ms, cause, .. } if what.contains("register") => {
            Some((waited_ms, what, cause))
        }
        _ => None,
    });
    let (waited, what, cause) = waits.max_by_key(|(waited, ..)| **waited).expect("it says that it waits");
    eprintln!("waited {waited} ms for {what}: {cause:?}; the kubelet tried {tries} times in vain");
    // It looks seconds apart, and what ran beside it may have made it begin late.
    assert!(tries > 3 && *waited >= 60_000, "{tries} tries, {waited} ms");
    let told = "Still waiting for the kubelet to register Node node1";
    assert!(ended.err.contains(told), "{}", ended.said());

    drop(proxy);
    cluster.balance().unwrap();
    stage.wait_until_up(1, 0);
}

fn registers(request: &Request) -> bool {
    request.method == "POST" && request.path.split('?').next() == Some("/api/v1/nodes")
}
