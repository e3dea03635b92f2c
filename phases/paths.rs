//! Where Kubernetes expects its files. kubeadm: `app/constants/constants.go`.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_node::Mode;

/// kubeconfig files, unless `--kubeconfig-dir` says otherwise.
pub const KUBERNETES_DIR: &str = "/etc/kubernetes";
/// Static pods. Nothing moves it: the kubelet's default configuration names it.
pub const MANIFESTS_DIR: &str = "/etc/kubernetes/manifests";
/// The kubelet's own files.
pub const KUBELET_DIR: &str = "/var/lib/kubelet";
/// The administrator's kubeconfig, which API phases use by default.
pub const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
/// The kubeconfig that needs no RBAC, for when nothing else works.
pub const SUPER_ADMIN_CONF: &str = "/etc/kubernetes/super-admin.conf";
/// The kubelet's kubeconfig.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// What a joining kubelet asks for its first certificate with.
pub const BOOTSTRAP_KUBELET_CONF: &str = "/etc/kubernetes/bootstrap-kubelet.conf";
/// The client certificate that the kubelet rotates, key and certificate in one file.
pub const KUBELET_CLIENT_PEM: &str = "kubelet-client-current.pem";

/// Where it is noted that a component must be restarted for a certificate that was renewed.
pub const RENEWED_DIR: &str = "/var/lib/kubewright/renewed";

/// Certificates and other files that anybody may read.
pub const PUBLIC_FILE: Mode = Mode(0o644);
/// Keys, kubeconfigs, static pods.
pub const SECRET_FILE: Mode = Mode(0o600);
/// Directories that others may look into.
pub const PUBLIC_DIR: Mode = Mode(0o755);
/// `manifests`, the kubelet's directory, etcd's data.
pub const SECRET_DIR: Mode = Mode(0o700);

/// The file of a component's static pod.
pub fn static_pod(component: &str) -> Utf8PathBuf {
    Utf8Path::new(MANIFESTS_DIR).join(format!("{component}.yaml"))
}

/// A file of the kubelet's directory.
pub fn kubelet(file: &str) -> Utf8PathBuf {
    Utf8Path::new(KUBELET_DIR).join(file)
}
