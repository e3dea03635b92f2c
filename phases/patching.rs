//! Patches of the user as phases meet them: found in the directory of `--patches`, told as kubeadm tells them.

use camino::{Utf8Path, Utf8PathBuf};
use kubewright_config::{InitConfiguration, VersionFacts};
use kubewright_engine::{Failure, FailureKind, Report};
use kubewright_manifests::StaticPod;
use kubewright_manifests::patches::{PatchError, PatchType, Patched, Patches, Target};
use kubewright_node::{Entry, Probe, ProbeBackend};
use serde_json::Value as Json;

/// Patches a static pod.
///
/// # Errors
/// The directory of patches is none, or holds a patch that cannot be one; or a patch does not fit, or leaves no usable pod of this name.
pub fn patch_pod(
    pod: StaticPod,
    init: &InitConfiguration,
    facts: &VersionFacts,
    probe: &Probe,
    report: &Report,
) -> Result<StaticPod, Failure> {
    let Some(target) = Target::of_pod(pod.name) else { return Ok(pod) };
    let patches = read_patches(init, facts, probe, report)?;
    Ok(told(patches.apply_to_pod(pod).map_err(unfit)?, target, report))
}

/// Patches a static pod, and says nothing: for looking.
///
/// # Errors
/// As [`patch_pod`].
pub fn patch_pod_silently(
    pod: StaticPod,
    init: &InitConfiguration,
    facts: &VersionFacts,
    probe: &dyn ProbeBackend,
) -> Result<StaticPod, Failure> {
    let (Some(directory), Some(_)) = (&init.patches_directory, Target::of_pod(pod.name)) else { return Ok(pod) };
    let patches = read_directory(directory, &Target::all_of(facts), probe)?;
    Ok(patches.apply_to_pod(pod).map_err(unfit)?.value)
}

/// Patches anything that is an object.
///
/// # Errors
/// As [`patch_pod`].
pub fn patch_object(
    target: Target,
    object: Json,
    init: &InitConfiguration,
    facts: &VersionFacts,
    probe: &Probe,
    report: &Report,
) -> Result<Json, Failure> {
    if !Target::all_of(facts).contains(&target) {
        return Ok(object);
    }
    let patches = read_patches(init, facts, probe, report)?;
    Ok(told(patches.apply(target, object).map_err(unfit)?, target, report))
}

/// Patches anything that is an object, and says nothing: for data that goes to standard output.
///
/// # Errors
/// As [`patch_pod`].
pub fn patch_printed(
    target: Target,
    object: Json,
    init: &InitConfiguration,
    facts: &VersionFacts,
    probe: &dyn ProbeBackend,
) -> Result<Json, Failure> {
    let (Some(directory), true) = (&init.patches_directory, Target::all_of(facts).contains(&target)) else {
        return Ok(object);
    };
    let patches = read_directory(directory, &Target::all_of(facts), probe)?;
    Ok(patches.apply(target, object).map_err(unfit)?.value)
}

/// Finds the user's patches; none if no directory was given.
///
/// Every phase that patches something reads the directory, since each can run alone; the first one tells what is in it.
fn read_patches(
    init: &InitConfiguration,
    facts: &VersionFacts,
    probe: &Probe,
    report: &Report,
) -> Result<Patches, Failure> {
    let Some(directory) = &init.patches_directory else { return Ok(Patches::default()) };
    read_and_tell(directory, &Target::all_of(facts), &**probe, report)
}

fn read_and_tell(
    directory: &Utf8Path,
    targets: &[Target],
    probe: &dyn ProbeBackend,
    report: &Report,
) -> Result<Patches, Failure> {
    if !report.first(TAG) {
        return read_directory(directory, targets, probe);
    }
    report.note(TAG, format!("Reading patches from path \"{directory}\""));
    let patches = read_directory(directory, targets, probe)?;
    tell_found(&patches, report);
    Ok(patches)
}

