//! A proxy before a real API server that strikes at single requests, or lets objects say something else. It stands where the load balancer does, and ends TLS
//! with the API server's own certificate. Who a client is, it passes on as the API server's own aggregation layer lets a
//! front proxy do: it has the front proxy's certificate, and says in headers whose certificate it has seen. So every request
//! is authenticated and authorized by the real API server as the client's own; a token, or nobody, is passed on as it is.
//!
//! One connection carries one request (`Connection: close`): then what comes after a head can be passed on as bytes.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubewright_lab::{Node, SWITCH_ADDRESS};
use kubewright_pki::Certificate;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 64 << 10;
const PORT: u16 = 6443;

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The API server does it, and then the connection is cut instead of a reply.
    LoseReply,
    /// The connection is cut before the API server hears of it.
    Cut,
    /// The API server does not hear of it; the answer has this status, as the API server itself says it.
    Status(u16),
    /// The reply comes late.
    Slow(Duration),
}

/// A request, as a test chooses by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Such as `PATCH`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The user agent.
    pub agent: String,
    /// See [`ApiProxy::change`].
    view: usize,
}

impl Request {
    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        !["GET", "HEAD"].contains(&self.method.as_str())
    }
}

type Choose = dyn FnMut(&Request) -> Option<Fault> + Send;
/// Changes the object that a path gives, in one of the views.
type Change = dyn Fn(usize, &str, &mut Json) + Send;
/// Answers a request in the API server's stead.
type Answer = dyn Fn(&Request) -> Option<Json> + Send;

/// Stands before one node's API server until it is dropped.
pub struct ApiProxy {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    choose: Mutex<Box<Choose>>,
    change: Mutex<Option<Box<Change>>>,
    answer: Mutex<Box<Answer>>,
    log: Mutex<Vec<(Request, Option<Fault>)>>,
    upstream: String,
    acceptor: TlsAcceptor,
    /// With the front proxy's certificate.
    as_front_proxy: TlsConnector,
    /// With none: a certificate that is not the client's would keep it from being nobody.
    as_nobody: TlsConnector,
}

impl ApiProxy {
    /// Serves in place of the load balancer, in its network, for the API server of that node; strikes at nobody yet.
    pub fn before(node: &Node, network: PathBuf) -> Self {
        let shared = Arc::new(Shared {
            choose: Mutex::new(Box::new(|_| None)),
            change: Mutex::default(),
            answer: Mutex::new(Box::new(|_| None)),
            log: Mutex::default(),
            upstream: node.address(),
            acceptor: acceptor(node),
            as_front_proxy: connector(node, true),
            as_nobody: connector(node, false),
        });
        let (stop, stopped) = oneshot::channel();
        let (listens, listening) = std::sync::mpsc::channel();
        let serving = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let network = std::fs::File::open(network).unwrap();
                // Only this thread, and what it opens.
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&network), Some(LinkNameSpaceType::Network))
                    .unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let listener = TcpListener::bind((SWITCH_ADDRESS, PORT)).await.unwrap();
                    listens.send(()).unwrap();
                    tokio::select! {
                        () = serve(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
            }
        });
        listening.recv().expect("the proxy listens");
        Self { shared, stop: Some(stop), serving: Some(serving) }
    }

    /// Asks from now on what is to become of each request, and forgets those that there were.
    pub fn choose(&self, choose: impl FnMut(&Request) -> Option<Fault> + Send + 'static) {
        *self.shared.choose.lock().unwrap() = Box::new(choose);
        self.shared.log.lock().unwrap().clear();
    }

    /// Lets what is read say something else from now on: in view N, which is a server of its own with the path `/view/N`. Who
    /// watches through the proxy waits in vain.
    pub fn change(&self, change: impl Fn(usize, &str, &mut Json) + Send + 'static) {
        *self.shared.change.lock().unwrap() = Some(Box::new(change));
    }

    /// Gives these objects for requests of which the API server is not to hear.
    pub fn answer(&self, answer: impl Fn(&Request) -> Option<Json> + Send + 'static) {
        *self.shared.answer.lock().unwrap() = Box::new(answer);
    }

    /// The requests since then, and what struck them.
    pub fn log(&self) -> Vec<(Request, Option<Fault>)> {
        self.shared.log.lock().unwrap().clone()
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let ended = serving.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the proxy failed");
        }
    }
}

/// The API server's certificate, and clients with one of the cluster's authority or none.
fn acceptor(node: &Node) -> TlsAcceptor {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(node)), provider());
    let verifier = verifier.allow_unauthenticated().build().unwrap();
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let (chain, key) = pair(node, "apiserver");
    let mut config = config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A client of the API server, with the front proxy's certificate or none.
fn connector(node: &Node, front_proxy: bool) -> TlsConnector {
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(authorities(node));
    let (chain, key) = pair(node, "front-proxy-client");
    let mut config = match front_proxy {
        true => config.with_client_auth_cert(chain, key).unwrap(),
        false => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn authorities(node: &Node) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(node.path("/etc/kubernetes/pki/ca.crt")).unwrap()).unwrap();
    roots
}

fn pair(node: &Node, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let path = |end: &str| node.path(&format!("/etc/kubernetes/pki/{name}.{end}"));
    (vec![CertificateDer::from_pem_file(path("crt")).unwrap()], PrivateKeyDer::from_pem_file(path("key")).unwrap())
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A client that goes away, or a server that is restarted, is none of the proxy's business.
            let _ = connection(stream, &shared).await;
        });
    }
}

