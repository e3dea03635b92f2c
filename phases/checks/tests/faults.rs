//! Faults of machines and configurations, by the name under which each must be told.

use std::time::Duration;

use camino::Utf8Path;
use kubewright_config::facts::Severity;
use kubewright_node::{ServerAnswer, ServiceState};
use kubewright_pki::{Authority, CaSpec, KeyAlgorithm, PrivateKey, SanSet, Validity};
use kubewright_testkit::Machine;
use time::OffsetDateTime;
use time::macros::datetime;

use super::Trial;

/// One fault.
pub(super) struct Fault {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) version: &'static str,
    /// A part of its message.
    pub(super) says: &'static str,
    /// What else must be found, since it follows.
    pub(super) also: &'static [&'static str],
    pub(super) make: fn(&mut Trial),
}

const E: Severity = Severity::Error;
const W: Severity = Severity::Warning;
const NEW: &str = "v1.36.2";
const OLD: &str = "v1.20.2";

const fn fault(
    id: &'static str,
    severity: Severity,
    version: &'static str,
    says: &'static str,
    make: fn(&mut Trial),
) -> Fault {
    Fault { id, severity, version, says, also: &[], make }
}

impl Fault {
    const fn with(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }
}

fn machine(trial: &Trial, edit: impl FnOnce(&mut Machine)) {
    trial.node.probe.edit(edit);
}

fn file(trial: &Trial, path: &str, text: &str) {
    machine(trial, |machine| drop(machine.files.insert(path.into(), text.into())));
}

fn without(trial: &Trial, program: &str) {
    machine(trial, |machine| drop(machine.binaries.remove(program)));
}

fn taken(trial: &Trial, port: u16) {
    machine(trial, |machine| machine.ports_taken.extend([port]));
}

fn read_only(trial: &Trial, path: &str) {
    machine(trial, |machine| machine.read_only.extend([path.into()]));
}

fn proxy(trial: &Trial, no: &str) {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    machine(trial, |machine| {
        machine.environment.extend([set("HTTPS_PROXY", "http://user:secret@proxy:3128"), set("NO_PROXY", no)]);
    });
}

fn kubelet(trial: &Trial, says: &str) {
    machine(trial, |machine| drop(machine.binaries.insert("kubelet".into(), says.into())));
}

fn kernel_without(trial: &Trial, option: &str) {
    machine(trial, |machine| {
        let text = machine.kernel_config.take().unwrap_or_default();
        machine.kernel_config = Some(text.replace(&format!("CONFIG_{option}=y\n"), ""));
    });
}

fn cgroup_v1(trial: &Trial) {
    file(trial, "/proc/mounts", "cgroup /sys/fs/cgroup cgroup rw 0 0\n");
}

fn docker(trial: &mut Trial, driver: Option<&str>, active: bool) {
    trial.init = "nodeRegistration: {criSocket: /var/run/dockershim.sock}".into();
    machine(trial, |machine| machine.docker_cgroup_driver = driver.map(str::to_owned));
    trial.node.services.set("docker", ServiceState { exists: true, enabled: true, active });
    // crictl is not needed with Docker.
    without(trial, "crictl");
}

/// An external etcd whose files are there, and which answers so.
pub(super) fn etcd(trial: &mut Trial, answer: Result<&str, &str>) {
    etcd_without_files(trial, answer);
    for name in ["ca.crt", "client.crt", "client.key"] {
        let path = format!("/etc/etcd/{name}");
        let place = trial.node.root.place(path.as_str().into());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, "PEM").unwrap();
        file(trial, &path, "PEM");
    }
}

fn etcd_without_files(trial: &mut Trial, answer: Result<&str, &str>) {
    trial.cluster = "etcd:\n  external:\n    endpoints: ['https://10.0.0.5:2379']\n    caFile: /etc/etcd/ca.crt\n    \
                     certFile: /etc/etcd/client.crt\n    keyFile: /etc/etcd/client.key\n"
        .into();
    let date = Some("Fri, 02 Jan 2026 03:04:06 GMT".to_owned());
    let answer = answer.map(|body| ServerAnswer { status: 200, date, body: body.to_owned() });
    trial.node.health.serve("https://10.0.0.5:2379/version", answer.map_err(str::to_owned));
}

