//! The internal form back to the documents of v1beta4, with every default in its place, as kubeadm writes them.

mod cluster;
mod init;
mod join;
pub(crate) mod old;
mod reset;
mod upgrade;

use serde_json::Value;

use crate::facts::ApiVersion;
use crate::yaml;

pub(crate) use cluster::cluster;
pub(crate) use init::init;
pub(crate) use join::join;
pub(crate) use reset::reset;
pub(crate) use upgrade::upgrade;

/// Writes a document with its apiVersion and kind.
pub(crate) fn document(mut value: Value, api: ApiVersion, kind: &str) -> String {
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".to_owned(), api.group_version().into());
        map.insert("kind".to_owned(), kind.into());
    }
    yaml::to_string(&value)
}
