//! A machine that is not fit: `init` says what is wrong and what to do, and changes nothing. The machine is made up, since
//! the one that we run on should be fit.

use std::fs;

use camino::Utf8Path;
use kubewright_engine::FailureKind;
use kubewright_testkit::TestNode;

use crate::laws::case::Case;
use crate::laws::machine::{Ask, Machine};

struct Unfit {
    name: &'static str,
    make: fn(&TestNode),
    /// The check's name, what is wrong, and the fix.
    says: &'static [&'static str],
}

const TABLE: &[Unfit] = &[
    Unfit {
        name: "port 6443 taken",
        make: |node| {
            node.probe.edit(|machine| assert!(machine.ports_taken.insert(6443)));
        },
        says: &["[ERROR Port-6443]: Port 6443 is in use", "fix: see who holds it: `ss -ltnp sport = :6443`"],
    },
    Unfit {
        name: "etcd's port taken",
        make: |node| {
            node.probe.edit(|machine| {
                machine.ports_taken.insert(2379);
            })
        },
        says: &["[ERROR Port-2379]", "fix:"],
    },
    Unfit {
        name: "container runtime unreachable",
        make: |node| node.runtime.edit(|runtime| runtime.down = true),
        says: &["[ERROR CRI]", "unix:///var/run/containerd/containerd.sock", "fix:"],
    },
    Unfit {
        name: "not root",
        make: |node| node.probe.edit(|machine| machine.uid = 1000),
        says: &["[ERROR IsPrivilegedUser]", "root", "fix:"],
    },
    Unfit {
        name: "unwritable directory",
        make: |node| {
            node.probe.edit(|machine| {
                machine.read_only.insert("/etc/kubernetes/pki".into());
            })
        },
        says: &["[ERROR DirWritable--etc-kubernetes-pki]", "/etc/kubernetes/pki", "fix: mount it writable"],
    },
    Unfit {
        name: "one processor",
        make: |node| node.probe.edit(|machine| machine.cpus = 1),
        says: &["[ERROR NumCPU]", "fix:"],
    },
    Unfit {
        name: "little memory",
        make: |node| node.probe.edit(|machine| machine.memory_mib = 512),
        says: &["[ERROR Mem]", "512", "fix:"],
    },
    Unfit {
        name: "no forwarding",
        make: |node| {
            node.probe.edit(|machine| drop(machine.files.insert("/proc/sys/net/ipv4/ip_forward".into(), "0\n".into())));
        },
        says: &["[ERROR FileContent--proc-sys-net-ipv4-ip_forward]", "fix:"],
    },
    Unfit {
        name: "static pods of another cluster",
        make: |node| {
            let path = "/etc/kubernetes/manifests/kube-apiserver.yaml".into();
            node.probe.edit(|machine| drop(machine.files.insert(path, String::new())));
        },
        says: &[
            "[ERROR FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml]",
            "fix:",
            "move /etc/kubernetes/manifests/kube-apiserver.yaml away",
        ],
    },
    Unfit {
        name: "an image that cannot be pulled",
        make: |node| (0..8).for_each(|_| node.runtime.fail_pull("registry.k8s.io/kube-apiserver:v1.36.2")),
        says: &["[ERROR ImagePull]", "registry.k8s.io/kube-apiserver:v1.36.2", "fix: pull it by hand"],
    },
    Unfit {
        name: "a certificate that another authority signed",
        make: |node| {
            let other = Machine::finished(&Case::newest());
            let ours = Machine::finished(&Case::newest());
            let (from, to) = (&other.node.root, &node.root);
            let directory = Utf8Path::new("/etc/kubernetes/pki");
            fs::create_dir_all(to.place(directory)).unwrap();
            for (root, file) in [
                (&ours.node.root, "ca.crt"),
                (&ours.node.root, "ca.key"),
                (from, "apiserver.crt"),
                (from, "apiserver.key"),
            ] {
                fs::copy(root.place(&directory.join(file)), to.place(&directory.join(file))).unwrap();
            }
        },
        says: &[
            "[ERROR ExistingCertificates]",
            "/etc/kubernetes/pki/apiserver.crt",
            "/etc/kubernetes/pki/ca.crt",
            "fix: move",
        ],
    },
    Unfit {
        name: "half of a pair",
        make: |node| {
            let path = node.root.place(Utf8Path::new("/etc/kubernetes/pki/ca.key"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "half").unwrap();
        },
        says: &["[ERROR ExistingCertificates]", "/etc/kubernetes/pki/ca.crt", "fix: put"],
    },
];

#[test]
fn an_unfit_machine_is_told_why_and_left_as_it_was() {
    let mut wrong = Vec::new();
    for unfit in TABLE {
        let machine = Machine::new(&Case::newest());
        (unfit.make)(&machine.node);
        let before = crate::laws::snapshot::files(&machine.node);
        let ran = machine.run(Ask::default());
        let name = unfit.name;
        if ran.started() != ["preflight"] {
            wrong.push(format!("{name}: {:?} began", ran.started()));
        }
        match ran.result {
            Ok(_) => wrong.push(format!("{name}: nobody noticed")),
            Err(failed) => {
                let text = failed.failure.to_string();
                let silent: Vec<_> = unfit.says.iter().filter(|says| !text.contains(**says)).collect();
                if !silent.is_empty() {
                    wrong.push(format!("{name}: {silent:?} is not in: {text}"));
                }
                if text.matches("[ERROR ").count() != 1 {
                    wrong.push(format!("{name}: there is not one error: {text}"));
                }
                if failed.failure.get_kind() != FailureKind::Preflight {
                    wrong.push(format!("{name}: it is no preflight failure"));
                }
            }
        }
        if crate::laws::snapshot::files(&machine.node) != before {
            wrong.push(format!("{name}: files changed"));
        }
        if !machine.node.services.calls().is_empty() || !machine.node.kube.requests().is_empty() {
            wrong.push(format!("{name}: something was started"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
