//! A node that joins finds the cluster, however it was told to look for it.

use std::process::Command;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use kubewright_cluster::HttpsDiscovery;
use kubewright_config::model::{BootstrapTokenDiscovery, BootstrapTokenEntry, Discovery};
use kubewright_config::{BootstrapToken, HostPort};
use kubewright_discovery::tokens::{self, JoinTarget, NewToken};
use kubewright_discovery::{Discovered, DiscoveryError, Powers, Wanted, discover};
use kubewright_node::{Contents, KubeBackend as _, KubeErrorKind, ObjectRef};
use kubewright_pki::{Authority, CertificateKind, Conventions, DiscoveryHash, KeyAlgorithm, PrivateKey, Validity};
use time::OffsetDateTime;

use crate::control_plane::{ControlPlane, SERVER};

const INSIDE: &str = "KUBEWRIGHT_TEST_IN_ITS_OWN_NETWORK";

#[test]
#[ignore = "needs lab nodes"]
fn a_real_cluster_is_found_and_proves_itself() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(inside());
    }
    // In namespaces of their own the servers reach nobody, and end with the test.
    let own = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
    let this = ["--exact", "cluster::a_real_cluster_is_found_and_proves_itself", "--ignored", "--nocapture"];
    let mut command = Command::new("unshare");
    command.args(own).arg(std::env::current_exe().unwrap()).args(this).env(INSIDE, "1");
    assert!(command.status().unwrap().success());
}

async fn inside() {
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let control_plane = ControlPlane::start(directory.path()).await;
    println!("the API server is ready after {:.1} s", start.elapsed().as_secs_f64());
    let token = entry("abc123.0123456789abcdef");
    let pin = DiscoveryHash::of(control_plane.authority.certificate()).to_string();
    let join = Join::with(&token.token, &pin);

    // Before `init` has come so far, and before anybody has signed.
    let error = join.within(Duration::from_secs(1)).run(&control_plane).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Deadline { .. }), "{error:?}");
    control_plane.publish().await;
    control_plane.create(&token).await;
    let error = join.within(Duration::from_secs(1)).run(&control_plane).await.unwrap_err();
    assert!(error.to_string().ends_with("cluster-info has no signature for the token `abc123`"), "{error}");

    let (start, signing) = (Instant::now(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        control_plane.start_signing();
    });
    let (found, ()) = tokio::join!(join.run(&control_plane), signing);
    let found = found.unwrap_or_else(|error| panic!("{error:?}\n{}", control_plane.log("kube-controller-manager")));
    println!("found {:.1} s after the controller manager's start", start.elapsed().as_secs_f64() - 1.0);
    assert_eq!(found.server(), SERVER);
    assert_eq!(found.authorities(), [control_plane.authority.certificate().clone()]);
    let start = Instant::now();
    join.run(&control_plane).await.unwrap();
    println!("found again in {:.3} s", start.elapsed().as_secs_f64());

    whoever_is_found_is_known(&control_plane, &found).await;
    what_is_wrong_is_refused(&control_plane, &pin).await;
    a_file_will_do_as_well(&control_plane, &found).await;
    tokens_are_listed(&control_plane, &pin).await;
}

/// The API server takes the credentials for those of the token.
async fn whoever_is_found_is_known(control_plane: &ControlPlane, found: &Discovered) {
    let access = found.access(Duration::from_secs(10));
    let secret = ObjectRef::namespaced("v1", "Secret", "kube-system", "bootstrap-token-abc123");
    let error = control_plane.api.get(&access, &secret).await.unwrap_err();
    assert_eq!(error.kind, KubeErrorKind::Forbidden);
    assert!(error.message.contains("system:bootstrap:abc123"), "{error}");
}

