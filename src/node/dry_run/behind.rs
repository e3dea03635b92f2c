//! Which cluster is behind the interfaces of a dry run: none, a real one, or one that is made up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8PathBuf;
use serde_json::Value as Json;

use crate::files::{Contents, Mode};
use crate::kube::ObjectRef;

/// Makes the objects that are read where nobody answers.
pub type Imagine = Box<dyn Fn() -> Vec<Json> + Send + Sync>;

/// The cluster that a dry run is about.
pub enum DryCluster {
    /// It is being made, so nobody is asked, and only what the run would send is in it.
    New,
    /// It exists. What is read comes from there or, where nobody answers at its endpoint, from these objects.
    Existing(Imagine),
    /// It is made up, since nothing here leads to one.
    MadeUp(MadeUp),
}

/// A cluster that is made up, with a node of it: everything that a command reads there.
#[derive(Default)]
pub struct MadeUp {
    /// The version that its API server tells.
    pub version: String,
    /// What is in its API.
    pub objects: Vec<Json>,
    /// What a node of it has and this machine has not.
    pub files: Vec<(Utf8PathBuf, Contents, Mode)>,
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
            DryCluster::MadeUp(_) => Answers::Imagination,
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
        match &self.cluster {
            DryCluster::New => &[],
            DryCluster::Existing(imagine) => self.imagined.get_or_init(imagine),
            DryCluster::MadeUp(made_up) => &made_up.objects,
        }
    }
}
