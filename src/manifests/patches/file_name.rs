//! What the name of a patch file says: `target[suffix][+type].extension`.

use super::{PatchType, Target};

/// What a file is by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A patch.
    Patch(Target, PatchType),
    /// A patch of unknown type.
    WrongType,
    /// Anything else, and why.
    Other(String),
}

/// Reads a name, without directories.
pub(super) fn read(name: &str, targets: &[Target]) -> Name {
    let stem = EXTENSIONS.iter().find_map(|extension| name.strip_suffix(extension)?.strip_suffix('.'));
    // kubeadm wants something on the same line before the dot.
    if stem.and_then(|stem| stem.chars().next_back()).is_none_or(|last| last == '\n') {
        return Name::Other(format!("the file extension must be one of [{}]", EXTENSIONS.join(" ")));
    }
    let Some((target, rest)) = targets.iter().find_map(|target| Some((*target, name.strip_prefix(target.name())?)))
    else {
        let known: Vec<&str> = targets.iter().map(|target| target.name()).collect();
        return Name::Other(format!("unknown target, must be one of [{}]", known.join(" ")));
    };
    // The suffix ends at the first of these; only a `+` there begins a type, and what follows the type does not count.
    match rest.find(['.', '+', '\n']).map(|end| &rest[end..]).and_then(|rest| rest.strip_prefix('+')) {
        None => Name::Patch(target, PatchType::Strategic),
        Some(rest) => match TYPES.into_iter().find(|kind| rest.starts_with(kind.name())) {
            Some(kind) => Name::Patch(target, kind),
            None => Name::WrongType,
        },
    }
}

const EXTENSIONS: [&str; 2] = ["json", "yaml"];
const TYPES: [PatchType; 3] = [PatchType::Json, PatchType::Merge, PatchType::Strategic];
