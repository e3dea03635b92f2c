//! A proxy between us and etcd that understands gRPC well enough to strike at one call: it ends TLS on both sides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, client};
use http::{HeaderMap, Request, Response};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::site::Site;
use crate::credentials::client_config;

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// etcd does it, and then the connection is cut instead of a reply.
    LoseReply,
    /// The connection is cut before etcd hears of it.
    CutBefore,
    /// etcd does it, and no reply ever comes on a connection that stays.
    Swallow,
    /// The reply is late.
    Slow(Duration),
    /// etcd does not hear of it, and the answer is `Unavailable` with these words.
    Unavailable(&'static str),
    /// What stands between is down: an answer that is not gRPC.
    Gateway(u16),
}

/// Serves at one address of a site and passes on to another.
pub(super) struct FaultProxy {
    state: Arc<State>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct State {
    /// Method, fault, how many times more.
    faults: Mutex<Vec<(&'static str, Fault, usize)>>,
    /// Every method that was called, and whether etcd did it.
    seen: Mutex<Vec<(String, bool)>>,
    upstream: String,
    address: std::net::IpAddr,
    connector: TlsConnector,
}

impl FaultProxy {
    /// Serves at the address `at` for the member at the address `of`.
    pub(super) async fn serve(site: &Site, at: u8, of: u8) -> Self {
        let (certificate, key) = site.pair(at);
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((site.address(at), 2379)).await.unwrap();
        let connector = TlsConnector::from(client_config(&site.client).unwrap());
        let (faults, seen) = (Mutex::default(), Mutex::default());
        let address = site.address(of).into();
        let state = Arc::new(State { faults, seen, upstream: site.client_url(of), address, connector });
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, state).await;
                    }
                });
            }
        });
        Self { state, serving }
    }

    /// Strikes at the next calls of a method, so many.
    pub(super) fn strike(&self, method: &'static str, fault: Fault, times: usize) {
        self.state.faults.lock().unwrap().push((method, fault, times));
    }

    /// Whether the last call of a method is its only one that etcd did: what was done is not asked for again. Nothing
    /// when there was no call.
    pub(super) fn ends_with_its_success(&self, method: &str) -> Option<bool> {
        let seen = self.state.seen.lock().unwrap();
        let done: Vec<bool> = seen.iter().filter(|(at, _)| at == method).map(|(_, done)| *done).collect();
        let last = done.last()?;
        Some(*last && done.iter().filter(|done| **done).count() == 1)
    }

    /// How many strikes are left.
    pub(super) fn left(&self) -> usize {
        self.state.faults.lock().unwrap().iter().map(|(.., times)| times).sum()
    }
}

impl State {
    /// The fault that is to strike at a call, of those that need etcd to have done it or of the others.
    fn fault(&self, method: &str, done: bool) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let fits = |fault: Fault| matches!(fault, Fault::LoseReply | Fault::Swallow) == done;
        let (.., fault, times) =
            faults.iter_mut().find(|(at, fault, times)| *at == method && *times > 0 && fits(*fault))?;
        *times -= 1;
        Some(*fault)
    }

    fn saw(&self, method: &str, done: bool) {
        self.seen.lock().unwrap().push((method.to_owned(), done));
    }
}

async fn connection(stream: tokio_rustls::server::TlsStream<TcpStream>, state: Arc<State>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let cut = Arc::new(Notify::new());
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                tokio::spawn(call(request, respond, Arc::clone(&state), Arc::clone(&cut)));
            }
            // Dropping the connection closes the socket without a farewell.
            () = cut.notified() => return,
        }
    }
}

async fn call(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, state: Arc<State>, cut: Arc<Notify>) {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let before = state.fault(&method, false);
    if matches!(before, Some(Fault::CutBefore | Fault::Unavailable(_) | Fault::Gateway(_))) {
        state.saw(&method, false);
    }
    match before {
        Some(Fault::CutBefore) => return cut.notify_one(),
        Some(Fault::Unavailable(words)) => {
            let response = Response::builder().header("content-type", "application/grpc");
            let response = response.header("grpc-status", "14").header("grpc-message", words).body(()).unwrap();
            respond.send_response(response, true).unwrap();
            return;
        }
        Some(Fault::Gateway(status)) => {
            respond.send_response(Response::builder().status(status).body(()).unwrap(), true).unwrap();
            return;
        }
        _ => {}
    }
    let Some((head, body, trailers)) = forward(request, &state).await else { return cut.notify_one() };
    let done = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status")).is_some_and(|status| status == "0");
    state.saw(&method, done);
    match if done { state.fault(&method, true) } else { None } {
        Some(Fault::LoseReply) => return cut.notify_one(),
        Some(Fault::Swallow) => std::future::pending().await,
        _ => {}
    }
    if let Some(Fault::Slow(pause)) = before {
        tokio::time::sleep(pause).await;
    }
    if body.is_empty() && trailers.is_none() {
        let _ = respond.send_response(head, true);
        return;
    }
    let Ok(mut stream) = respond.send_response(head, false) else { return };
    let _ = stream.send_data(body.into(), trailers.is_none());
    if let Some(trailers) = trailers {
        let _ = stream.send_trailers(trailers);
    }
}

/// Passes one call on over a connection of its own; nothing when etcd is not there.
async fn forward(request: Request<RecvStream>, state: &State) -> Option<(Response<()>, Vec<u8>, Option<HeaderMap>)> {
    let stream = TcpStream::connect((state.address, 2379)).await.ok()?;
    let stream = state.connector.connect(ServerName::IpAddress(state.address.into()), stream).await.ok()?;
    let (mut sender, connection) = client::handshake(stream).await.ok()?;
    let driving = tokio::spawn(connection);
    let (parts, mut asked) = request.into_parts();
    let uri = format!("{}{}", state.upstream, parts.uri.path());
    let mut onward = Request::builder().method(parts.method).uri(uri).body(()).unwrap();
    *onward.headers_mut() = parts.headers;
    let question = drain(&mut asked).await?;
    let (answer, mut stream) = sender.send_request(onward, false).ok()?;
    stream.send_data(question.into(), true).ok()?;
    let (head, mut body) = answer.await.ok()?.into_parts();
    let bytes = drain(&mut body).await?;
    let trailers = body.trailers().await.ok()?;
    driving.abort();
    Some((Response::from_parts(head, ()), bytes, trailers))
}

async fn drain(body: &mut RecvStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.ok()?;
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes)
}
