//! A small HTTP/1.1 server on loopback for tests: it writes down every request and answers as it is told.

use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;

/// One request as the server read it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
    /// Such as `GET /livez`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// A status, a header and a body.
    WithHeader(u16, &'static str, String),
    /// Half of an answer, then the end.
    BreakOff,
    /// Bytes without end, one after such a pause.
    Drip(std::time::Duration),
    /// Nothing, ever.
    Silence,
}

/// The server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(crate) async fn plain(reply: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, reply).await
    }

    pub(crate) async fn tls(config: ServerConfig, reply: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), reply).await
    }

    async fn start(tls: Option<TlsAcceptor>, reply: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (log, reply) = (Arc::clone(&received), Arc::new(reply));
        tokio::spawn(async move {
            for connection in 0.. {
                let (tcp, _) = listener.accept().await.unwrap();
                let (tls, log, reply) = (tls.clone(), Arc::clone(&log), Arc::clone(&reply));
                tokio::spawn(async move {
                    match tls {
                        None => serve(tcp, connection, &log, &*reply).await,
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => serve(stream, connection, &log, &*reply).await,
                            Err(_) => Ok(()),
                        },
                    }
                });
            }
        });
        Self { port, received }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The first request.
    pub(crate) fn first(&self) -> Received {
        self.received().first().cloned().expect("a request")
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    log: &Mutex<Vec<Received>>,
    reply: &(dyn Fn(&Received) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut received = Received { connection, ..Received::default() };
        if stream.read_line(&mut received.line).await? == 0 {
            return Ok(());
        }
        received.line = received.line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => received.headers.push((name.to_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        received.body = String::from_utf8(body).unwrap();
        log.lock().unwrap().push(received.clone());
        let (status, header, body) = match reply(&received) {
            Reply::Answer(status, body) => (status, "x-none: 1", body),
            Reply::WithHeader(status, header, body) => (status, header, body),
            Reply::BreakOff => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await?;
                return stream.shutdown().await;
            }
            Reply::Drip(pause) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(b" ").await?;
                    stream.flush().await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Reply::Silence => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} Because\r\n{header}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
    }
}

/// A certificate authority for one test.
pub(crate) struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        crate::install_crypto_provider();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for serving under this name or address, valid up to this year.
    pub(crate) fn server(&self, name: &str, until: i32) -> ServerConfig {
        let (certificate, key) = self.leaf(vec![name.to_owned()], ExtendedKeyUsagePurpose::ServerAuth, until);
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private(&key))
            .unwrap()
    }

    /// The same, and every client must show a certificate of this authority.
    pub(crate) fn strict_server(&self, name: &str) -> ServerConfig {
        let (certificate, key) = self.leaf(vec![name.to_owned()], ExtendedKeyUsagePurpose::ServerAuth, 2100);
        let mut roots = tokio_rustls::rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(self.issuer.der().to_vec())).unwrap();
        ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], private(&key))
            .unwrap()
    }

    /// A client's certificate and key in PEM.
    pub(crate) fn client(&self) -> (String, String) {
        let (certificate, key) = self.leaf(Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, 2100);
        (certificate.pem(), key.serialize_pem())
    }

    fn leaf(&self, names: Vec<String>, usage: ExtendedKeyUsagePurpose, until: i32) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "leaf");
        params.extended_key_usages = vec![usage];
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}
