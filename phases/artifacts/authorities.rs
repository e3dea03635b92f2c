//! The three certificate authorities.

use kubewright_pki::CertificateKind;

use crate::issuing::{KnownAuthority, read_authority};
use crate::prelude::*;

macro_rules! authorities {
    ($($(#[$doc:meta])* $name:ident = $kind:ident, $base:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub KnownAuthority);

        impl Value for $name {
            const NAME: &'static str = concat!("pki/", $base);
        }

        impl Artifact<Node> for $name {
            async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
                let Some(cluster) = seeds.get::<ClusterConfiguration>() else { return Ok(None) };
                Ok(read_authority(cluster, CertificateKind::$kind, |path| view.read(path))?.map(Self))
            }
        }
    )*};
}

authorities! {
    /// Signs for the API server, its clients and the kubelets.
    ClusterCa = Ca, "ca";
    /// Signs for the aggregation layer's proxy.
    FrontProxyCa = FrontProxyCa, "front-proxy-ca";
    /// Signs for the local etcd and its clients.
    EtcdCa = EtcdCa, "etcd/ca";
}