async fn connection(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut client = shared.acceptor.accept(stream).await?;
    let changing = shared.change.lock().unwrap().is_some();
    let Some((request, head, rest)) = read_head(&mut client, changing).await? else { return Ok(()) };
    let fault = (shared.choose.lock().unwrap())(&request);
    shared.log.lock().unwrap().push((request.clone(), fault));
    match fault {
        Some(Fault::Cut) => return Ok(()),
        Some(Fault::Status(status)) => return refuse(&mut client, status).await,
        _ => {}
    }
    let made_up = (shared.answer.lock().unwrap())(&request);
    if let Some(object) = made_up {
        client.write_all(&well(&object)).await?;
        client.shutdown().await?;
        // A client that is still sending its body must not be cut off before it has read the answer.
        return copy(&mut client, &mut tokio::io::sink()).await.map(drop);
    }
    let server = TcpStream::connect((shared.upstream.as_str(), PORT)).await?;
    let name = ServerName::try_from(shared.upstream.clone()).map_err(io::Error::other)?;
    let certified = client.get_ref().1.peer_certificates().is_some();
    let connector = if certified { &shared.as_front_proxy } else { &shared.as_nobody };
    let mut server = connector.connect(name, server).await?;
    server.write_all(&head).await?;
    server.write_all(&rest).await?;
    if changing && !request.writes() {
        let mut answer = Vec::new();
        // The server ends TLS without a farewell when it closes.
        let _ = server.read_to_end(&mut answer).await;
        client.write_all(&changed(answer, &request, shared)?).await?;
        return client.shutdown().await;
    }
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let answering = async {
        match fault {
            Some(Fault::LoseReply) => {
                copy(&mut from_server, &mut tokio::io::sink()).await?;
                return Ok(());
            }
            Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
            _ => {}
        }
        // Whole, or not at all: the server ends TLS without a farewell when it closes.
        let copied = copy(&mut from_server, &mut to_client).await;
        to_client.shutdown().await?;
        copied.map(drop)
    };
    let asking = async {
        copy(&mut from_client, &mut to_server).await?;
        // The client has said all; the answer may take its time.
        std::future::pending::<io::Result<()>>().await
    };
    tokio::select! {
        ended = answering => ended,
        ended = asking => ended,
    }
}

/// An answer with its object changed; as it is if it holds none.
fn changed(answer: Vec<u8>, request: &Request, shared: &Shared) -> io::Result<Vec<u8>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(&answer).map_err(io::Error::other)? else {
        return Err(io::Error::other("the API server's answer breaks off"));
    };
    let (Some(200), Ok(mut object)) = (head.code, serde_json::from_slice::<Json>(&answer[length..])) else {
        return Ok(answer);
    };
    if let Some(change) = shared.change.lock().unwrap().as_ref() {
        change(request.view, request.path.split('?').next().unwrap_or_default(), &mut object);
    }
    Ok(well(&object))
}

/// The answer that holds an object.
fn well(object: &Json) -> Vec<u8> {
    let body = object.to_string();
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Reads a request up to the empty line; gives it, the head to pass on, and what was read of the body. What is `plain` is
/// answered in one piece.
async fn read_head(client: &mut TlsStream<TcpStream>, plain: bool) -> io::Result<Option<(Request, Vec<u8>, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(length) = parsed.parse(&bytes).map_err(io::Error::other)? {
            let text = |field: Option<&httparse::Header<'_>>| {
                field.map_or_else(String::new, |field| String::from_utf8_lossy(field.value).into_owned())
            };
            let agent = text(parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case("user-agent")));
            let (method, path) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
            let (view, path) = view(path);
            let mut head = format!("{method} {path} HTTP/1.{}\r\n", if plain { 0 } else { 1 }).into_bytes();
            let kept = |field: &&httparse::Header<'_>| {
                let name = field.name.to_ascii_lowercase();
                name != "connection" && !name.starts_with("x-remote-") && !(plain && name == "accept-encoding")
            };
            for field in parsed.headers.iter().filter(kept) {
                head.extend_from_slice(field.name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(field.value);
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(identity(client)?.as_bytes());
            head.extend_from_slice(b"Connection: close\r\n\r\n");
            let request = Request { method: method.to_owned(), path: path.to_owned(), agent, view };
            return Ok(Some((request, head, bytes[length..].to_vec())));
        }
        if bytes.len() > LONGEST_HEAD || client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// Which view a path is of, and the API server's own path.
fn view(path: &str) -> (usize, &str) {
    let parts = path.strip_prefix("/view/").and_then(|rest| rest.split_at_checked(rest.find('/')?));
    parts.map_or((0, path), |(view, path)| (view.parse().unwrap_or_default(), path))
}

/// What the front proxy says of a client that has shown a certificate.
fn identity(client: &TlsStream<TcpStream>) -> io::Result<String> {
    let Some([certificate, ..]) = client.get_ref().1.peer_certificates() else { return Ok(String::new()) };
    let certificate = Certificate::from_der(certificate).map_err(io::Error::other)?;
    let mut fields = format!("X-Remote-User: {}\r\n", certificate.common_name().unwrap_or_default());
    fields.extend(certificate.organizations().iter().map(|group| format!("X-Remote-Group: {group}\r\n")));
    Ok(fields)
}

/// Answers in the API server's stead.
async fn refuse(client: &mut TlsStream<TcpStream>, status: u16) -> io::Result<()> {
    let (reason, words, more) = match status {
        429 => ("TooManyRequests", "Too many requests, please try again later.", "Retry-After: 1\r\n"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request", ""),
        _ => ("InternalError", "etcdserver: request timed out", ""),
    };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": words, "reason": reason, "code": status,
    })
    .to_string();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await?;
    // A client that is still sending its body must not be cut off before it has read the answer.
    copy(client, &mut tokio::io::sink()).await.map(drop)
}
