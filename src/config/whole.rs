//! A file read as a whole: every document of every kind, for `config validate` and `config migrate`.

use crate::convert::Machine;
use crate::error::ConfigError;
use crate::flags::InitFlags;
use crate::load::{self, Init, Told};
use crate::model::{JoinConfiguration, ResetConfiguration, UpgradeConfiguration};
use crate::reading::Reading;
use crate::sources::{Audience, Kind, Sources};
use crate::yaml::Document;
use crate::{v1beta4, versions, yaml};

/// What a file holds. Each part is there if the file has a document of its kind; `init` also for a cluster alone.
#[derive(Default)]
pub(crate) struct Whole {
    /// With the document's own text, which keeps what the internal form has no use for.
    pub init: Option<(Init, v1beta4::InitConfiguration)>,
    pub join: Option<(JoinConfiguration, v1beta4::JoinConfiguration)>,
    pub reset: Option<(ResetConfiguration, v1beta4::ResetConfiguration)>,
    pub upgrade: Option<(UpgradeConfiguration, v1beta4::UpgradeConfiguration)>,
}

/// Reads every document of a file.
pub(crate) fn read(documents: &[Document], reading: Reading, machine: &mut Machine<'_>, told: &mut Told) -> Whole {
    let sources = Sources::sort(documents, Audience::Everyone, reading, &mut told.errors, &mut told.warnings);
    let init = sources.read_init(&mut told.errors, &mut told.warnings);
    let cluster = sources.read_cluster(&mut told.errors, &mut told.warnings);
    let join = sources.read_join(&mut told.errors, &mut told.warnings);
    let reset = sources.read_reset(&mut told.errors, &mut told.warnings);
    let upgrade = sources.read_upgrade(&mut told.errors, &mut told.warnings);
    let component = sources.kubelet.is_some() || sources.kube_proxy.is_some();
    if !component && !Kind::ALL.into_iter().any(|kind| sources.has(kind)) {
        let error = ConfigError::document("no InitConfiguration or ClusterConfiguration in the file");
        told.missing(error.hint("its kinds are of kubeadm.k8s.io/v1beta4"));
    }
    if !told.errors.is_empty() {
        return Whole::default();
    }
    let mut whole = Whole::default();
    let cluster_given = sources.has(Kind::Init) || sources.has(Kind::Cluster);
    if cluster_given || component {
        let flags = InitFlags::default();
        let loaded = load::init_from(&sources, init.clone(), cluster, &flags, machine, told);
        // A component's configuration alone is checked beside the defaults of a cluster.
        whole.init = loaded.filter(|_| cluster_given).map(|loaded| (loaded, init));
    }
    // Faults of one document must not hide those of the next.
    let mut found = std::mem::take(&mut told.errors);
    if sources.has(Kind::Join) {
        let default = || versions::facts_for(&versions::default_version()).ok();
        let facts = whole.init.as_ref().map(|(init, _)| init.facts.clone()).or_else(default);
        let converted = facts.and_then(|facts| load::join_from(&sources, join.clone(), &facts, machine, told));
        whole.join = converted.map(|converted| (converted, join));
        found.append(&mut told.errors);
    }
    if sources.has(Kind::Reset) {
        let converted = load::reset_from(&sources, reset.clone(), machine, told);
        whole.reset = converted.map(|converted| (converted, reset));
        found.append(&mut told.errors);
    }
    if sources.has(Kind::Upgrade) {
        let converted = load::upgrade_from(&sources, upgrade.clone(), told);
        whole.upgrade = converted.map(|converted| (converted, upgrade));
        found.append(&mut told.errors);
    }
    told.errors = found;
    whole
}

/// Splits a file into its documents.
pub(crate) fn documents(bytes: &[u8], told: &mut Told) -> Vec<Document> {
    yaml::documents(bytes).unwrap_or_else(|error| {
        told.errors.push(error);
        Vec::new()
    })
}

#[cfg(test)]
mod tests;
