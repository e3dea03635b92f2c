//! What became of each certificate, as values: the evidence that components may be restarted, and that a run which was
//! stopped renewed this one already.

use kubewright_pki::{Certificate, CertificateKind, KubeconfigKind};
use time::OffsetDateTime;

use super::{Managed, RenewOptions, is_external};
use crate::prelude::*;

/// What became of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new one stands in its place.
    Renewed,
    /// It holds for long enough.
    Holds,
    /// It is not there.
    Missing,
    /// Somebody else keeps the key of its authority.
    External,
    /// It could not be renewed.
    Failed {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// What can be told from the files alone: a certificate that is not due was renewed, or did not need it.
    fn find(managed: Managed, view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let (Some(cluster), Some(options)) = (seeds.get::<ClusterConfiguration>(), seeds.get::<RenewOptions>()) else {
            return Ok(None);
        };
        let read = |path: &Utf8Path| view.read(path);
        // What cannot be read is told by the phase.
        let Ok(held) = managed.read(cluster, &read) else { return Ok(None) };
        let Some(held) = held else { return Ok(Some(Self::Missing)) };
        if is_external(managed.authority(), cluster, &read).unwrap_or(false) {
            return Ok(Some(Self::External));
        }
        let now = view.clock().now();
        let fresh = match options.expires_within {
            // Without a limit every run renews; what has most of its life before it was renewed by the run that stopped.
            None if managed != Managed::KUBELET => {
                held.certificate.remaining(now) * 10 >= cluster.certificate_validity_period * 9
            }
            _ => !is_due(managed, &held.certificate, options, cluster, now),
        };
        Ok(fresh.then_some(Self::Holds))
    }
}

/// Whether the certificate is to be renewed now.
pub(super) fn is_due(
    managed: Managed,
    certificate: &Certificate,
    options: &RenewOptions,
    cluster: &ClusterConfiguration,
    now: OffsetDateTime,
) -> bool {
    let left = certificate.remaining(now);
    if managed == Managed::KUBELET && options.chosen != [Managed::KUBELET] {
        // A kubelet renews its own when 70 to 90 % of its life are over. One that has not done so will not any more.
        // One that we signed may begin long before it was, with its authority.
        let signed_for = time::Duration::try_from(cluster.certificate_validity_period).unwrap_or(time::Duration::MAX);
        let life = (certificate.not_after() - certificate.not_before()).min(signed_for);
        return left * 10 < life;
    }
    options.expires_within.is_none_or(|within| left < within)
}

/// The evidence that no renewal of this run loses anything that the old certificate says.
#[derive(Debug, Clone, Copy)]
pub struct NothingLost;

impl Value for NothingLost {
    const NAME: &'static str = "nothing-lost";
}

impl Artifact<Node> for NothingLost {
    /// Whoever renews compares once more.
    async fn load(_: &View, _: &Seeds) -> Result<Option<Self>, Failure> {
        Ok(Some(Self))
    }
}

macro_rules! values {
    ($($name:ident = $managed:expr, $value:literal;)*) => {
        /// One value for each certificate.
        pub mod outcomes {
            use super::*;
            $(
                #[doc = concat!("What became of `", $value, "`.")]
                #[derive(Debug, Clone)]
                pub struct $name(pub Outcome);

                impl Value for $name {
                    const NAME: &'static str = concat!("renewal/", $value);
                }

                impl Artifact<Node> for $name {
                    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
                        Ok(Outcome::find($managed, view, seeds)?.map(Self))
                    }
                }
            )*
        }

        /// What became of all of them.
        pub type Outcomes = ($(Maybe<outcomes::$name>,)*);

        impl Outcome {
            /// Each with its certificate, as far as it was asked for.
            #[expect(non_snake_case, reason = "one name for the type and its value")]
            pub fn all(outcomes: &Outcomes) -> Vec<(Managed, &Self)> {
                let ($($name,)*) = outcomes;
                let mut all = Vec::new();
                $(all.extend($name.get().map(|outcome| ($managed, &outcome.0)));)*
                all
            }
        }
    };
}

values! {
    AdminConf = Managed::Kubeconfig(KubeconfigKind::Admin), "admin.conf";
    Apiserver = Managed::Pki(CertificateKind::Apiserver), "apiserver";
    ApiserverEtcdClient = Managed::Pki(CertificateKind::ApiserverEtcdClient), "apiserver-etcd-client";
    ApiserverKubeletClient = Managed::Pki(CertificateKind::ApiserverKubeletClient), "apiserver-kubelet-client";
    ControllerManagerConf = Managed::Kubeconfig(KubeconfigKind::ControllerManager), "controller-manager.conf";
    EtcdHealthcheckClient = Managed::Pki(CertificateKind::EtcdHealthcheckClient), "etcd-healthcheck-client";
    EtcdPeer = Managed::Pki(CertificateKind::EtcdPeer), "etcd-peer";
    EtcdServer = Managed::Pki(CertificateKind::EtcdServer), "etcd-server";
    FrontProxyClient = Managed::Pki(CertificateKind::FrontProxyClient), "front-proxy-client";
    SchedulerConf = Managed::Kubeconfig(KubeconfigKind::Scheduler), "scheduler.conf";
    SuperAdminConf = Managed::Kubeconfig(KubeconfigKind::SuperAdmin), "super-admin.conf";
    KubeletConf = Managed::KUBELET, "kubelet.conf";
}
