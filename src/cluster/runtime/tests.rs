//! CRI as a runtime sees it, against a server that speaks recorded bytes.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;

use super::recorded as bytes_of;
use super::*;

/// What the server does with a call.
enum Reply {
    /// Answers with a message in base64.
    Message(&'static str),
    /// Ends the call with a gRPC status.
    Status(u16, &'static str),
    /// Nothing, until the caller gives up.
    Silence,
}

/// A gRPC server at a socket in a directory of its own.
struct Server {
    directory: tempfile::TempDir,
    calls: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    /// Answers each call by its path and its message in base64.
    fn start(reply: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("cri.sock")).unwrap();
        let calls: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (log, reply) = (Arc::clone(&calls), Arc::new(reply));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(answer(request, respond, Arc::clone(&log), Arc::clone(&reply)));
                    }
                });
            }
        });
        Self { directory, calls }
    }

    fn socket(&self) -> String {
        address(self.directory.path())
    }

    fn calls(&self) -> Vec<(String, String)> {
        self.calls.lock().unwrap().clone()
    }
}

fn address(directory: &Path) -> String {
    format!("unix://{}/cri.sock", directory.display())
}

async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    log: Arc<Mutex<Vec<(String, String)>>>,
    reply: Arc<impl Fn(&str, &str) -> Reply>,
) {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    let mut message = BytesMut::new();
    while let Some(Ok(chunk)) = body.data().await {
        message.extend_from_slice(&chunk);
    }
    // Each message has a header of five bytes: compressed or not, and its length.
    let message = STANDARD.encode(&message[5..]);
    log.lock().unwrap().push((path.clone(), message.clone()));
    let head = http::Response::builder().header("content-type", "application/grpc");
    let (code, words) = match reply(&path, &message) {
        Reply::Message(answer) => {
            let answer = STANDARD.decode(answer).unwrap();
            let mut framed = vec![0];
            framed.extend_from_slice(&u32::try_from(answer.len()).unwrap().to_be_bytes());
            framed.extend_from_slice(&answer);
            let mut stream = respond.send_response(head.body(()).unwrap(), false).unwrap();
            stream.send_data(framed.into(), false).unwrap();
            stream.send_trailers(http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), 0.into())])).unwrap();
            return;
        }
        Reply::Silence => {
            let reset = std::future::poll_fn(|context| respond.poll_reset(context)).await;
            log.lock().unwrap().push((path, format!("{:?}", reset.unwrap())));
            return;
        }
        Reply::Status(code, words) => (code, words),
    };
    let head = head.header("grpc-status", code).header("grpc-message", words).body(()).unwrap();
    respond.send_response(head, true).unwrap();
}

const PAUSE: &str = "registry.k8s.io/pause:3.10";

#[tokio::test]
async fn tells_name_version_readiness_and_sandbox_image() {
    let server = Server::start(|path, _| match path {
        "/runtime.v1.RuntimeService/Version" => Reply::Message(bytes_of::VERSION),
        _ => Reply::Message(bytes_of::READY),
    });
    let status = CriRuntime::new().status(&server.socket()).await.unwrap();
    assert_eq!((status.name.as_str(), status.version.as_str()), ("containerd", "2.1.0"));
    assert!(status.ready, "a network that is not ready does not count");
    assert_eq!(status.message, "");
    assert_eq!(status.sandbox_image.as_deref(), Some(PAUSE));
    let asked = ("/runtime.v1.RuntimeService/Status".to_owned(), bytes_of::VERBOSE.to_owned());
    assert_eq!(server.calls()[1], asked);
}

#[tokio::test]
async fn says_why_the_runtime_is_not_ready() {
    let server = Server::start(|path, _| match path {
        "/runtime.v1.RuntimeService/Version" => Reply::Message(bytes_of::VERSION),
        _ => Reply::Message(bytes_of::BROKEN),
    });
    let status = CriRuntime::new().status(&server.socket()).await.unwrap();
    assert!(!status.ready);
    assert_eq!(status.message, "Broken: disk");
    assert_eq!(status.sandbox_image, None);
}

#[test]
fn a_configuration_without_sandbox_image_has_none() {
    for config in ["", "{}", "not json", r#"{"sandboxImage":""}"#, r#"{"sandboxImage":3}"#] {
        assert_eq!(sandbox_image(config), None, "{config}");
    }
}