async fn what_is_wrong_is_refused(control_plane: &ControlPlane, pin: &str) {
    let wrong = Join::with(&"abc123.fedcba9876543210".parse().unwrap(), pin);
    assert!(matches!(wrong.run(control_plane).await, Err(DiscoveryError::Signature { .. })));
    let spec = CertificateKind::Ca.profile().ca_spec(&Conventions::default()).unwrap();
    let validity = Validity::lasting(OffsetDateTime::now_utc(), Duration::from_secs(3600), Duration::ZERO);
    let other =
        Authority::self_signed(&spec, PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap(), validity).unwrap();
    let other = DiscoveryHash::of(other.certificate()).to_string();
    let wrong = Join::with(&"abc123.0123456789abcdef".parse().unwrap(), &other);
    assert!(matches!(wrong.run(control_plane).await, Err(DiscoveryError::WrongPin { .. })));
}

/// As an administrator, and as a token that may not read `cluster-info`, since only the anonymous may.
async fn a_file_will_do_as_well(control_plane: &ControlPlane, found: &Discovered) {
    std::fs::write(control_plane.directory.join("token.conf"), found.to_yaml().as_bytes()).unwrap();
    for name in ["admin.conf", "token.conf"] {
        let path = control_plane.directory.join(name).to_str().unwrap().to_owned();
        let by_file = Join { discovery: Discovery::File(path), token: None, limit: Duration::from_secs(60) };
        let found = by_file.run(control_plane).await.unwrap();
        assert_eq!(found.authorities(), [control_plane.authority.certificate().clone()], "{name}");
    }
}

async fn tokens_are_listed(control_plane: &ControlPlane, pin: &str) {
    let (admin, selector) = (&control_plane.admin, Some(tokens::FIELD_SELECTOR));
    let list = control_plane.api.list(admin, "v1", "Secret", Some(tokens::NAMESPACE), selector).await.unwrap();
    let (known, faults) = tokens::read_all(&list);
    assert_eq!((known.len(), faults.len()), (1, 0));
    let now = OffsetDateTime::now_utc();
    assert!(known[0].can_join(now));
    assert!(tokens::table(&known, now).contains("abc123.0123456789abcdef   23h "));
    let conf = control_plane.admin.kubeconfig.as_bytes();
    let target = JoinTarget::of("/etc/kubernetes/admin.conf".into(), conf, &|_| Ok(None)).unwrap();
    assert_eq!((target.server.as_str(), target.pins[0].to_string().as_str()), (SERVER, pin));
    assert!(control_plane.api.delete(admin, &tokens::secret_of("abc123")).await.unwrap());
}

fn entry(token: &str) -> BootstrapTokenEntry {
    let wishes = NewToken { token: Some(token.parse().unwrap()), ..NewToken::default() };
    wishes.entry(&mut |_| panic!("nothing is left to chance")).unwrap()
}

struct Join {
    discovery: Discovery,
    token: Option<BootstrapToken>,
    limit: Duration,
}

impl Join {
    fn with(token: &BootstrapToken, pin: &str) -> Self {
        let by = BootstrapTokenDiscovery {
            token: token.clone(),
            api_server_endpoint: HostPort::new("10.9.0.1", 6443),
            ca_cert_hashes: vec![pin.to_owned()],
            unsafe_skip_ca_verification: false,
        };
        Self { discovery: Discovery::Token(by), token: Some(token.clone()), limit: Duration::from_secs(60) }
    }

    fn within(&self, limit: Duration) -> Self {
        Self { discovery: self.discovery.clone(), token: self.token.clone(), limit }
    }

    async fn run(&self, control_plane: &ControlPlane) -> Result<Discovered, DiscoveryError> {
        let backend = HttpsDiscovery::new(control_plane.api.clone());
        let read = |path: &Utf8Path| Ok(std::fs::read(path).ok().map(Contents::secret));
        let powers = Powers { backend: &backend, read: &read, now: OffsetDateTime::now_utc(), report: None };
        let wanted = Wanted { discovery: &self.discovery, tls_bootstrap_token: self.token.as_ref(), limit: self.limit };
        discover(&wanted, &powers).await
    }
}
