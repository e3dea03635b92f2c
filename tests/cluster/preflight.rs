//! Preflight on a real node: each of many faults is named, and a node without one is not blamed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kubewright_config::facts::Severity;
use kubewright_config::facts_for;
use kubewright_lab::{Node, Reader};
use serde_json::{Value, json};

use super::command::{Ended, Kubewright};
use super::stage::{BINARY, Stage, succeed};
use super::tree::{CLUSTER_DIRS, differences, tree};

/// A directory on the node.
const HERE: &str = "/run/faults";

/// What is wrong with a node, and the name under which it must be told. Versions differ in what they look at.
struct Fault {
    what: &'static str,
    names: &'static [&'static str],
    /// Makes it so: a script that knows `$HERE` and `$NODE_DIR`.
    arrange: &'static str,
    /// Takes back what does not go with the node's private files.
    undo: &'static str,
}

const PLAIN: Fault = Fault { what: "", names: &[], arrange: "", undo: "" };

/// All of them at once.
const FAULTS: &[Fault] = &[
    // By `taskset`, in the command below.
    Fault { what: "one processor", names: &["NumCPU"], ..PLAIN },
    Fault {
        what: "ports taken",
        names: &["Port-6443", "Port-10250", "Port-2379"],
        arrange: "for port in 6443 10250 2379; do socat TCP-LISTEN:$port,fork,reuseaddr PIPE >/dev/null 2>&1 & echo $! >>$HERE/pids
            timeout 10 sh -c \"until ss -ltn | grep -q :$port; do sleep .05; done\"; done",
        undo: "kill $(cat $HERE/pids)",
    },
    Fault {
        what: "static pods of an earlier cluster",
        names: &[
            "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
            "FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml",
            "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml",
            "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
        ],
        arrange: "mkdir -p /etc/kubernetes/manifests; cd /etc/kubernetes/manifests
            touch kube-apiserver.yaml kube-controller-manager.yaml kube-scheduler.yaml etcd.yaml",
        ..PLAIN
    },
    Fault {
        what: "etcd's data of an earlier cluster",
        names: &["DirAvailable--var-lib-etcd"],
        arrange: "mkdir -p /var/lib/etcd/member",
        ..PLAIN
    },
    Fault {
        what: "an authority that is none",
        names: &["ExistingCertificates"],
        arrange: "mkdir -p /etc/kubernetes/pki; echo nonsense >/etc/kubernetes/pki/ca.crt",
        ..PLAIN
    },
    Fault {
        what: "a container runtime that hangs",
        names: &["CRI"],
        arrange: "pid=$(pgrep -f \"^containerd --config $NODE_DIR/\"); echo $pid >$HERE/containerd; kill -STOP $pid",
        undo: "kill -CONT $(cat $HERE/containerd)",
    },
    Fault {
        what: "swap",
        names: &["Swap"],
        arrange: "printf 'Filename Type Size Used Priority\\n/swap file 1024 0 -2\\n' >$HERE/swaps
            mount --bind $HERE/swaps /proc/swaps",
        undo: "umount /proc/swaps",
    },
    // By a PATH that has little else than what is linked here.
    Fault {
        what: "missing programs",
        names: &["FileExisting-conntrack", "FileExisting-ip", "FileExisting-iptables", "FileExisting-losetup"],
        arrange: "for name in kubewright mount cp nsenter systemctl; do ln -s $(command -v $name) $HERE/bin; done",
        ..PLAIN
    },
    Fault {
        what: "a kernel without memory limits",
        names: &["SystemVerification"],
        arrange: "at=/proc/config.gz; [ -e $at ] || at=/boot/config-$(uname -r)
            read=cat; [ $at = /proc/config.gz ] && read=zcat
            write=cat; [ $at = /proc/config.gz ] && write=gzip
            $read $at | grep -v ^CONFIG_MEMCG= | $write >$HERE/kernel; mount --bind $HERE/kernel $at; echo $at >$HERE/at",
        undo: "umount $(cat $HERE/at)",
    },
    Fault {
        what: "no forwarding",
        names: &["FileContent--proc-sys-net-ipv4-ip_forward"],
        arrange: "cat /proc/sys/net/ipv4/ip_forward >$HERE/forward; echo 0 >/proc/sys/net/ipv4/ip_forward",
        undo: "cat $HERE/forward >/proc/sys/net/ipv4/ip_forward",
    },
    // The last line makes it a file of the future: the clock must be behind.
    Fault {
        what: "a kubelet of another version, installed later than now",
        names: &["KubeletVersion", "ClockSkew"],
        arrange: "printf '#!/bin/sh\\necho Kubernetes v1.99.1\\n' >$HERE/bin/kubelet; chmod +x $HERE/bin/kubelet
            touch -d '+2 days' $HERE/bin/kubelet",
        ..PLAIN
    },
    Fault {
        what: "a firewall, and a kubelet that does not start with the machine",
        names: &["Firewalld", "Service-kubelet"],
        arrange: "real=$(readlink $HERE/bin/systemctl); rm $HERE/bin/systemctl
            cat >$HERE/bin/systemctl <<END
#!/bin/sh
case \"\\$*\" in
  status*firewalld) echo loaded; exit 0 ;;
  is-active*firewalld) echo active; exit 0 ;;
  is-enabled*kubelet) echo disabled; exit 1 ;;