fn authority(trial: &Trial, text: &str) {
    let place = trial.node.root.place("/etc/kubernetes/pki/ca.crt".into());
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, text).unwrap();
}

/// The certificate of an authority that begins then.
fn authority_from(from: OffsetDateTime) -> String {
    let spec = CaSpec { common_name: "kubernetes".into(), names: SanSet::default(), serial_zero: true };
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let validity = Validity::lasting(from, Duration::from_secs(86400), Duration::ZERO);
    Authority::self_signed(&spec, key, validity).unwrap().certificate().to_pem()
}

pub(super) const FAULTS: &[Fault] = &[
    fault("IsPrivilegedUser", E, NEW, "not running as root", |trial| machine(trial, |machine| machine.uid = 1000)),
    fault("NumCPU", E, NEW, "available CPUs 1 is less than the required 2", |trial| {
        machine(trial, |machine| machine.cpus = 1)
    }),
    fault("Mem", E, NEW, "the system RAM (1699 MB) is less than the minimum 1700 MB", |trial| {
        machine(trial, |machine| machine.memory_mib = 1699);
    }),
    fault("KubernetesVersion", W, "v1.37.0", "Kubernetes version: 1.37.0. Kubeadm version: 1.36.x", |_| ()),
    fault("Firewalld", W, NEW, "ports [6443 10250] are open", |trial| {
        trial.node.services.set("firewalld", ServiceState { exists: true, enabled: true, active: true });
    }),
    fault("Firewalld", W, NEW, "no supported init system", |trial| trial.node.services.take_away())
        .with(&["Service-kubelet"]),
    fault("Port-6443", E, NEW, "Port 6443 is in use", |trial| taken(trial, 6443)),
    fault("Port-16443", E, NEW, "Port 16443 is in use", |trial| {
        trial.init = "localAPIEndpoint: {bindPort: 16443}".into();
        taken(trial, 16443);
    }),
    fault("Port-10259", E, NEW, "in use", |trial| taken(trial, 10259)),
    fault("Port-10257", E, NEW, "in use", |trial| taken(trial, 10257)),
    fault("Port-10250", E, NEW, "in use", |trial| taken(trial, 10250)),
    fault("Port-2379", E, NEW, "in use", |trial| taken(trial, 2379)),
    fault("Port-2380", E, NEW, "in use", |trial| taken(trial, 2380)),
    fault("FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml", E, NEW, "already exists", |trial| {
        file(trial, "/etc/kubernetes/manifests/kube-apiserver.yaml", "");
    }),
    fault("FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml", E, NEW, "already exists", |trial| {
        file(trial, "/etc/kubernetes/manifests/kube-controller-manager.yaml", "");
    }),
    fault("FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml", E, NEW, "already exists", |trial| {
        file(trial, "/etc/kubernetes/manifests/kube-scheduler.yaml", "");
    }),
    fault("FileAvailable--etc-kubernetes-manifests-etcd.yaml", E, NEW, "already exists", |trial| {
        file(trial, "/etc/kubernetes/manifests/etcd.yaml", "");
    }),
    fault("HTTPProxy", W, NEW, "Connection to \"https://192.0.2.10\" uses proxy \"http://proxy:3128\"", |trial| {
        proxy(trial, "10.96.0.0/12");
    }),
    fault("HTTPProxyCIDR", W, NEW, "connection to \"10.96.0.0/12\" uses proxy \"http://proxy:3128\"", |trial| {
        proxy(trial, "192.0.2.10");
    }),
    fault("HTTPProxyCIDR", W, NEW, "connection to \"10.244.0.0/16\"", |trial| {
        trial.cluster = "networking: {podSubnet: 10.244.0.0/16}".into();
        proxy(trial, "192.0.2.0/24,10.96.0.0/12");
    }),
    fault("CRI", E, NEW, "container runtime is not running", |trial| {
        trial.node.runtime.edit(|runtime| runtime.down = true)
    }),
    fault("CRI", E, NEW, "not ready: plugin", |trial| {
        trial.node.runtime.edit(|runtime| (runtime.status.ready, runtime.status.message) = (false, "plugin".into()));
    }),
    fault("CRI", E, OLD, "not running", |trial| docker(trial, None, true)),
    fault("ContainerRuntimeVersion", W, NEW, "does not implement RuntimeConfig", |trial| {
        trial.node.runtime.edit(|runtime| runtime.cgroup_driver = None);
    }),
    fault("Service-docker", E, OLD, "not active", |trial| docker(trial, Some("systemd"), false)),
    fault("IsDockerSystemdCheck", W, OLD, "detected \"cgroupfs\"", |trial| docker(trial, Some("cgroupfs"), true)),
    fault("Swap", E, OLD, "running with swap on is not supported", |trial| {
        file(trial, "/proc/swaps", "Filename Type Size Used Priority\n/swap file 1 0 -2\n");
    }),
    fault("Swap", W, NEW, "swap is supported for cgroup v2 only", |trial| {
        file(trial, "/proc/swaps", "Filename Type Size Used Priority\n/swap file 1 0 -2\n");
    }),
    // kubeadm: an error, for itself.
    fault("FileExisting-crictl", W, OLD, "crictl not found in system path", |trial| without(trial, "crictl")),
    fault("FileExisting-conntrack", E, OLD, "conntrack not found", |trial| without(trial, "conntrack")),
    fault("FileExisting-ip", E, OLD, "ip not found", |trial| without(trial, "ip")),
    fault("FileExisting-iptables", E, OLD, "iptables not found", |trial| without(trial, "iptables")),
    fault("FileExisting-nsenter", E, OLD, "nsenter not found", |trial| without(trial, "nsenter")),
    fault("FileExisting-ebtables", W, OLD, "ebtables not found", |trial| without(trial, "ebtables")),
    fault("FileExisting-ethtool", W, OLD, "ethtool not found", |trial| without(trial, "ethtool")),
    fault("FileExisting-socat", W, OLD, "socat not found", |trial| without(trial, "socat")),
    fault("FileExisting-tc", W, OLD, "tc not found", |trial| without(trial, "tc")),
    fault("FileExisting-touch", W, OLD, "touch not found", |trial| without(trial, "touch")),
    fault("FileExisting-mount", E, NEW, "mount not found", |trial| without(trial, "mount")),
    fault("FileExisting-losetup", E, NEW, "losetup not found", |trial| without(trial, "losetup")),
    fault("FileExisting-cp", E, NEW, "cp not found", |trial| without(trial, "cp")),
    fault("SystemVerification", E, NEW, "unexpected kernel config: CONFIG_MEMCG", |trial| {
        kernel_without(trial, "MEMCG")
    }),
    fault("SystemVerification", E, NEW, "unexpected kernel config: CONFIG_CGROUP_BPF", |trial| {
        kernel_without(trial, "CGROUP_BPF");
    }),
    fault("SystemVerification", E, OLD, "unexpected kernel config: CONFIG_CGROUP_CPUACCT", |trial| {
        kernel_without(trial, "CGROUP_CPUACCT");
    }),
    fault("SystemVerification", E, NEW, "failed to parse kernel config: no file has it", |trial| {
        machine(trial, |machine| machine.kernel_config = None);
    }),
    fault(
        "SystemVerification",
        W,
        NEW,
        "kernel release 4.19.0-27-amd64 is unsupported. Supported are 5.4, 5.10, 5.15, 6.0 and newer",
        |trial| {
            machine(trial, |machine| machine.kernel_release = "4.19.0-27-amd64".into());
        },
    ),
    fault("SystemVerification", E, OLD, "kernel release 3.9.1 is unsupported", |trial| {
        machine(trial, |machine| machine.kernel_release = "3.9.1".into());
    }),
    fault("SystemVerification", E, NEW, "unsupported operating system: FreeBSD", |trial| {
        machine(trial, |machine| machine.kernel_name = "FreeBSD".into());
    }),
    fault("SystemVerification", E, NEW, "cannot get a cgroup mount point", |trial| file(trial, "/proc/mounts", "")),
    fault("SystemVerification", E, NEW, "cgroups v1 support is deprecated", |trial| cgroup_v1(trial)),
    fault("SystemVerification", W, "v1.35.1", "cgroups v1 support is deprecated", |trial| {
        cgroup_v1(trial);
        kubelet(trial, "Kubernetes v1.34.2");
    }),
    fault("SystemVerification", W, NEW, "cgroups v1 support is deprecated", |trial| {
        cgroup_v1(trial);
        trial.cluster +=
            "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n";
    }),
    fault("SystemVerification", E, NEW, "missing required cgroups: pids", |trial| {
        file(trial, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb\n");
    }),
    fault("SystemVerification", W, NEW, "missing optional cgroups: hugetlb io", |trial| {
        file(trial, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu memory pids\n");
    }),
    fault("SystemVerification", E, OLD, "missing required cgroups: memory pids", |trial| {
        cgroup_v1(trial);
        let lines = ["cpuset", "cpu", "cpuacct", "devices", "freezer", "hugetlb"].map(|name| format!("{name} 0 1 1\n"));
        file(trial, "/proc/cgroups", &format!("#subsys_name\n{}memory 0 1 0\n", lines.concat()));
    }),
    fault("Hostname", W, NEW, "hostname \"node1\" could not be reached", |trial| {
        machine(trial, |machine| machine.names.clear());
    }),
    fault("Hostname", W, NEW, "name part must be no more than 63 characters", |trial| {
        let name = format!("{}.example.net", "a".repeat(60));
        trial.init = format!("nodeRegistration: {{name: {name}}}");
        machine(trial, |machine| drop(machine.names.insert(name, vec![[192, 0, 2, 10].into()])));
    }),
    fault("KubeletVersion", E, NEW, "couldn't get kubelet version", |trial| without(trial, "kubelet")),
    fault("KubeletVersion", E, NEW, "couldn't understand kubelet version `next`", |trial| {
        kubelet(trial, "Kubernetes next")
    }),
    fault("KubeletVersion", E, NEW, "v1.32.1 is more than 3 minors older", |trial| {
        kubelet(trial, "Kubernetes v1.32.1")
    }),
    fault("KubeletVersion", E, OLD, "v1.21.0 is higher than the control plane version v1.20.2", |trial| {
        kubelet(trial, "Kubernetes v1.21.0");
    }),
    fault(
        "Service-kubelet",
        W,
        NEW,
        "kubelet service is not enabled, please run 'systemctl enable kubelet.service'",
        |trial| {
            trial.node.services.set("kubelet", ServiceState { exists: true, enabled: false, active: false });
        },
    ),
    fault("Service-kubelet", W, NEW, "kubelet service does not exist", |trial| {
        trial.node.services.set("kubelet", ServiceState::default());
    }),
    fault("FileContent--proc-sys-net-ipv4-ip_forward", E, NEW, "contents are not set to 1", |trial| {
        file(trial, "/proc/sys/net/ipv4/ip_forward", "0\n");
    }),
    fault("FileContent--proc-sys-net-ipv6-conf-default-forwarding", E, NEW, "contents are not set to 1", |trial| {
        trial.cluster =
            "networking: {podSubnet: 'fd00:1::/64,10.1.0.0/16', serviceSubnet: 'fd00:2::/112,10.2.0.0/16'}".into();
        file(trial, "/proc/sys/net/ipv6/conf/default/forwarding", "0\n");
    }),
    fault("FileContent--proc-sys-net-bridge-bridge-nf-call-iptables", E, OLD, "does not exist", |trial| {
        machine(trial, |machine| {
            drop(machine.files.remove(Utf8Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables")))
        });
    }),
    fault("FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables", E, OLD, "contents are not set to 1", |trial| {
        trial.cluster =
            "networking: {podSubnet: '10.1.0.0/16,fd00:1::/64', serviceSubnet: '10.2.0.0/16,fd00:2::/112'}".into();
        file(trial, "/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0\n");
    }),
    fault(
        "ExternalEtcdVersion",
        E,
        NEW,
        "only supports external etcd version >= 3.5.24. Current version: 3.5.21",
        |trial| {
            etcd(trial, Ok("{\"etcdserver\": \"3.5.21\", \"etcdcluster\": \"3.5.0\"}"));
        },
    ),
    fault("ExternalEtcdVersion", E, OLD, ">= 3.2.18. Current version: 3.2.17", |trial| {
        etcd(trial, Ok("{\"etcdserver\": \"3.2.17\"}"));
    }),
    fault("ExternalEtcdVersion", E, NEW, "`https://10.0.0.5:2379`: connection refused", |trial| {
        etcd(trial, Err("connection refused"));
    }),
    fault("ExternalEtcdVersion", E, NEW, "answers /version with status 200 and no version", |trial| {
        etcd(trial, Ok("<html>"))
    }),
    fault("ExternalEtcdClientCertificates", E, NEW, "/etc/etcd/client.key doesn't exist", |trial| {
        etcd_without_files(trial, Ok("{\"etcdserver\": \"3.6.0\"}"));
    })
    .with(&["ExternalEtcdVersion"]),
    fault("DirAvailable--var-lib-etcd", E, NEW, "/var/lib/etcd is not empty", |trial| {
        file(trial, "/var/lib/etcd/member/snap/db", "");
    }),
    fault("DirWritable--etc-kubernetes-pki", E, NEW, "cannot write", |trial| read_only(trial, "/etc/kubernetes/pki")),
    fault("DirWritable--etc-kubernetes-manifests", E, NEW, "cannot write", |trial| {
        read_only(trial, "/etc/kubernetes/manifests")
    }),
    fault("DirWritable--etc-kubernetes", E, NEW, "/etc/kubernetes:", |trial| read_only(trial, "/etc/kubernetes"))
        .with(&["DirWritable--etc-kubernetes-pki", "DirWritable--etc-kubernetes-manifests"]),
    fault("DirWritable--var-lib-kubelet", E, NEW, "cannot write", |trial| read_only(trial, "/var/lib/kubelet")),
    fault("DirWritable--var-lib-etcd", E, NEW, "cannot write", |trial| read_only(trial, "/var/lib/etcd")),
    fault("ExistingCertificates", E, NEW, "ca.crt", |trial| authority(trial, "no certificate")),
    fault("Patches", E, NEW, "/patches", |trial| trial.init = "patches: {directory: /patches}".into()),
    fault("AdvertiseAddress", W, NEW, "no network interface has the advertised address 203.0.113.9", |trial| {
        trial.init = "localAPIEndpoint: {advertiseAddress: 203.0.113.9}".into();
    }),
    fault("CoreDNSLoop", W, NEW, "its name server 127.0.0.53 is CoreDNS itself", |trial| {
        file(trial, "/etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0\n");
    }),
    fault("CoreDNSLoop", W, NEW, "its name server 10.96.0.10 is the cluster's own", |trial| {
        file(trial, "/etc/resolv.conf", "# nameserver 127.0.0.1\nnameserver 192.0.2.53\nnameserver 10.96.0.10\n");
    }),
    fault("CoreDNSLoop", W, NEW, "its name server 192.0.2.10 is this node", |trial| {
        file(trial, "/etc/resolv.conf", "nameserver 192.0.2.10\n");
    }),
    fault("CoreDNSLoop", W, NEW, "pods get /etc/pods.conf", |trial| {
        trial.cluster =
            "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nresolvConf: /etc/pods.conf\n"
                .into();
        file(trial, "/etc/pods.conf", "nameserver ::1\n");
    }),
    fault("ClockSkew", W, NEW, "/usr/bin/kubelet was changed at 2026-01-04T03:04:05Z, 2 days later", |trial| {
        let at = datetime!(2026-01-04 03:04:05 UTC);
        machine(trial, |machine| machine.modified.extend([("/usr/bin/kubelet".into(), at)]));
    }),
    fault(
        "ClockSkew",
        W,
        NEW,
        "the external etcd `https://10.0.0.5:2379` says 2026-01-02T03:04:06Z, 11 minutes earlier",
        |trial| {
            etcd(trial, Ok("{\"etcdserver\": \"3.6.0\"}"));
            trial.node.clock.set(datetime!(2026-01-02 03:15:30 UTC));
        },
    ),
    fault("ClockSkew", W, NEW, "the authority ca.crt is valid from 2026-01-03T00:00:00Z on", |trial| {
        authority(trial, &authority_from(datetime!(2026-01-03 00:00 UTC)));
    }),
];
