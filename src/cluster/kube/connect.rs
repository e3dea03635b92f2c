//! From a kubeconfig document to a client.

use std::time::Duration;

use ::kube::client::{AuthError, ClientBuilder, ConfigExt as _, RustlsTlsError};
use ::kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use ::kube::{Client, Config};
use http::{HeaderName, HeaderValue, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioExecutor;
use kubewright_node::KubeAccess;
use tower::{BoxError, Service, ServiceBuilder};

use super::proxy::Proxies;
use crate::{innermost, shorten};

/// How long a TCP connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A client and the server that it talks to.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) server: String,
}

/// Makes a client of a kubeconfig. Nothing is sent yet. The error never shows the document, which holds credentials.
pub(super) async fn connect(access: &KubeAccess, proxies: &Proxies) -> Result<Connected, String> {
    let mut document = Kubeconfig::from_yaml(&access.kubeconfig).map_err(|error| unreadable(&error))?;
    let proxy_url = point_at(&mut document, access.server.as_deref());
    let mut config = Config::from_custom_kubeconfig(document, &KubeConfigOptions::default())
        .await
        .map_err(|error| unreadable(&error))?;
    config.headers.push((
        HeaderName::from_static("user-agent"),
        HeaderValue::from_static(concat!("kubewright/", env!("CARGO_PKG_VERSION"))),
    ));
    let server =
        shown(&config.cluster_url).ok_or("the kubeconfig's server is not a URL such as `https://10.0.0.1:6443`")?;
    let proxy = proxies.choose(&config.cluster_url, proxy_url.as_deref())?;
    // A credential plugin of the kubeconfig runs while the client is built, and blocks.
    let built = tokio::task::spawn_blocking(move || build(&config, proxy)).await.map_err(|error| error.to_string())?;
    Ok(Connected { client: built.map_err(|error| unusable(&error))?, server })
}

/// The server as errors name it: without a user or password that the URL may hold.
fn shown(url: &Uri) -> Option<String> {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}{}", url.scheme_str()?, url.host()?, url.path().trim_end_matches('/')))
}

/// Lets the current context's cluster name this server, and takes its `proxy-url` out.
fn point_at(document: &mut Kubeconfig, server: Option<&str>) -> Option<String> {
    let current = document.current_context.as_deref()?;
    let context = document.contexts.iter().find(|context| context.name == current)?.context.as_ref()?;
    let named = document.clusters.iter_mut().find(|cluster| cluster.name == context.cluster)?;
    let cluster = named.cluster.as_mut()?;
    if let Some(server) = server {
        cluster.server = Some(server.to_owned());
    }
    cluster.proxy_url.take().filter(|url| !url.is_empty())
}

/// The stack that kube itself would build, but without its own retries (one request is one try) and with a `NO_PROXY`
/// that is held against the server; kube holds it against the proxy.
fn build(config: &Config, proxy: Option<Intercept>) -> Result<Client, ::kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_LIMIT));
    match proxy {
        None => assemble(config, tcp),
        Some(proxy) => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
            if let Some(credentials) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            assemble(config, tunnel)
        }
    }
}

fn assemble<C>(config: &Config, connector: C) -> Result<Client, ::kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Future: Send,
    C::Error: Into<BoxError>,
    C::Response: hyper::rt::Read + hyper::rt::Write + legacy::connect::Connection + Send + Unpin + 'static,
{
    let tls = config.rustls_https_connector_with_connector(connector)?;
    let http = legacy::Client::builder(TokioExecutor::new()).build(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

fn unreadable(error: &KubeconfigError) -> String {
    let KubeconfigError::Parse(error) = error else {
        return format!("the kubeconfig cannot be used: {}", shorten(&error.to_string()));
    };
    // The error's own text may quote the lines around the place, and so a key or a token.
    match error.location() {
        Some(place) => format!("the kubeconfig is not valid at line {} column {}", place.line(), place.column()),
        None => "the kubeconfig is not valid".into(),
    }
}

fn unusable(error: &::kube::Error) -> String {
    match error {
        ::kube::Error::Auth(error) => refused(error),
        ::kube::Error::InferKubeconfig(error) => unreadable(error),
        // Its text may quote a line of the key.
        ::kube::Error::RustlsTls(RustlsTlsError::InvalidIdentityPem(_)) => {
            "the kubeconfig cannot be used: its client certificate or key is not valid PEM".into()
        }
        error => format!("the kubeconfig cannot be used: {}", innermost(error)),
    }
}

/// Says why credentials could not be had. What a credential plugin printed and how it was called is left
/// out: it may be the credential.
pub(super) fn refused(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(cause) => {
            format!("the kubeconfig's credential plugin cannot be run: {}", innermost(cause))
        }
        AuthError::AuthExecRun { out, .. } => format!("the kubeconfig's credential plugin failed with {}", out.status),
        AuthError::ReadTokenFile(cause, path) => {
            format!("the kubeconfig's token file `{}` cannot be read: {}", path.display(), innermost(cause))
        }
        _ => "the kubeconfig's user has no usable credentials".into(),
    }
}

#[cfg(test)]
mod tests;
