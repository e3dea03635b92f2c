//! One gRPC connection to a container runtime's socket, and the errors of calls over it.

use std::path::PathBuf;
use std::time::Duration;

use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use kubewright_node::RuntimeError;
use tokio::net::UnixStream;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::{innermost, shorten};

/// How long connecting and each call that answers at once may take; kubeadm's limit, which it has from crictl.
const LIMIT: Duration = Duration::from_secs(2);
/// The largest answer in bytes, as in the kubelet.
const LARGEST_ANSWER: usize = 16 << 20;

/// A message that can be sent.
pub(super) trait Question: prost::Message + Send + Sync + 'static {}

impl<M: prost::Message + Send + Sync + 'static> Question for M {}

/// A message that can be read.
pub(super) trait Answer: prost::Message + Default + Send + Sync + 'static {}

impl<M: prost::Message + Default + Send + Sync + 'static> Answer for M {}

/// One call: the service and the method of `runtime.v1`.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) service: &'static str,
    pub(super) method: &'static str,
}

/// A connection to one socket.
pub(super) struct Connection {
    socket: String,
    channel: Channel,
    /// When all its calls must have been answered, if they have one limit together.
    until: Option<Instant>,
}

impl Connection {
    /// Connects, for calls that must all be answered within 2 s from now.
    pub(super) async fn open_briefly(socket: &str) -> Result<Self, RuntimeError> {
        let until = Some(Instant::now() + LIMIT);
        Ok(Self { until, ..Self::open(socket).await? })
    }

    /// Connects within 2 s.
    pub(super) async fn open(socket: &str) -> Result<Self, RuntimeError> {
        let unreachable = |message: String| RuntimeError::Unreachable { socket: socket.to_owned(), message };
        let path = path_of(socket).map_err(unreachable)?;
        let connector = service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        // gRPC wants an address; over a unix socket nobody looks at it.
        let endpoint = Endpoint::from_static("http://localhost");
        match tokio::time::timeout(LIMIT, endpoint.connect_with_connector(connector)).await {
            Ok(Ok(channel)) => Ok(Self { socket: socket.to_owned(), channel, until: None }),
            Ok(Err(error)) => Err(unreachable(innermost(&error))),
            Err(_) => Err(unreachable(format!("no connection within {} s", LIMIT.as_secs()))),
        }
    }

    /// Calls, and gives up after 2 s.
    pub(super) async fn ask<A: Answer>(&self, call: Call, question: impl Question) -> Result<A, RuntimeError> {
        self.within_limit(call, self.send(call, question)).await?.map_err(|status| self.failure(call, &status))
    }

    /// Calls about a thing, and gives up after 2 s; `None` when the runtime does not know the thing.
    pub(super) async fn find<A: Answer>(&self, call: Call, question: impl Question) -> Result<Option<A>, RuntimeError> {
        match self.within_limit(call, self.send(call, question)).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(self.failure(call, &status)),
        }
    }

    /// The same with a limit of its own, for what takes longer.
    pub(super) async fn find_slowly<A: Answer>(
        &self,
        call: Call,
        question: impl Question,
        limit: Duration,
    ) -> Result<Option<A>, RuntimeError> {
        match tokio::time::timeout(limit, self.send(call, question)).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(status)) if status.code() == Code::NotFound => Ok(None),
            Ok(Err(status)) => Err(self.failure(call, &status)),
            Err(_) => {
                let message = format!("no answer to {} within {} s", call.method, limit.as_secs());
                Err(RuntimeError::Unreachable { socket: self.socket.clone(), message })
            }
        }
    }

    /// Calls, and waits for as long as it takes. Dropping the future cancels the call in the runtime too.
    pub(super) async fn wait_for<A: Answer>(&self, call: Call, question: impl Question) -> Result<A, RuntimeError> {
        self.send(call, question).await.map_err(|status| self.failure(call, &status))
    }

    async fn send<A: Answer>(&self, call: Call, question: impl Question) -> Result<A, Status> {
        let mut client = Grpc::new(self.channel.clone()).max_decoding_message_size(LARGEST_ANSWER);
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let path = PathAndQuery::try_from(format!("/runtime.v1.{}/{}", call.service, call.method))
            .map_err(|error| Status::internal(error.to_string()))?;
        let began = Instant::now();
        let answer = client.unary(Request::new(question), path, ProstCodec::default()).await;
        let how = answer.as_ref().map_or_else(|status| status.code().description(), |_| "done");
        let (Call { service, method }, took) = (call, began.elapsed().as_millis());
        tracing::debug!(target: "request", "CRI {} {service}/{method}: {how} in {took} milliseconds", self.socket);
        answer.map(tonic::Response::into_inner)
    }

    async fn within_limit<T>(&self, call: Call, work: impl Future<Output = T>) -> Result<T, RuntimeError> {
        let until = self.until.unwrap_or_else(|| Instant::now() + LIMIT);
        tokio::time::timeout_at(until, work).await.map_err(|_| {
            let message = format!("no answer to {} within {} s", call.method, LIMIT.as_secs());
            RuntimeError::Unreachable { socket: self.socket.clone(), message }
        })
    }

    fn failure(&self, call: Call, status: &Status) -> RuntimeError {
        let socket = self.socket.clone();
        // Only a status that was made on this side has a cause.
        if let Some(cause) = std::error::Error::source(status) {
            return RuntimeError::Unreachable { socket, message: innermost(cause) };
        }
        match status.code() {
            // The socket answers, but CRI is not served at all: containerd with `cri` among its `disabled_plugins`.
            Code::Unimplemented if status.message().contains("unknown service") => RuntimeError::Failed {
                socket,
                call: call.method,
                message: format!("it does not serve CRI v1 ({})", shorten(status.message())),
            },
            Code::Unimplemented => RuntimeError::Unimplemented { socket, call: call.method },
            code => {
                let words = if status.message().is_empty() { code.description() } else { status.message() };
                RuntimeError::Failed { socket, call: call.method, message: shorten(words) }
            }
        }
    }
}

/// The socket's file: `unix:///path` as the kubelet wants it, or only the path.
fn path_of(socket: &str) -> Result<PathBuf, String> {
    let path = socket.strip_prefix("unix://").unwrap_or(socket);
    if path.starts_with('/') {
        return Ok(PathBuf::from(path));
    }
    Err("it must be `unix://` and an absolute path".into())
}
