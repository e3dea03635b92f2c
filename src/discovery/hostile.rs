//! API servers for tests, with real TLS on loopback: good ones, and ones that lie, stall or never stop.

mod file;
mod phase;
mod token;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::Utf8Path;
use kubewright_cluster::{ApiServer, HttpsDiscovery, install_crypto_provider};
use kubewright_config::model::{BootstrapTokenDiscovery, Discovery};
use kubewright_config::{BootstrapToken, HostPort};
use kubewright_node::Contents;
use kubewright_pki::{Authority, CaSpec, Certificate, DiscoveryHash, KeyAlgorithm, PrivateKey, SanSet, Validity};
use kubewright_pki::{CertificateKind, Conventions, Kubeconfig};
use serde_json::json;
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::*;

pub(crate) const TOKEN: &str = "abc123.0123456789abcdef";
/// Long enough to notice that something waits which should not.
pub(crate) const LONG: Duration = Duration::from_secs(120);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn token() -> BootstrapToken {
    TOKEN.parse().unwrap()
}

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    Answer(u16, String),
    Redirect(String),
    /// Bytes without end, as fast as they go.
    Endless,
    /// Bytes without end, one at a time.
    Drip,
    /// Nothing, ever.
    Silence,
    /// Half of an answer.
    BreakOff,
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    Reply::Answer(200, body.into())
}

/// An API server; ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Shows one certificate after the other, a new one for each connection and in the end the last; `reply` gets the
    /// number of the request, from 0. Every fetch of ours is a connection of its own.
    pub(crate) async fn start(
        identities: Vec<ServerConfig>,
        reply: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, reply) = (Arc::clone(&heads), Arc::new(reply));
        let acceptors: Vec<TlsAcceptor> = identities.into_iter().map(|one| TlsAcceptor::from(Arc::new(one))).collect();
        tokio::spawn(async move {
            for connection in 0.. {
                let (tcp, _) = listener.accept().await.unwrap();
                let acceptor = acceptors[connection.min(acceptors.len() - 1)].clone();
                let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let _ = serve(stream, &log, &*reply).await;
                    }
                });
            }
        });
        Self { port, heads }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

async fn serve(
    stream: TlsStream<tokio::net::TcpStream>,
    log: &Mutex<Vec<String>>,
    reply: &(dyn Fn(usize) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let number = {
            let mut log = log.lock().unwrap();
            log.push(head);
            log.len() - 1
        };
        match reply(number) {
            Reply::Answer(status, body) => {
                let head = format!("HTTP/1.1 {status} Because\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(body.as_bytes()).await?;
            }
            Reply::Redirect(to) => {
                let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
            }
            Reply::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b' '; 4096]).await?;
                    stream.flush().await?;
                }
            }
            Reply::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(b" ").await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Reply::BreakOff => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await?;
                return stream.shutdown().await;
            }
            Reply::Silence => std::future::pending().await,
        }
        stream.flush().await?;
    }
}

/// A certificate authority of a cluster.
pub(crate) struct Ca(pub(crate) Authority);

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        Self::valid(name, Validity::lasting(now(), 365 * DAY, DAY))
    }

    pub(crate) fn valid(name: &str, validity: Validity) -> Self {
        install_crypto_provider();
        let spec = CaSpec { common_name: name.into(), names: SanSet::default(), serial_zero: false };
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        Self(Authority::self_signed(&spec, key, validity).unwrap())
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }

    pub(crate) fn pin(&self) -> String {
        DiscoveryHash::of(self.certificate()).to_string()
    }

    /// A server on loopback.
    pub(crate) fn server(&self) -> ServerConfig {
        let names = SanSet::new(Vec::<String>::new(), [IpAddr::from(Ipv4Addr::LOCALHOST)]);
        self.server_as(names, Validity::lasting(now(), DAY, DAY))
    }

    pub(crate) fn server_as(&self, names: SanSet, validity: Validity) -> ServerConfig {
        let conventions = Conventions::default();
        let spec = CertificateKind::Apiserver.profile().leaf_spec(&conventions, "cp1", names).unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let certificate = self.0.sign(&spec, &key, validity).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.to_pem().unwrap().as_bytes()).unwrap();
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)
            .unwrap()
    }

    /// A client's certificate and key in PEM.
    pub(crate) fn client(&self) -> (String, String) {
        let spec = kubewright_pki::KubeconfigKind::Admin.leaf_spec(&Conventions::default(), "cp1");
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let certificate = self.0.sign(&spec, &key, Validity::lasting(now(), DAY, DAY)).unwrap();
        (certificate.to_pem(), key.to_pem().unwrap().to_string())
    }

    /// The kubeconfig that `init` puts into `cluster-info`.
    pub(crate) fn kubeconfig(&self, server: &str) -> String {
        yaml_of(&Kubeconfig::cluster_info(server, self.certificate()))
    }
}

