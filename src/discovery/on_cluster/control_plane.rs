//! etcd, an API server and the controller that signs `cluster-info`; no kubelet, no node. They end with the process.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kubewright_cluster::ApiServer;
use kubewright_config::model::BootstrapTokenEntry;
use kubewright_config::{VersionFacts, yaml};
use kubewright_lab::{Cache, Kubernetes};
use kubewright_manifests::uploads;
use kubewright_node::{KubeAccess, KubeBackend as _};
use kubewright_pki::{
    Authority, Certificate, CertificateKind, Conventions, KeyAlgorithm, Kubeconfig, KubeconfigKind, PrivateKey, SanSet,
    Validity,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub const SERVER: &str = "https://10.9.0.1:6443";
const ADDRESS: &str = "10.9.0.1";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A control plane on an address of its own.
pub struct ControlPlane {
    pub directory: PathBuf,
    pub kubernetes: Kubernetes,
    pub api: Arc<ApiServer>,
    pub admin: KubeAccess,
    pub authority: Authority,
    programs: Mutex<Vec<Child>>,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for program in self.programs.get_mut().unwrap().iter_mut().rev() {
            program.kill().unwrap();
            program.wait().unwrap();
        }
    }
}

impl ControlPlane {
    /// Starts etcd and the API server. This process must be in a network of its own.
    pub async fn start(directory: &Path) -> Self {
        for words in [&["link", "set", "lo", "up"][..], &["addr", "add", "10.9.0.1/32", "dev", "lo"]] {
            assert!(Command::new("ip").args(words).status().unwrap().success());
        }
        let kubernetes = Kubernetes::open(&Cache::find().unwrap(), None).unwrap();
        let conventions = Conventions::default();
        let key = || PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let validity = Validity::lasting(OffsetDateTime::now_utc(), 365 * DAY, DAY);
        let spec = CertificateKind::Ca.profile().ca_spec(&conventions).unwrap();
        let authority = Authority::self_signed(&spec, key(), validity).unwrap();
        let names = SanSet::new(Vec::<String>::new(), [ADDRESS.parse::<IpAddr>().unwrap()]);
        let spec = CertificateKind::Apiserver.profile().leaf_spec(&conventions, "cp1", names).unwrap();
        let apiserver = key();
        let certificate = authority.sign(&spec, &apiserver, validity).unwrap();
        let account = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
        write("ca.crt", &authority.certificate().to_pem());
        write("apiserver.crt", &certificate.to_pem());
        write("apiserver.key", &apiserver.to_pem().unwrap());
        write("sa.key", &account.to_pem().unwrap());
        write("sa.pub", &account.public_pem());
        let spec = KubeconfigKind::SuperAdmin.leaf_spec(&conventions, "cp1");
        let user = key();
        let certificate = authority.sign(&spec, &user, validity).unwrap();
        let admin = admin(authority.certificate(), &certificate, &user);
        write("admin.conf", &admin.kubeconfig);
        let control_plane = Self {
            directory: directory.to_owned(),
            kubernetes,
            api: Arc::new(ApiServer::new()),
            admin,
            authority,
            programs: Mutex::default(),
        };
        control_plane.run(
            Path::new("etcd"),
            &[
                "--data-dir=etcd",
                "--listen-client-urls=http://127.0.0.1:2379",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--advertise-client-urls=http://127.0.0.1:2379",
                "--unsafe-no-fsync",
            ],
        );
        control_plane.run(
            &control_plane.kubernetes.dir().join("kube-apiserver"),
            &[
                "--etcd-servers=http://127.0.0.1:2379",
                "--bind-address=10.9.0.1",
                "--advertise-address=10.9.0.1",
                "--secure-port=6443",
                "--tls-cert-file=apiserver.crt",
                "--tls-private-key-file=apiserver.key",
                "--client-ca-file=ca.crt",
                "--authorization-mode=Node,RBAC",
                "--enable-bootstrap-token-auth",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=sa.pub",
                "--service-account-signing-key-file=sa.key",
            ],
        );
        control_plane.wait_until_ready().await;
        control_plane
    }

    /// Starts the controllers that sign with tokens and take away expired ones.
    pub fn start_signing(&self) {
        let program = self.kubernetes.dir().join("kube-controller-manager");
        let controllers = "--controllers=bootstrapsigner,tokencleaner";
        self.run(
            &program,
            &["--kubeconfig=admin.conf", controllers, "--leader-elect=false", "--port=0", "--secure-port=0"],
        );
    }

    pub fn facts(&self) -> &VersionFacts {
        self.kubernetes.facts()
    }

    /// Makes `cluster-info` as `init` does, with the rules that let anybody read it.
    pub async fn publish(&self) {
        let pem = self.authority.certificate().to_pem();
        for object in uploads::cluster_info(SERVER, pem.as_bytes(), self.facts()).unwrap() {
            self.api.create(&self.admin, &object).await.unwrap();
        }
    }

    /// Makes a token as `init` and `token create` do.
    pub async fn create(&self, entry: &BootstrapTokenEntry) {
        let secret = uploads::bootstrap_token(entry, OffsetDateTime::now_utc()).unwrap();
        self.api.create(&self.admin, secret.object()).await.unwrap();
    }

    async fn wait_until_ready(&self) {
        let start = Instant::now();
        // The namespace comes a moment after the server.
        let namespace = kubewright_node::ObjectRef::cluster("v1", "Namespace", "kube-public");
        while !matches!(self.api.get(&self.admin, &namespace).await, Ok(Some(_))) {
            assert!(start.elapsed() < Duration::from_secs(120), "{}", self.log("kube-apiserver"));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn run(&self, program: &Path, arguments: &[&str]) {
        let name = program.file_name().unwrap().to_str().unwrap();
        let log = File::create(self.directory.join(name).with_extension("log")).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        let program = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.programs.lock().unwrap().push(program);
    }

    /// The end of a program's log.
    pub fn log(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join(name).with_extension("log")).unwrap_or_default();
        text.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }
}

fn admin(authority: &Certificate, certificate: &Certificate, key: &PrivateKey) -> KubeAccess {
    let document = Kubeconfig::with_client_cert("kubernetes", SERVER, authority, "admin", certificate, key).unwrap();
    let kubeconfig = Zeroizing::new(yaml::to_string(&serde_json::to_value(&document).unwrap()));
    KubeAccess { kubeconfig, server: None, call_limit: Duration::from_secs(30) }
}
