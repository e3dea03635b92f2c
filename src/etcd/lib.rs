//! etcd's membership over its own API, for real: implements `EtcdBackend` of `kubewright-node` over gRPC and TLS. How
//! joining, promoting and removing go is decided there; here is one request at a time.

mod cluster;
mod connection;
mod credentials;
mod messages;
mod refusal;

pub use cluster::EtcdCluster;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod trials;