esac
PATH=$PATH exec $real \"\\$@\"
END
            chmod +x $HERE/bin/systemctl",
        ..PLAIN
    },
    Fault {
        what: "a local stub as resolver",
        names: &["CoreDNSLoop", "Hostname"],
        arrange: "cat /etc/resolv.conf >$HERE/resolv.conf; echo nameserver 127.0.0.53 >/etc/resolv.conf",
        undo: "cat $HERE/resolv.conf >/etc/resolv.conf",
    },
    Fault {
        what: "a patch that cannot be read",
        names: &["Patches"],
        arrange: "mkdir $HERE/patches; echo '[' >$HERE/patches/etcd.yaml",
        ..PLAIN
    },
    // By variables, in the command below.
    Fault { what: "a proxy for everything", names: &["HTTPProxy", "HTTPProxyCIDR"], ..PLAIN },
    // By the configuration.
    Fault { what: "an address of nobody", names: &["AdvertiseAddress"], ..PLAIN },
    // The last one, since nothing can be put there any more.
    Fault {
        what: "a directory that cannot be written",
        names: &["DirWritable--etc-kubernetes", "DirWritable--etc-kubernetes-pki", "DirWritable--etc-kubernetes-manifests"],
        arrange: "mount -o remount,bind,ro /etc/kubernetes",
        undo: "mount -o remount,bind,rw /etc/kubernetes",
    },
];

#[test]
#[ignore = "needs lab nodes"]
fn a_node_with_many_faults_hears_of_each_and_keeps_its_files() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let file = stage.configuration(1, Reader::Kubewright);
    let version = edit(&file, |init, _| {
        init["localAPIEndpoint"] = json!({"advertiseAddress": "203.0.113.9"});
        init["nodeRegistration"]["name"] = json!("nobody-knows-me");
        init["patches"] = json!({"directory": format!("{HERE}/patches")});
    });
    script(node, &format!("rm -rf {HERE}; mkdir -m 755 {HERE} {HERE}/bin"));
    for fault in FAULTS {
        eprintln!("{}", fault.what);
        script(node, fault.arrange);
    }
    let before = tree(node, CLUSTER_DIRS);

    let one_processor =
        ["taskset", "-c", "0", "env", &format!("PATH={HERE}/bin"), "https_proxy=http://u:secret@10.9.9.9:3128"];
    let tasks = ["/usr/bin/env"].into_iter().chain(one_processor);
    let ended = preflight(node, &file).under(tasks).run();

    for fault in FAULTS.iter().rev() {
        script(node, fault.undo);
    }
    let mut wrong = differences(&before, &tree(node, CLUSTER_DIRS));
    let told = Told::by(&ended);
    let known = known_to(&version);
    for fault in FAULTS {
        for name in fault.names {
            let (said, so) = match known.get(*name) {
                Some(Severity::Error) => ("an error", told.errors.contains(*name)),
                Some(_) => ("a warning", told.warnings.contains(*name) && !told.errors.contains(*name)),
                None => continue,
            };
            if !so {
                wrong.push(format!("{}: {name} is not told as {said}", fault.what));
            }
        }
    }
    if ended.err.contains("secret") {
        wrong.push("the proxy's password is told".into());
    }
    assert!(ended.status.code() == Some(1) && wrong.is_empty(), "{}\n{}", wrong.join("\n"), ended.said());
    let named = FAULTS.iter().filter(|fault| fault.names.iter().any(|name| known.contains_key(*name))).count();
    assert!(named >= 15, "only {named} faults are looked at in {version}");
    assert_eq!(ended.err.matches("fix: ").count(), told.findings, "each has a fix:\n{}", ended.err);
    // Whoever ignores everything hears the same, and goes on to the images, which a runtime that is well again has.
    // `all` stands alone, so the lab's own list goes.
    edit(&file, |init, _| init["nodeRegistration"]["ignorePreflightErrors"] = json!([]));
    let ignored = preflight(node, &file).words(["--ignore-preflight-errors=all"]).run();
    assert!(ignored.status.success() && Told::by(&ignored).errors.is_empty(), "{}", ignored.said());
}

