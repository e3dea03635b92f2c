//! What a dry run would have written: in full, or as the difference to what is there. What is secret is withheld.

use std::fmt::Write as _;

use kubewright_config::yaml;
use kubewright_engine::Failure;
use kubewright_host::{DryChange, DryKind, Overlay};
use kubewright_node::dry_run::Sent;
use kubewright_node::{Contents, ObjectRef};
use serde_json::Value as Json;
use similar::TextDiff;

use crate::args::DryRun;
use crate::env_vars;
use crate::exit::Exit;
use crate::render::data;

/// What stands where a secret would.
const WITHHELD: &str = "<withheld>";
/// What stands for a secret that is not the one that is there now.
const ANOTHER: &str = "<withheld: another one>";
/// How many lines around a difference are shown, as in `diff -u`.
const AROUND: usize = 3;

/// Tells which files and objects would be there afterwards; writes the files out where the environment says so, as
/// kubeadm does.
pub fn tell(overlay: &Overlay, sent: &Sent, workflow: &str, how: DryRun) -> Result<(), Exit> {
    let mut text = String::new();
    let changes = overlay.changes().map_err(Exit::of)?;
    match how {
        DryRun::Diff => differences(&mut text, &changes, sent),
        DryRun::Whole | DryRun::No => whole(&mut text, &changes, sent),
    }
    .map_err(Failure::from)?;
    if let Some(directory) = env_vars::dry_run_directory(workflow) {
        overlay.write_to(&directory).map_err(Exit::of)?;
        writeln!(text, "[dryrun] The files were written to the directory \"{directory}\"").map_err(Exit::of)?;
    }
    data(&text);
    Ok(())
}

fn whole(out: &mut String, changes: &[DryChange], sent: &Sent) -> std::fmt::Result {
    for change in changes {
        let path = &change.path;
        match (change.kind, &change.contents) {
            (DryKind::Removed, _) => writeln!(out, "[dryrun] Would remove file \"{path}\"")?,
            (_, Some(Contents::Public(bytes))) if !secret(change) && !path.as_str().contains("/pki/") => {
                writeln!(out, "[dryrun] Would write file \"{path}\" with content:")?;
                for line in String::from_utf8_lossy(bytes).lines() {
                    writeln!(out, "\t{line}")?;
                }
            }
            (_, Some(_)) => writeln!(out, "[dryrun] Would write file \"{path}\" (mode {:o})", change.mode.0)?,
            (_, None) => {}
        }
    }
    for object in sent.objects() {
        applied(out, object)?;
    }
    for (name, patch) in sent.patches() {
        writeln!(out, "[dryrun] Would patch {name} with:")?;
        for line in yaml::to_string(&patch).lines() {
            writeln!(out, "\t{line}")?;
        }
    }
    Ok(())
}

fn applied(out: &mut String, object: Json) -> std::fmt::Result {
    let Some(name) = ObjectRef::of(&object) else { return Ok(()) };
    writeln!(out, "[dryrun] Would apply {name}:")?;
    yaml::to_string(&redacted(object)).lines().try_for_each(|line| writeln!(out, "\t{line}"))
}

/// Tells which object a command without phases would apply, without its secrets.
pub fn would_apply(object: &Json) -> Result<(), Exit> {
    let mut text = String::new();
    applied(&mut text, object.clone()).map_err(Exit::of)?;
    data(&text);
    Ok(())
}

/// Unified differences: of files to what is there, of objects to nothing, since a dry run asks no cluster.
fn differences(out: &mut String, changes: &[DryChange], sent: &Sent) -> std::fmt::Result {
    for change in changes {
        let path = &change.path;
        let (old, new) = shown(change);
        let (from, to) = match change.kind {
            DryKind::Added => ("/dev/null", path.as_str()),
            DryKind::Replaced => (path.as_str(), path.as_str()),
            DryKind::Removed => (path.as_str(), "/dev/null"),
        };
        match (&change.before, &change.contents) {
            (Some((_, before)), Some(_)) if *before != change.mode => {
                writeln!(out, "[dryrun] {path}: mode {:o}, now {:o}", change.mode.0, before.0)?;
            }
            (None, Some(_)) => writeln!(out, "[dryrun] {path}: new, mode {:o}", change.mode.0)?,
            _ => {}
        }
        unified(out, from, to, &old, &new)?;
    }
    for object in sent.objects() {
        let Some(name) = ObjectRef::of(&object) else { continue };
        unified(out, "/dev/null", &name.to_string(), "", &yaml::to_string(&redacted(object)))?;
    }
    for (name, patch) in sent.patches() {
        unified(out, &name.to_string(), &format!("{name} with this patch"), "", &yaml::to_string(&patch))?;
    }
    Ok(())
}

