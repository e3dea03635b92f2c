//! The upgrade of three control planes and a worker behind the load balancer, as an administrator does it: plan, diff, apply,
//! and then node by node.

use std::time::Instant;

use kubewright_lab::Node;

use super::command::Kubewright;
use super::members::voters;
use super::restore::{is_alive, keys};
use super::stage::Stage;
use super::upgrade::{IGNORED, REPLACED, hashes, image, images, server_version, stored_version};

/// Upgrades a cluster of three control planes and a worker; nodes 1 to 3 are the control planes.
pub fn three_control_planes_and_a_worker(stage: &Stage, next: &str) {
    let first = stage.node(1);
    let nodes: Vec<&Node> = (1..=3).map(|number| stage.node(number)).collect();
    first.run(["kubectl", "create", "configmap", "written-before", "--from-literal=a=b"]).unwrap();
    let (before, stored) = (nodes.iter().map(|node| hashes(node)).collect::<Vec<_>>(), keys(first));

    let etcd = image(first, "etcd");
    let plan = first.run(["kubewright", "upgrade", "plan", next]).unwrap();
    assert!(plan.contains(&format!("kubewright upgrade apply {next}")), "{plan}");
    let diff = first.run(["kubewright", "upgrade", "diff", next]).unwrap();
    assert_eq!(diff.matches("+++ ").count(), REPLACED.len(), "{diff}");
    let refused = Kubewright::on(first).words(["upgrade", "apply", next, "--yes", IGNORED, "--restore-etcd"]).run();
    assert_eq!(refused.status.code(), Some(1), "{}", refused.said());
    assert!(refused.said().contains("etcd has 3 members"), "{}", refused.said());

    let start = Instant::now();
    let applied = Kubewright::on(first).words(["upgrade", "apply", next, "--yes", IGNORED]).succeed();
    eprintln!("node1: upgrade apply took {:.1} s", start.elapsed().as_secs_f64());
    assert!(applied.out.contains(&format!("was upgraded to \"{next}\"")), "{}", applied.said());
    for number in 2..=4 {
        let start = Instant::now();
        let node = Kubewright::on(stage.node(number)).words(["upgrade", "node", IGNORED]).succeed();
        eprintln!("node{number}: upgrade node took {:.1} s", start.elapsed().as_secs_f64());
        assert_eq!(node.out.contains("Skipping phase. Not a control plane node."), number == 4, "{}", node.said());
    }

    for (node, before) in nodes.iter().zip(before) {
        let after = hashes(node);
        for name in REPLACED {
            assert_ne!(after[name], before[name], "{name} on {}", node.name());
            assert!(images(node)[name].ends_with(&format!(":{next}")), "{:?}", images(node));
        }
        // An etcd that stays at its version is not restarted: API servers answer 500 to what they read when it ends.
        let same = image(node, "etcd") == etcd;
        assert_eq!(after["etcd"] == before["etcd"], same, "etcd on {}", node.name());
        assert_eq!(server_version(node), next, "{}", node.name());
    }
    assert_eq!(stored_version(first), next);
    let proxies = "jsonpath={.spec.template.spec.containers[0].image}";
    let proxy = first.run(["kubectl", "-n", "kube-system", "get", "daemonset", "kube-proxy", "-o", proxies]).unwrap();
    assert!(proxy.ends_with(&format!(":{next}")), "{proxy}");

    // What etcd holds is all there, and most of it was not written again.
    assert_eq!(voters(first).len(), 3);
    let now = keys(first);
    let lost: Vec<_> = stored.keys.keys().filter(|name| !is_alive(name) && !now.keys.contains_key(*name)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let same = stored.keys.iter().filter(|(name, value)| now.keys.get(*name) == Some(*value)).count();
    eprintln!("of {} keys in etcd {same} are as before, and none that ought to stay is gone", stored.keys.len());
    assert!(2 * same > stored.keys.len() && now.revision >= stored.revision, "{same} of {}", stored.keys.len());
}