#[test]
#[ignore = "needs lab nodes"]
fn an_external_etcd_that_does_not_fit_is_told() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    // Another program's clock and version, over plain HTTP.
    script(
        node,
        &format!(
            "rm -rf {HERE}; mkdir -m 755 {HERE}; cat >{HERE}/answer <<'END'\n#!/bin/sh\nread line\nbody='{{\"etcdserver\":\"3.1.9\"}}'\n\
             printf 'HTTP/1.1 200 OK\\r\\nDate: Fri, 02 Jan 2015 03:04:06 GMT\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s' \
             ${{#body}} \"$body\"\nEND\nchmod +x {HERE}/answer
             socat TCP-LISTEN:3379,fork,reuseaddr EXEC:{HERE}/answer >/dev/null 2>&1 & echo $! >{HERE}/pid
             timeout 10 sh -c 'until ss -ltn | grep -q :3379; do sleep .05; done'"
        ),
    );
    let file = stage.configuration(1, Reader::Kubewright);
    edit(&file, |_, cluster| cluster["etcd"] = json!({"external": {"endpoints": ["http://127.0.0.1:3379"]}}));
    let old = preflight(node, &file).run();
    let file = stage.configuration(1, Reader::Kubewright);
    let files = json!({"endpoints": ["https://127.0.0.1:3379"], "caFile": "/etc/etcd/ca.crt", "certFile": "/etc/etcd/c.crt", "keyFile": "/etc/etcd/c.key"});
    edit(&file, |_, cluster| cluster["etcd"] = json!({"external": files}));
    let incomplete = preflight(node, &file).run();
    script(node, &format!("kill $(cat {HERE}/pid)"));

    let told = Told::by(&old);
    assert_eq!(told.errors, BTreeSet::from(["ExternalEtcdVersion".to_owned()]), "{}", old.said());
    assert!(old.err.contains("Current version: 3.1.9") && told.warnings.contains("ClockSkew"), "{}", old.said());
    let told = Told::by(&incomplete);
    let both = ["ExternalEtcdClientCertificates", "ExternalEtcdVersion"].map(str::to_owned);
    assert_eq!(told.errors, BTreeSet::from(both), "{}", incomplete.said());
    assert_eq!(
        incomplete.err.matches("[ERROR ExternalEtcdClientCertificates]: /etc/etcd/").count(),
        3,
        "{}",
        incomplete.said()
    );
}

/// A warning that a lab node may give, with a shell command that succeeds where it is true.
struct True {
    name: &'static str,
    says: &'static str,
    where_: &'static str,
}

const TRUE_OF_LAB_NODES: &[True] = &[
    // Debian 12 has no package of it.
    True { name: "FileExisting-crictl", says: "crictl not found", where_: "! command -v crictl" },
    // CoreDNS's image can be had from nowhere, and the lab's configuration ignores that.
    True { name: "ImagePull", says: "/coredns", where_: "! ctr -n k8s.io images ls -q | grep -q /coredns" },
    // The machine decides which control groups there are; the lab tells the kubelet that v1 will do.
    True { name: "SystemVerification", says: "cgroups v1 support", where_: "[ -d /sys/fs/cgroup/memory ]" },
    True {
        name: "SystemVerification",
        says: "missing optional cgroups: hugetlb",
        where_: "! grep -q '^hugetlb.*1$' /proc/cgroups",
    },
    // Debian's containerd is older than 2.0.
    True {
        name: "ContainerRuntimeVersion",
        says: "RuntimeConfig",
        where_: "containerd --version | grep -q ' v\\?1\\.'",
    },
    // A version that is newer than what this program knows from its source.
    True { name: "KubernetesVersion", says: "1.37", where_: "kubelet --version | grep -q 'v1.37'" },
    // A lab's nodes have no name server, and name themselves as one.
    True { name: "CoreDNSLoop", says: "127.0.0.1 is CoreDNS", where_: "grep -q '^nameserver 127' /etc/resolv.conf" },
];