#[tokio::test]
async fn tells_the_cgroup_driver() {
    for (answer, driver) in [(bytes_of::SYSTEMD, "systemd"), (bytes_of::CGROUPFS, "cgroupfs")] {
        let server = Server::start(move |_, _| Reply::Message(answer));
        assert_eq!(CriRuntime::new().cgroup_driver(&server.socket()).await.unwrap(), driver);
        assert_eq!(server.calls()[0].0, "/runtime.v1.RuntimeService/RuntimeConfig");
    }
    let server = Server::start(|_, _| Reply::Message(""));
    let error = CriRuntime::new().cgroup_driver(&server.socket()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Failed { call: "RuntimeConfig", .. }), "{error}");
}

#[tokio::test]
async fn an_old_runtime_does_not_implement_a_call() {
    let words = "unknown method RuntimeConfig for service runtime.v1.RuntimeService";
    let server = Server::start(move |_, _| Reply::Status(12, words));
    let error = CriRuntime::new().cgroup_driver(&server.socket()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Unimplemented { call: "RuntimeConfig", .. }), "{error}");
}

#[tokio::test]
async fn a_socket_without_cri_is_not_an_old_runtime() {
    let server = Server::start(|_, _| Reply::Status(12, "unknown service runtime.v1.RuntimeService"));
    let error = CriRuntime::new().cgroup_driver(&server.socket()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("it does not serve CRI v1"), "{error}");
}

#[tokio::test]
async fn tells_whether_an_image_is_there() {
    let server = Server::start(|_, _| Reply::Message(bytes_of::PRESENT));
    assert!(CriRuntime::new().has_image(&server.socket(), PAUSE).await.unwrap());
    let asked = ("/runtime.v1.ImageService/ImageStatus".to_owned(), bytes_of::IMAGE.to_owned());
    assert_eq!(server.calls(), [asked]);
    let server = Server::start(|_, _| Reply::Message(""));
    assert!(!CriRuntime::new().has_image(&server.socket(), PAUSE).await.unwrap());
}

#[tokio::test]
async fn pulls_and_gives_the_runtimes_words_when_it_fails() {
    let server = Server::start(|_, _| Reply::Message(bytes_of::PULLED));
    CriRuntime::new().pull(&server.socket(), PAUSE).await.unwrap();
    let asked = ("/runtime.v1.ImageService/PullImage".to_owned(), bytes_of::IMAGE_PULL.to_owned());
    assert_eq!(server.calls(), [asked]);

    let server = Server::start(|_, _| Reply::Status(2, "no such host"));
    let error = CriRuntime::new().pull(&server.socket(), PAUSE).await.unwrap_err().to_string();
    assert_eq!(error, format!("the container runtime at `{}` failed in PullImage: no such host", server.socket()));
}

#[tokio::test]
async fn dropping_a_pull_cancels_it_in_the_runtime() {
    let server = Server::start(|_, _| Reply::Silence);
    let (runtime, socket) = (CriRuntime::new(), server.socket());
    let pull = runtime.pull(&socket, PAUSE);
    assert!(tokio::time::timeout(Duration::from_millis(200), pull).await.is_err());
    let cancelled = ("/runtime.v1.ImageService/PullImage".to_owned(), "CANCEL".to_owned());
    for _ in 0..100 {
        if server.calls().contains(&cancelled) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", server.calls());
}

#[tokio::test]
async fn lists_the_newest_container_of_each_name_and_pod() {
    let server = Server::start(|path, message| match (path, message) {
        ("/runtime.v1.RuntimeService/ListContainers", bytes_of::OF_KUBE_SYSTEM) => Reply::Message(bytes_of::CONTAINERS),
        ("/runtime.v1.RuntimeService/ContainerStatus", bytes_of::ID_OF_ETCD) => Reply::Message(bytes_of::ETCD),
        ("/runtime.v1.RuntimeService/ContainerStatus", bytes_of::ID_OF_APISERVER) => {
            Reply::Message(bytes_of::APISERVER)
        }
        // The container of coredns is removed between the two calls.
        _ => Reply::Status(5, "not found"),
    });
    let found = CriRuntime::new().containers(&server.socket()).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|c| (c.name.as_str(), c.state.as_str(), c.exit_code, c.attempt, c.log_path.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            ("etcd", "running", None, 2, Some("/var/log/pods/etcd/2.log")),
            ("kube-apiserver", "exited", Some(137), 3, None)
        ]
    );
}

