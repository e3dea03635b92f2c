//! What a dry run would have written, in full where it is no secret.

use std::io::Write;

use kubewright_config::yaml;
use kubewright_engine::Failure;
use kubewright_host::{DryKind, Overlay};
use kubewright_node::dry_run::DryKube;
use kubewright_node::{Contents, ObjectRef};
use serde_json::Value as Json;

use crate::env_vars;
use crate::exit::Exit;
use crate::render::data;

/// Tells which files and objects would be there afterwards; writes the files out where the environment says so, as
/// kubeadm does.
pub fn tell(overlay: &Overlay, kube: &DryKube, workflow: &str) -> Result<(), Exit> {
    let mut text = Vec::new();
    print(&mut text, overlay, kube)?;
    if let Some(directory) = env_vars::dry_run_directory(workflow) {
        overlay.write_to(&directory).map_err(Exit::of)?;
        writeln!(text, "[dryrun] The files were written to the directory \"{directory}\"").map_err(Exit::of)?;
    }
    data(&String::from_utf8_lossy(&text));
    Ok(())
}

fn print(out: &mut dyn Write, overlay: &Overlay, kube: &DryKube) -> Result<(), Failure> {
    for change in overlay.changes()? {
        let path = &change.path;
        match (change.kind, &change.contents) {
            (DryKind::Removed, _) => writeln!(out, "[dryrun] Would remove file \"{path}\"")?,
            (_, Some(Contents::Public(bytes))) if !path.as_str().contains("/pki/") => {
                writeln!(out, "[dryrun] Would write file \"{path}\" with content:")?;
                for line in String::from_utf8_lossy(bytes).lines() {
                    writeln!(out, "\t{line}")?;
                }
            }
            (_, Some(_)) => writeln!(out, "[dryrun] Would write file \"{path}\" (mode {:o})", change.mode.0)?,
            (_, None) => {}
        }
    }
    for object in kube.objects() {
        let Some(name) = ObjectRef::of(&object) else { continue };
        writeln!(out, "[dryrun] Would apply {name}:")?;
        for line in yaml::to_string(&redacted(object)).lines() {
            writeln!(out, "\t{line}")?;
        }
    }
    Ok(())
}

/// The object without what a Secret hides.
fn redacted(mut object: Json) -> Json {
    if object.get("kind").and_then(Json::as_str) == Some("Secret") {
        for field in ["data", "stringData"] {
            if let Some(data) = object.get_mut(field).and_then(Json::as_object_mut) {
                data.values_mut().for_each(|value| *value = Json::from("<withheld>"));
            }
        }
    }
    object
}