/// Whether the user's patches can be read, for looking before anything is changed.
///
/// # Errors
/// The directory of patches is none, or holds a patch that cannot be one.
pub fn look(init: &InitConfiguration, facts: &VersionFacts, probe: &Probe) -> Result<(), Failure> {
    let Some(directory) = &init.patches_directory else { return Ok(()) };
    read_directory(directory, &Target::all_of(facts), &**probe).map(drop)
}

fn read_directory(directory: &Utf8Path, targets: &[Target], probe: &dyn ProbeBackend) -> Result<Patches, Failure> {
    let refuse = |why: String| Failure::new(why).kind(FailureKind::Validation).hint(NAME_ANOTHER);
    // As kubeadm, which looks at the path itself: who may replace a link could choose what is patched.
    match probe.entry(directory) {
        Some(Entry::Directory) => {}
        Some(_) => return Err(refuse(format!("cannot read patches from `{directory}`: it is not a directory"))),
        None => return Err(refuse(format!("cannot read patches from `{directory}`: there is no such directory"))),
    }
    let mut paths = Vec::new();
    walk(directory, probe, &mut paths)?;
    Patches::parse(paths, targets, |path| {
        // What was not UTF-8 came as the replacement character, which no patch can mean.
        probe.read(path).filter(|text| !text.contains(char::REPLACEMENT_CHARACTER)).map(String::into_bytes)
    })
    .map_err(unfit)
}

fn tell_found(patches: &Patches, report: &Report) {
    let list = |paths: Vec<&Utf8Path>| paths.iter().filter_map(|path| path.file_name()).collect::<Vec<_>>().join(" ");
    for ignored in patches.ignored() {
        let name = ignored.path.file_name().unwrap_or_default();
        report.note(
            TAG,
            match &ignored.reason {
                Some(reason) => format!("Ignoring file \"{name}\": {reason}"),
                None => format!("Ignoring empty file: \"{name}\""),
            },
        );
    }
    let found: Vec<&Utf8Path> = patches.files().collect();
    if !found.is_empty() {
        report.note(TAG, format!("Found the following patch files: [{}]", list(found)));
    }
    if !patches.ignored().is_empty() {
        let names = patches.ignored().iter().map(|ignored| ignored.path.as_path()).collect();
        report.note(TAG, format!("Ignored the following files: [{}]", list(names)));
    }
}

fn unfit(error: PatchError) -> Failure {
    Failure::from(error).kind(FailureKind::Validation).hint("correct the patch, then run the same command again")
}

/// Tells what was applied, and takes it.
fn told<T>(patched: Patched<T>, target: Target, report: &Report) -> T {
    patched.applied.into_iter().for_each(|kind| tell_applied(kind, target, report));
    patched.value
}

/// Tells of one patch, in kubeadm's words.
pub fn tell_applied(kind: PatchType, target: Target, report: &Report) {
    report.note(TAG, format!("Applied patch of type \"{}\" to target \"{target}\"", kind.media_type()));
}

/// Lists files in the order of their names, those of a directory in its place. Links to directories are not followed.
fn walk(directory: &Utf8Path, probe: &dyn ProbeBackend, paths: &mut Vec<Utf8PathBuf>) -> Result<(), Failure> {
    let names = probe.list(directory);
    let unlistable = || Failure::new(format!("cannot list the directory of patches `{directory}`")).hint(NAME_ANOTHER);
    for name in names.ok_or_else(unlistable)? {
        let path = directory.join(name);
        match probe.entry(&path) {
            Some(Entry::Directory) => walk(&path, probe, paths)?,
            _ => paths.push(path),
        }
        if paths.len() > MAX_FILES {
            let why =
                format!("`{directory}` is no directory of patches: more than {MAX_FILES} files are in and before it");
            return Err(Failure::new(why).kind(FailureKind::Validation).hint(NAME_ANOTHER));
        }
    }
    Ok(())
}

const TAG: &str = "patches";
const NAME_ANOTHER: &str = "name a directory that holds patches and can be read, with --patches or patches.directory";
/// Far more than anybody writes, and few enough to be listed before a mistaken `--patches /` tires the machine.
const MAX_FILES: usize = 10_000;

#[cfg(test)]
mod tests;
