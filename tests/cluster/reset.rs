//! `reset` on a node that runs: it is as before `init`, what is not Kubernetes's is still there, and whatever kills it, the
//! same command finishes. How members leave a cluster of several is in `join` and `mixed`, which have one.

use std::time::{Duration, Instant};

use kubewright_lab::{Node, Reader};
use rustix::process::Signal;

use super::command::Kubewright;
use super::outage::end_container;
use super::stage::Stage;
use super::tree::{CLUSTER_DIRS, STATE_DIR, Tree, differences, tree};

/// What kubeadm keeps, too: directories, with nothing in them.
const KEPT: [&str; 2] = ["/etc/kubernetes/manifests", "/etc/kubernetes/pki"];

#[test]
#[ignore = "needs lab nodes"]
fn a_node_is_as_before_init_and_can_be_one_again() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let before = Looked::at(node);
    stage.init().succeed();
    stage.wait_until_up(1, 0);
    let running = Looked::at(node);
    assert!(!running.mounts.is_empty() && !running.cgroups.is_empty() && !running.tasks.is_empty(), "{running:?}");
    let reset = || Kubewright::on(node).words(["reset", "--config"]).word(configuration(node, 10));

    // Whoever does not say yes has lost nothing, and neither has a dry run, which tells all.
    let refused = Kubewright::on(node).word("reset").run();
    assert!(refused.status.code() == Some(1) && refused.err.contains("won't proceed"), "{}", refused.said());
    let dry = reset().word("--dry-run").succeed();
    let (stood, stands) = (&running.tree, Looked::at(node).tree);
    let missing: Vec<_> = stood.keys().filter(|path| !stands.contains_key(*path)).collect();
    assert_eq!(missing, [""; 0], "a dry run takes nothing away");
    // Pods that are still starting, as with newer versions, make files there.
    let is_new = |path: &&String| !stood.contains_key(*path) && !path.starts_with("/var/lib/kubelet/");
    assert_eq!(stands.keys().filter(is_new).collect::<Vec<_>>(), [""; 0], "a dry run makes nothing");
    for told in ["/etc/kubernetes/admin.conf", "/var/lib/etcd/member", "/etc/kubernetes/pki/ca.key", "service kubelet"]
    {
        assert!(dry.out.contains(told), "`{told}` is not told:\n{}", dry.said());
    }
    let untold: Vec<_> = running.mounts.iter().filter(|mount| !dry.out.contains(*mount)).collect();
    assert_eq!(untold, [""; 0], "mounts that are not told");

    // What is somebody else's.
    for words in [
        &["mkdir", "-p", "/var/lib/kubelet/backup", "/run/precious"][..],
        &["mount", "-t", "tmpfs", "backup", "/var/lib/kubelet/backup"],
        &["sh", "-c", "echo kept >/var/lib/kubelet/backup/data; echo kept >/run/precious/data"],
        &["ln", "-s", "/run/precious", "/var/lib/kubelet/pods/hostile"],
        &["ln", "-s", "/run/precious", "/etc/kubernetes/pki/hostile"],
    ] {
        node.run(words).unwrap();
    }

    let begun = Instant::now();
    let deaths = killed_on_the_way(&reset);
    let ended = reset().succeed();
    let took = begun.elapsed();
    assert!(ended.err.contains("`/var/lib/kubelet/backup` is a mount that neither"), "{}", ended.said());
    for data in ["/var/lib/kubelet/backup/data", "/run/precious/data"] {
        assert_eq!(node.run(["cat", data]).unwrap(), "kept\n", "{data}");
    }
    node.run(["umount", "/var/lib/kubelet/backup"]).unwrap();
    node.run(["rm", "-r", "/var/lib/kubelet/backup", "/run/precious"]).unwrap();

    let after = Looked::at(node);
    before.must_equal(&after);
    let whole = reset().word("--network").succeed();
    let rules = node.run(["sh", "-c", "iptables-save; ip6tables-save"]).unwrap();
    assert!(!rules.contains("KUBE-"), "{rules}\n{}", whole.said());

    // Again, and its API server ends in the middle.
    let again = Instant::now();
    let mut running = patient(&stage).start();
    running.wait_for_phase("upload-config/kubeadm");
    end_container(node, "kube-apiserver");
    let init = running.end();
    assert!(init.status.success(), "{}", init.said());
    assert_eq!(init.begun().1, None, "it goes on with a run that was taken back");
    // After such an end kubelets of 1.20 show their pods more than a minute late, and at once when they are started anew.
    node.run(["systemctl", "restart", "kubelet"]).unwrap();
    stage.wait_until_up(1, 0);
    let again = again.elapsed();
    let started = Instant::now();
    reset_while_a_container_starts(node, reset());
    // `remove-etcd-member` was left out, so that this is for the user to remove.
    node.run(["rm", "-r", "/var/lib/etcd/member"]).unwrap();
    before.must_equal(&Looked::at(node));
    eprintln!(
        "{deaths} deaths and the end of reset: {:.1} s; init again: {:.1} s; reset while a container starts: {:.1} s",
        took.as_secs_f64(),
        again.as_secs_f64(),
        started.elapsed().as_secs_f64()
    );
}

