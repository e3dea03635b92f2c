//! Which copy is being put back, so that who dies goes on with the same.

use kubewright_engine::stamp;
use kubewright_node::PutBack;
use serde::{Deserialize, Serialize};

use super::RestoreOptions;
use crate::etcd_pod::EtcdPod;
use crate::prelude::*;

/// Where it is written.
const RECORD: &str = "/var/lib/kubewright/restore.json";

/// One run of `etcd restore`, over all its deaths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restore {
    /// When it began; the new data carries it.
    pub name: String,
    /// The copy.
    pub snapshot: Utf8PathBuf,
    /// The digest at the copy's end: another copy at the same path is another one.
    pub digest: String,
    /// etcd's data directory.
    pub data_dir: Utf8PathBuf,
    /// etcd and the others have served with it.
    pub served: bool,
}

impl Restore {
    /// The one that is under way with this copy, or a new one. A copy that is put back for the second time is a new one.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn of(
        snapshot: &Utf8Path,
        digest: String,
        pod: &EtcdPod,
        files: &Files,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let newest = read(files.read(RECORD.into())?)?;
        let same = |old: &Self| {
            !old.served && old.snapshot == snapshot && old.digest == digest && old.data_dir == pod.data_dir
        };
        Ok(newest.filter(same).unwrap_or_else(|| Self {
            name: stamp(clock.now()),
            snapshot: snapshot.to_owned(),
            digest,
            data_dir: pod.data_dir.clone(),
            served: false,
        }))
    }

    /// Writes it down.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, files: &Files) -> Result<(), Failure> {
        files.ensure_dir("/var/lib/kubewright".into(), paths::SECRET_DIR)?;
        let text = serde_json::to_string_pretty(self)?;
        files.write(RECORD.into(), &Contents::public(text), paths::SECRET_FILE)?;
        files.publish()
    }

    /// Its copy on the way back.
    pub fn back(&self) -> PutBack {
        PutBack { data_dir: self.data_dir.clone(), name: self.name.clone() }
    }
}

fn read(contents: Option<Contents>) -> Result<Option<Restore>, Failure> {
    let Some(contents) = contents else { return Ok(None) };
    let record = serde_json::from_slice(contents.as_bytes()).context(format!("cannot read `{RECORD}`"));
    record.map(Some).hint(format!("move {RECORD} away to begin anew"))
}

impl Value for Restore {
    const NAME: &'static str = "restore";
}

impl Artifact<Node> for Restore {
    async fn load(view: &View, seeds: &Seeds) -> Result<Option<Self>, Failure> {
        let Some(options) = seeds.get::<RestoreOptions>() else { return Ok(None) };
        let record = read(view.read(RECORD.into())?)?;
        Ok(record.filter(|record| !record.served && record.snapshot == options.snapshot))
    }
}
