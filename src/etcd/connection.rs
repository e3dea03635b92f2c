//! One gRPC connection to one endpoint, with a deadline on all that is done over it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use kubewright_node::EtcdErrorKind;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::messages::{RangeRequest, RangeResponse};
use crate::refusal::Refusal;

/// How long until the other side of TCP answers. A host that drops what is sent to it costs no more than this.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How long everything else may take. etcd gives up on a read without quorum after 7 s and says why; kubeadm waits for 2 s
/// and never hears it.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long a change of the members may take. Of two that meet, raft drops one without a word, and etcd would never answer
/// it. Giving up early is safe, as the list tells whether it was done.
const CHANGE_LIMIT: Duration = Duration::from_secs(3);
/// The largest answer in bytes. A member takes about 200.
const LARGEST_ANSWER: usize = 4 << 20;

/// A message that can be sent.
pub(crate) trait Question: prost::Message + Send + Sync + 'static {}

impl<M: prost::Message + Send + Sync + 'static> Question for M {}

/// A message that can be read.
pub(crate) trait Answer: prost::Message + Default + Send + Sync + 'static {}

impl<M: prost::Message + Default + Send + Sync + 'static> Answer for M {}

/// What TCP and TLS have in common.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to one endpoint.
pub(crate) struct Connection {
    pub(crate) endpoint: String,
    channel: Channel,
    alert: Alert,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(endpoint: &str, tls: Option<Arc<ClientConfig>>) -> Result<Self, Refusal> {
        let bad_url = |why: &str| Refusal { kind: EtcdErrorKind::Access, message: format!("not a client URL: {why}") };
        let url: Uri = endpoint.parse().map_err(|_| bad_url("it cannot be read"))?;
        let (Some(host), Some(port)) = (url.host(), url.port_u16()) else { return Err(bad_url("no host or no port")) };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match (url.scheme_str(), tls) {
            (Some("http"), _) => None,
            (Some("https"), Some(config)) => {
                let name = ServerName::try_from(host.clone()).map_err(|_| bad_url("the host has no valid name"))?;
                Some((TlsConnector::from(config), name))
            }
            (Some("https"), None) => return Err(bad_url("it is https, and there are no certificates")),
            _ => return Err(bad_url("neither http nor https")),
        };
        let alert = Alert::default();
        let heard = alert.clone();
        let connector = service_fn(move |_| {
            let (host, tls, alert) = (host.clone(), tls.clone(), heard.clone());
            async move { connect(&host, port, tls).await.map(|stream| TokioIo::new(Watched { stream, alert })) }
        });
        // What is told to etcd is the origin; the connector alone decides where to, and whether over TLS.
        let channel = Endpoint::from_static("http://etcd").origin(url);
        match tokio::time::timeout(CALL_LIMIT, channel.connect_with_connector(connector)).await {
            Ok(Ok(channel)) => Ok(Self { endpoint: endpoint.to_owned(), channel, alert }),
            Ok(Err(error)) => Err(alert.explain(Refusal::of_transport(&error))),
            Err(_) => Err(Refusal::unreachable(format!("no connection within {} s", CALL_LIMIT.as_secs()))),
        }
    }

    /// Connects, and proves that what is asked over this connection afterwards is answered from the present: a read that
    /// needs the quorum has passed, so this member has applied all that was decided before. A member that is cut off, has
    /// been removed, or has no vote yet cannot do that. etcd 3.4 lists its members without such a proof.
    pub(crate) async fn reach(endpoint: &str, tls: Option<Arc<ClientConfig>>) -> Result<Self, Refusal> {
        let connection = Self::open(endpoint, tls).await?;
        let key = b"health".to_vec();
        let read: Result<RangeResponse, _> = connection.ask("KV/Range", RangeRequest { key, count_only: true }).await;
        match read {
            Ok(_) => Ok(connection),
            // Nothing was to be changed.
            Err(refusal) if refusal.kind == EtcdErrorKind::LostReply => Err(Refusal::unreachable(refusal.message)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Asks something, and gives up at the deadline.
    pub(crate) async fn ask<A: Answer>(&self, method: &'static str, question: impl Question) -> Result<A, Refusal> {
        self.within(CALL_LIMIT, self.send(method, question)).await
    }

    /// Asks for a change of the members, and gives up at the deadline.
    pub(crate) async fn change<A: Answer>(&self, method: &'static str, question: impl Question) -> Result<A, Refusal> {
        self.within(CHANGE_LIMIT, self.send(method, question)).await
    }

    /// Asks something that is answered in parts, and gives each to `take`, until one is not taken. Gives up when no part
    /// comes for as long as another call may take: how long all of it takes depends on how much there is.
    pub(crate) async fn stream<A: Answer>(
        &self,
        method: &'static str,
        question: impl Question,
        mut take: impl FnMut(A) -> bool,
    ) -> Result<(), Refusal> {
        let began = async {
            let mut client = Grpc::new(self.channel.clone()).max_decoding_message_size(LARGEST_ANSWER);
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let path = path_of(method)?;
            client.server_streaming(Request::new(question), path, ProstCodec::default()).await
        };
        let mut parts = self.within(CALL_LIMIT, began).await?.into_inner();
        while let Some(part) = self.within(CALL_LIMIT, parts.message()).await? {
            if !take(part) {
                let message = "what it sent could not be kept".to_owned();
                return Err(Refusal { kind: EtcdErrorKind::Refused, message });
            }
        }
        Ok(())
    }

    async fn within<A>(&self, limit: Duration, work: impl Future<Output = Result<A, Status>>) -> Result<A, Refusal> {
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(self.alert.explain(Refusal::of_status(&status))),
            Err(_) => {
                let message = format!("no answer within {} s", limit.as_secs());
                Err(Refusal { kind: EtcdErrorKind::LostReply, message })
            }
        }
    }

    async fn send<A: Answer>(&self, method: &'static str, question: impl Question) -> Result<A, Status> {
        let mut client = Grpc::new(self.channel.clone()).max_decoding_message_size(LARGEST_ANSWER);
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let path = path_of(method)?;
        client.unary(Request::new(question), path, ProstCodec::default()).await.map(tonic::Response::into_inner)
    }
}

fn path_of(method: &str) -> Result<PathAndQuery, Status> {
    PathAndQuery::try_from(format!("/etcdserverpb.{method}")).map_err(|error| Status::internal(error.to_string()))
}

/// What TLS had against the connection. In TLS 1.3 the server refuses a client's certificate after the handshake, and
/// HTTP/2 keeps no more of it than that the connection is closed.
#[derive(Clone, Default)]
struct Alert(Arc<OnceLock<String>>);

impl Alert {
    fn explain(&self, refusal: Refusal) -> Refusal {
        match self.0.get() {
            Some(words) => Refusal { kind: EtcdErrorKind::Access, message: words.clone() },
            None => refusal,
        }
    }
}

/// A stream that remembers why TLS ended it.
struct Watched {
    stream: Box<dyn Stream>,
    alert: Alert,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &read {
            let refusal = Refusal::of_transport(error);
            if refusal.kind == EtcdErrorKind::Access {
                let _ = self.alert.0.set(refusal.message);
            }
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

async fn connect(
    host: &str,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
) -> io::Result<Box<dyn Stream>> {
    let silent = || io::Error::new(io::ErrorKind::TimedOut, "nobody answers");
    let stream =
        tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect((host, port))).await.map_err(|_| silent())??;
    stream.set_nodelay(true)?;
    match tls {
        Some((connector, name)) => Ok(Box::new(connector.connect(name, stream).await?)),
        None => Ok(Box::new(stream)),
    }
}