/// Resets a node whose etcd has ended and is being started again, for 3 s more than there is a kubelet: containerd removes no such
/// container.
fn reset_while_a_container_starts(node: &Node, reset: Kubewright<'_>) {
    const SLOW: &str = "#!/bin/sh\ncase \"$*\" in *' create --bundle '*) bundle=${*#* --bundle }\n\
                        if grep -q '\"io.kubernetes.cri.container-name\":\"etcd\"' \"${bundle%% *}/config.json\"; then\n\
                        touch /run/creating; n=0\n\
                        while [ -e /proc/KUBELET ] && [ $n != 600 ]; do sleep .1; n=$((n+1)); done\n\
                        sleep 3; fi;; esac\nexec /run/runc-real \"$@\"\n";
    let kubelet = node.run(["sh", "-c", "cat $NODE_DIR/kubelet.pid"]).unwrap();
    std::fs::write(node.path("/run/runc-slow"), SLOW.replace("KUBELET", kubelet.trim())).unwrap();
    let replace = "runc=$(command -v runc); cp \"$runc\" /run/runc-real; chmod +x /run/runc-slow; \
                   mount --bind /run/runc-slow \"$runc\"";
    node.run(["sh", "-c", replace]).unwrap();
    end_container(node, "etcd");
    let begun = Instant::now();
    while !node.path("/run/creating").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the kubelet does not start etcd again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = reset.words(["-v=5", "--skip-phases=update-cluster-status,remove-etcd-member"]).succeed();
    assert!(ended.err.contains("container is in starting state"), "it was not busy:\n{}", ended.said());
    assert!(!ended.err.contains("Failed to remove containers"), "{}", ended.said());
    node.run(["sh", "-c", "umount \"$(command -v runc)\" && rm /run/runc-* /run/creating"]).unwrap();
}

/// The command that makes the cluster. A slow machine may need longer to start a server again than people want to wait.
fn patient(stage: &Stage) -> Kubewright<'_> {
    let file = stage.configuration(1, Reader::Kubewright);
    let (text, kind) = (std::fs::read_to_string(&file).unwrap(), "\"kind\": \"InitConfiguration\",");
    assert!(text.contains(kind), "{text}");
    let timeouts = "\"timeouts\": {\"kubernetesAPICall\": \"4m\"},";
    std::fs::write(&file, text.replacen(kind, &format!("{kind} {timeouts}"), 1)).unwrap();
    Kubewright::on(stage.node(1)).words(["init", "--config"]).word(file)
}

/// Lets reset die at places and at instants, each later than the one before; says how often it did.
fn killed_on_the_way<'a>(reset: &dyn Fn() -> Kubewright<'a>) -> usize {
    let dies_at = |place: &str| {
        let ended = reset().with("KUBEWRIGHT_KILL_AT", place).run();
        assert!(ended.killed_by().is_some(), "{place}:\n{}", ended.said());
    };
    let (before, after) = (
        ["remove-etcd-member:settle", "cleanup-node:intended", "cleanup-node:settle"],
        ["cleanup-node:ran", "cleanup-node:finished"],
    );
    before.into_iter().for_each(dies_at);
    let mut deaths = before.len() + after.len();
    for milliseconds in [10, 30, 90, 270] {
        let command = reset();
        let mut running = command.start();
        running.wait_for_phase("cleanup-node");
        std::thread::sleep(Duration::from_millis(milliseconds));
        running.signal(Signal::KILL);
        // A machine may be faster than that; what comes later has nothing to interrupt then.
        if running.end().killed_by().is_none() {
            break;
        }
        deaths += 1;
    }
    after.into_iter().for_each(dies_at);
    deaths
}

/// A file for `reset` on a node that nobody asks, and whose etcd is asked for so many seconds.
pub fn configuration(node: &Node, seconds: u8) -> &'static str {
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ResetConfiguration\nforce: true\ntimeouts: {{etcdAPICall: {seconds}s}}\n"
    );
    std::fs::write(node.path("/run/reset.yaml"), text).unwrap();
    "/run/reset.yaml"
}

/// What stands and runs on a node.
#[derive(Debug)]
pub struct Looked {
    tree: Tree,
    mounts: Vec<String>,
    cgroups: Vec<String>,
    tasks: Vec<String>,
    kubelet: bool,
}

impl Looked {
    /// Looks.
    pub fn at(node: &Node) -> Self {
        let lines = |words: &[&str]| -> Vec<String> { node.run(words).unwrap().lines().map(str::to_owned).collect() };
        let mut tree = tree(node, CLUSTER_DIRS.into_iter().chain([STATE_DIR]));
        // That something was in a directory and is gone changes its time, and no more.
        tree.values_mut().for_each(|entry| entry.modified = 0);
        Self {
            tree,
            mounts: lines(&["sh", "-c", "cut -d' ' -f5 /proc/self/mountinfo | grep ^/var/lib/kubelet/ || true"]),
            cgroups: lines(&["find", "/sys/fs/cgroup", "-name", "kubepods*", "-type", "d"]),
            tasks: lines(&["ctr", "--namespace", "k8s.io", "tasks", "list", "--quiet"]),
            kubelet: node.exec(["systemctl", "is-active", "kubelet"]).unwrap().status.success(),
        }
    }

    /// Whether a node is as it was, but for two directories that are empty.
    #[track_caller]
    pub fn must_equal(&self, after: &Self) {
        let mut tree = after.tree.clone();
        for kept in KEPT {
            assert!(!tree.keys().any(|path| path.starts_with(&format!("{kept}/"))), "{kept} is not empty");
            if !self.tree.contains_key(kept) {
                tree.remove(kept);
            }
        }
        assert_eq!(differences(&self.tree, &tree), [""; 0]);
        assert_eq!((&self.mounts, &self.cgroups, &self.tasks), (&after.mounts, &after.cgroups, &after.tasks));
        assert_eq!(self.kubelet, after.kubelet, "the kubelet runs");
    }
}