pub(crate) fn yaml_of(kubeconfig: &Kubeconfig) -> String {
    kubewright_config::yaml::to_string(&serde_json::to_value(kubeconfig).unwrap())
}

/// A `cluster-info` with signatures of these tokens.
pub(crate) fn cluster_info(kubeconfig: &str, tokens: &[&str]) -> String {
    let mut data = json!({"kubeconfig": kubeconfig});
    for text in tokens {
        let token: BootstrapToken = text.parse().unwrap();
        data[format!("{SIGNATURE_PREFIX}{}", token.id())] = sign(&token, kubeconfig).into();
    }
    let metadata = json!({"name": "cluster-info", "namespace": "kube-public"});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}).to_string()
}

/// A refusal in the API server's words.
pub(crate) fn status(code: u16, reason: &str) -> Reply {
    Reply::Answer(code, json!({"kind": "Status", "reason": reason, "message": format!("it is {reason}")}).to_string())
}

/// How one joining node looks for its cluster.
pub(crate) struct Join {
    pub(crate) discovery: Discovery,
    pub(crate) tls_token: Option<BootstrapToken>,
    pub(crate) limit: Duration,
}

impl Join {
    pub(crate) fn by_token(port: u16, pins: &[String]) -> Self {
        let by = BootstrapTokenDiscovery {
            token: token(),
            api_server_endpoint: HostPort::new("127.0.0.1", port),
            ca_cert_hashes: pins.to_vec(),
            unsafe_skip_ca_verification: pins.is_empty(),
        };
        Self { discovery: Discovery::Token(by), tls_token: Some(token()), limit: LONG }
    }

    pub(crate) fn by_file(path: impl Into<String>) -> Self {
        Self { discovery: Discovery::File(path.into()), tls_token: None, limit: LONG }
    }

    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    pub(crate) async fn run(&self) -> Result<Discovered, DiscoveryError> {
        let kube = Arc::new(ApiServer::new());
        self.run_with(&HttpsDiscovery::new(kube)).await
    }

    pub(crate) async fn run_with(&self, backend: &dyn DiscoveryBackend) -> Result<Discovered, DiscoveryError> {
        let read = |path: &Utf8Path| match std::fs::read(path) {
            Ok(bytes) => Ok(Some(Contents::secret(bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::from(error)),
        };
        let powers = Powers { backend, read: &read, now: now(), report: None };
        let wanted =
            Wanted { discovery: &self.discovery, tls_bootstrap_token: self.tls_token.as_ref(), limit: self.limit };
        let result = discover(&wanted, &powers).await;
        if let Err(error) = &result {
            check_words(error);
        }
        result
    }
}

/// Every error of every test is looked at: it says something to do, and holds no secret.
fn check_words(error: &DiscoveryError) {
    let (debug, display) = (format!("{error:?}"), error.to_string());
    let hint = error.hint();
    assert!(hint.len() > 20 && !hint.ends_with('.'), "{hint}");
    assert!(!display.ends_with('.'), "{display}");
    let mut said = vec![debug, display, hint];
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    let (_, secret) = TOKEN.split_once('.').unwrap();
    for text in said {
        for forbidden in [secret, "PRIVATE KEY", "LS0tLS1", "hunter2"] {
            assert!(!text.contains(forbidden), "{text}");
        }
    }
}
