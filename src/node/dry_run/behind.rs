//! Which cluster is behind the interfaces of a dry run: none, a real one, or one that is made up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;

use crate::kube::ObjectRef;

/// Makes the objects that are read where nobody answers.
pub type Imagine = Box<dyn Fn() -> Vec<Json> + Send + Sync>;

/// The cluster that a dry run is about.
pub enum DryCluster {
    /// It is being made, so nobody is asked, and only what the run would send is in it.
    New,
    /// It exists. What is read comes from there or, where nobody answers at its endpoint, from these objects.
    Existing(Imagine),
}

/// Who answers what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Nobody; what the run itself sent is all there is.
    Nobody,
    /// The real cluster.
    Cluster,
    /// The objects that stand in for it.
    Imagination,
}

/// What all interfaces of one dry run know of the cluster.
pub(super) struct Behind {
    cluster: DryCluster,
    silent: AtomicBool,
    imagined: OnceLock<Vec<Json>>,
}

impl Behind {
    pub(super) fn new(cluster: DryCluster) -> Self {
        Self { cluster, silent: AtomicBool::new(false), imagined: OnceLock::new() }
    }

    /// Nobody answers at the cluster's endpoint: from here on all is made up.
    pub(super) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub(super) fn answers(&self) -> Answers {
        match self.cluster {
            DryCluster::New => Answers::Nobody,
            DryCluster::Existing(_) if self.is_silent() => Answers::Imagination,
            DryCluster::Existing(_) => Answers::Cluster,
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// One of the objects that are made up.
    pub(super) fn imagined(&self, name: &ObjectRef) -> Option<Json> {
        self.all_imagined().iter().find(|object| ObjectRef::of(object).as_ref() == Some(name)).cloned()
    }

    /// All objects that are made up, which are made when they are first wanted.
    pub(super) fn all_imagined(&self) -> &[Json] {
        self.imagined.get_or_init(|| match &self.cluster {
            DryCluster::New => Vec::new(),
            DryCluster::Existing(imagine) => imagine(),
        })
    }
}
