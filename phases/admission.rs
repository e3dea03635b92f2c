//! Static pods that the kubelet has refused. It judges a pod by what the API server says of the node, once: a pod that it
//! refuses is never tried again, so the kubelet is started afresh.
//!
//! A node that has just registered may lack its room for ephemeral storage there. Kubelets before 1.22 then refuse the pods of
//! a control plane that joins, if one of them asks for some as etcd's of kubeadm did (kubernetes/kubernetes#99305).

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, interval};

use crate::prelude::*;

/// How long a pod may take to be there once the kubelet can run it. Who is only slow is not harmed by a kubelet that starts
/// afresh.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often this is tried: what the kubelet then still refuses, it has a reason to.
const RESTARTS: usize = 3;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// The static pods that are waited for.
pub struct Admission<'a> {
    /// Their components, such as `kube-apiserver`.
    pub components: &'a [&'static str],
    /// The container runtime's socket.
    pub socket: &'a str,
    /// Where manifests are.
    pub files: &'a Files,
    /// What runs pods.
    pub runtime: &'a Runtime,
    /// What starts the kubelet.
    pub services: &'a Services,
}

impl Admission<'_> {
    /// Waits for something that needs the pods, and starts the kubelet afresh when it does not run one of them.
    ///
    /// # Errors
    /// Those of the wait. A kubelet that cannot be started afresh is a warning: the pods may yet come.
    pub async fn secured<T>(
        &self,
        wait: impl Future<Output = Result<T, Failure>>,
        report: &Report,
    ) -> Result<T, Failure> {
        let mut wait = pin!(wait);
        for _ in 0..RESTARTS {
            let component = tokio::select! {
                biased;
                ended = &mut wait => return ended,
                component = self.refused() => component,
            };
            let seconds = PATIENCE.as_secs();
            report.warn(format!(
                "the kubelet has run no pod of {component} for {seconds} s: it has refused it and does not try again by \
                 itself. Starting the kubelet afresh"
            ));
            // Not beside the wait: an effect that has begun is ended.
            if let Err(failure) = self.services.restart("kubelet").await {
                report.warn(format!("the kubelet could not be started afresh: {failure}"));
            }
        }
        wait.await
    }

    /// Ends when a pod has not been there for too long; gives its component.
    async fn refused(&self) -> &'static str {
        let (mut since, mut looks) = (None, interval(PAUSE));
        loop {
            looks.tick().await;
            match self.missing().await {
                Some(component) if since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE => return component,
                Some(_) => {}
                None => since = None,
            }
        }
    }

    /// A component that has a manifest and no pod. Nothing is missing as long as the kubelet has no certificate, since it
    /// runs no pods then, nor where one cannot look.
    async fn missing(&self) -> Option<&'static str> {
        let there = |path: &Utf8Path| self.files.read(path).is_ok_and(|contents| contents.is_some());
        if self.services.init_system().is_none() || !there(paths::KUBELET_CONF.into()) {
            return None;
        }
        let pods = self.runtime.sandboxes(self.socket).await.ok()?;
        let mut wanted = self.components.iter().filter(|component| there(&paths::static_pod(component)));
        let runs = |component: &str| {
            let of_it = |name: &str| name.strip_prefix(component).is_some_and(|node| node.starts_with('-'));
            pods.iter().any(|pod| pod.namespace == "kube-system" && of_it(&pod.name))
        };
        wanted.find(|component| !runs(component)).copied()
    }
}

#[cfg(test)]
mod tests;