#[tokio::test]
async fn a_container_that_cannot_be_looked_at_is_not_left_out() {
    let server = Server::start(|path, _| match path {
        "/runtime.v1.RuntimeService/ListContainers" => Reply::Message(bytes_of::CONTAINERS),
        _ => Reply::Status(2, "the database is locked"),
    });
    let error = CriRuntime::new().containers(&server.socket()).await.unwrap_err();
    assert!(error.to_string().ends_with("failed in ContainerStatus: the database is locked"), "{error}");
}

#[tokio::test]
async fn lists_every_pod_and_removes_one() {
    let server = Server::start(|path, _| match path {
        "/runtime.v1.RuntimeService/ListPodSandbox" => Reply::Message(bytes_of::SANDBOXES),
        _ => Reply::Message(""),
    });
    let found = CriRuntime::new().sandboxes(&server.socket()).await.unwrap();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["pod default/web (2)", "pod kube-system/etcd-n (1)"]);
    CriRuntime::new().remove_sandbox(&server.socket(), "1").await.unwrap();
    let calls = ["StopPodSandbox", "RemovePodSandbox"]
        .map(|call| (format!("/runtime.v1.RuntimeService/{call}"), bytes_of::SANDBOX.to_owned()));
    assert_eq!(server.calls()[1..], calls);
}

#[tokio::test]
async fn a_pod_that_is_gone_already_is_removed_and_one_that_stays_is_told() {
    let server = Server::start(|_, _| Reply::Status(5, "not found"));
    CriRuntime::new().remove_sandbox(&server.socket(), "1").await.unwrap();
    let server = Server::start(|_, _| Reply::Status(2, "the network plugin failed"));
    let error = CriRuntime::new().remove_sandbox(&server.socket(), "1").await.unwrap_err().to_string();
    assert!(error.ends_with("failed in StopPodSandbox: the network plugin failed"), "{error}");
}

#[tokio::test]
async fn nobody_at_the_socket_is_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    let socket = address(directory.path());
    let error = CriRuntime::new().status(&socket).await.unwrap_err().to_string();
    assert_eq!(error, format!("cannot reach the container runtime at `{socket}`: No such file or directory"));
}

#[tokio::test]
async fn an_address_that_is_no_unix_socket_is_refused() {
    for socket in ["tcp://10.0.0.1:1", "npipe:////./pipe/x", "relative.sock", ""] {
        let error = CriRuntime::new().status(socket).await.unwrap_err();
        assert!(matches!(error, RuntimeError::Unreachable { .. }), "{error}");
        assert!(error.to_string().ends_with("it must be `unix://` and an absolute path"), "{error}");
    }
}

#[tokio::test]
async fn a_bare_path_is_a_socket_too() {
    let server = Server::start(|_, _| Reply::Message(""));
    let socket = server.socket();
    assert!(!CriRuntime::new().has_image(socket.trim_start_matches("unix://"), PAUSE).await.unwrap());
}

#[tokio::test]
async fn a_silent_runtime_is_given_up_after_two_seconds() {
    let server = Server::start(|_, _| Reply::Silence);
    let began = std::time::Instant::now();
    let error = CriRuntime::new().status(&server.socket()).await.unwrap_err();
    assert!(error.to_string().ends_with("no answer to Version within 2 s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_socket_of_something_else_is_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("cri.sock")).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    let error = CriRuntime::new().status(&address(directory.path())).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Unreachable { .. }), "{error}");
}

/// Against a real runtime: `KUBEWRIGHT_TEST_CRI_SOCKET` names its socket.
#[tokio::test]
#[ignore = "needs a container runtime"]
async fn works_with_a_real_runtime() {
    let socket = std::env::var("KUBEWRIGHT_TEST_CRI_SOCKET").unwrap();
    let runtime = CriRuntime::new();
    let status = runtime.status(&socket).await.unwrap();
    assert!(status.ready, "{status:?}");
    assert!(!status.name.is_empty() && !status.version.is_empty(), "{status:?}");
    assert!(status.sandbox_image.is_some() || !status.version.starts_with("1."), "{status:?}");
    assert!(!runtime.has_image(&socket, "registry.invalid/kubewright:1").await.unwrap());
    let error = runtime.pull(&socket, "registry.invalid/kubewright:1").await.unwrap_err();
    assert!(matches!(error, RuntimeError::Failed { call: "PullImage", .. }), "{error}");
    let driver = runtime.cgroup_driver(&socket).await;
    assert!(matches!(driver, Ok(_) | Err(RuntimeError::Unimplemented { .. })), "{driver:?}");
    runtime.containers(&socket).await.unwrap();
}