fn unified(out: &mut String, from: &str, to: &str, old: &str, new: &str) -> std::fmt::Result {
    if old == new {
        return Ok(());
    }
    let diff = TextDiff::from_lines(old, new);
    write!(out, "{}", diff.unified_diff().context_radius(AROUND).header(from, to))
}

/// Whether the file is a secret now, or would be one.
fn secret(change: &DryChange) -> bool {
    let before = change.before.as_ref().map(|(contents, _)| contents);
    before.into_iter().chain(&change.contents).any(|contents| !matches!(contents, Contents::Public(_)))
}

/// The file's text before and after, without secrets.
fn shown(change: &DryChange) -> (String, String) {
    let before = change.before.as_ref().map(|(contents, _)| contents);
    let after = change.contents.as_ref();
    if !secret(change) {
        let text = |contents: Option<&Contents>| contents.map(text).unwrap_or_default();
        return (text(before), text(after));
    }
    let old = before.map(|contents| kubeconfig(contents).ok_or(contents));
    let new = after.map(|contents| kubeconfig(contents).ok_or(contents));
    let known = match &old {
        Some(Ok(document)) => credentials(document).cloned().collect(),
        _ => Vec::new(),
    };
    // Only kubeconfigs have anything to show beside their secrets.
    let masked = |side: Option<Result<Json, &Contents>>, mask: &dyn Fn(&Json) -> &'static str, other: &str| match side {
        Some(Ok(document)) => yaml::to_string(&without_credentials(document, mask)),
        Some(Err(_)) => format!("{other}\n"),
        None => String::new(),
    };
    let differs = matches!((&old, &new), (Some(Err(old)), Some(Err(new))) if old.as_bytes() != new.as_bytes());
    let mark = |credential: &Json| if known.is_empty() || known.contains(credential) { WITHHELD } else { ANOTHER };
    (masked(old, &|_| WITHHELD, WITHHELD), masked(new, &mark, if differs { ANOTHER } else { WITHHELD }))
}

fn text(contents: &Contents) -> String {
    String::from_utf8_lossy(contents.as_bytes()).into_owned()
}

fn kubeconfig(contents: &Contents) -> Option<Json> {
    let document = yaml::document(contents.as_bytes()).ok()?.value().clone();
    document.get("users").and_then(Json::as_array)?;
    Some(document)
}

/// What a kubeconfig's users prove themselves with. All that is not known to be harmless counts: passwords, tokens, keys
/// and what plugins are given.
const HARMLESS: &[&str] = &["client-certificate", "client-certificate-data", "client-key", "tokenFile", "username"];

fn credentials(document: &Json) -> impl Iterator<Item = &Json> {
    let users = document.get("users").and_then(Json::as_array).into_iter().flatten();
    let fields = users.filter_map(|user| user.get("user")?.as_object()).flatten();
    fields.filter(|(name, _)| !HARMLESS.contains(&name.as_str())).map(|(_, value)| value)
}

fn without_credentials(mut document: Json, mask: &dyn Fn(&Json) -> &'static str) -> Json {
    let users = document.get_mut("users").and_then(Json::as_array_mut).into_iter().flatten();
    for (name, value) in users.filter_map(|user| user.get_mut("user")?.as_object_mut()).flatten() {
        if !HARMLESS.contains(&name.as_str()) {
            *value = mask(value).into();
        }
    }
    document
}

/// The object without what a Secret hides. Of a bootstrap token only its secret half is one: the rest says what the
/// token is for, and the other half is in the object's name.
fn redacted(mut object: Json) -> Json {
    if object.get("kind").and_then(Json::as_str) == Some("Secret") {
        let token = object.get("type").and_then(Json::as_str) == Some("bootstrap.kubernetes.io/token");
        for field in ["data", "stringData"] {
            let Some(data) = object.get_mut(field).and_then(Json::as_object_mut) else { continue };
            for (_, value) in data.iter_mut().filter(|(key, _)| !token || !PUBLIC_OF_A_TOKEN.contains(&key.as_str())) {
                *value = Json::from(WITHHELD);
            }
        }
    }
    object
}

const PUBLIC_OF_A_TOKEN: [&str; 6] = [
    "auth-extra-groups",
    "description",
    "expiration",
    "token-id",
    "usage-bootstrap-authentication",
    "usage-bootstrap-signing",
];

#[cfg(test)]
mod tests;