#[test]
#[ignore = "needs lab nodes"]
fn a_clean_node_is_blamed_for_nothing() {
    let stage = Stage::with_nodes(1);
    let node = stage.node(1);
    let file = stage.configuration(1, Reader::Kubewright);
    let before = tree(node, CLUSTER_DIRS);
    let ended = preflight(node, &file).run();
    let told = Told::by(&ended);
    assert!(ended.status.success() && told.errors.is_empty(), "{}", ended.said());
    for line in ended.err.lines().filter(|line| line.contains("[WARNING ")) {
        let known = TRUE_OF_LAB_NODES
            .iter()
            .find(|it| line.contains(&format!("[WARNING {}]", it.name)) && line.contains(it.says));
        let known = known.unwrap_or_else(|| panic!("nobody explains `{line}`"));
        let output = node.exec(["sh", "-c", known.where_]).unwrap();
        assert!(output.status.success(), "`{line}` is not true here: `{}` says {}", known.where_, output.status);
    }
    assert_eq!(differences(&before, &tree(node, CLUSTER_DIRS)), Vec::<String>::new());
}

#[test]
#[ignore = "needs lab nodes"]
fn the_phase_alone_takes_its_flags() {
    let stage = Stage::with_nodes(1);
    let run = |words: &[&str]| Kubewright::on(stage.node(1)).words(["init", "phase", "preflight"]).words(words).run();
    let nobody = ["--cri-socket", "unix:///run/nobody.sock", "--image-repository", "registry.invalid"];

    let refused = run(&nobody);
    let told = Told::by(&refused);
    assert!(refused.status.code() == Some(1) && told.errors.contains("CRI"), "{}", refused.said());
    assert!(refused.err.contains("unix:///run/nobody.sock"), "{}", refused.said());

    let every: Vec<String> = told.errors.iter().map(|name| name.to_lowercase()).collect();
    let every = format!("--ignore-preflight-errors={},imagepull", every.join(","));
    let ignored = run(&[&nobody[..], &[&every]].concat());
    let warned = Told::by(&ignored);
    assert!(ignored.status.success() && warned.errors.is_empty(), "{}", ignored.said());
    assert!(warned.warnings.is_superset(&told.errors), "{}", ignored.said());
    assert!(ignored.err.contains("[WARNING ImagePull]: failed to pull image registry.invalid/"), "{}", ignored.said());

    let mixed = run(&["--ignore-preflight-errors=all,Swap"]);
    assert!(mixed.status.code() == Some(1) && mixed.err.contains("all"), "{}", mixed.said());
    assert_eq!(mixed.started(), BTreeSet::new(), "{}", mixed.said());
}

fn preflight<'a>(node: &'a Node, file: &Path) -> Kubewright<'a> {
    Kubewright::on(node).words(["init", "phase", "preflight", "--config"]).word(file)
}

/// What was told, by name.
struct Told {
    errors: BTreeSet<String>,
    warnings: BTreeSet<String>,
    /// How many there were.
    findings: usize,
}

impl Told {
    fn by(ended: &Ended) -> Self {
        let named = |mark: &str| -> Vec<String> {
            let names = ended.err.split(mark).skip(1).filter_map(|rest| rest.split(']').next());
            names.map(str::to_owned).collect()
        };
        let (errors, warnings) = (named("[ERROR "), named("[WARNING "));
        let findings = errors.len() + warnings.len();
        Self { errors: errors.into_iter().collect(), warnings: warnings.into_iter().collect(), findings }
    }
}

/// Which names of findings a version knows, and what they are at worst.
fn known_to(version: &str) -> BTreeMap<String, Severity> {
    let facts = facts_for(&version.parse().unwrap()).unwrap();
    let names = kubewright_phases::CHECKS.iter().flat_map(|check| check.names(&facts));
    names.filter(|(_, severity)| *severity != Severity::None).collect()
}

/// Changes the lab's configuration, which is JSON documents, and gives the version that it installs.
fn edit(file: &Path, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let mut documents: Vec<Value> = text
        .split("---\n")
        .filter(|text| !text.trim().is_empty())
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    let [init, cluster, ..] = documents.as_mut_slice() else { panic!("{text}") };
    change(init, cluster);
    let version = cluster["kubernetesVersion"].as_str().unwrap().to_owned();
    let text: String = documents.iter().map(|document| format!("---\n{document}\n")).collect();
    std::fs::write(file, text).unwrap();
    version
}

/// Runs a shell script on the node.
fn script(node: &Node, text: &str) {
    let mut shell = node.command(["sh", "-ec", text]).unwrap();
    succeed(shell.env("HERE", HERE).env("BINARY", BINARY));
}
