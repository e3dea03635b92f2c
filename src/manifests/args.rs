//! Command lines: sorted defaults, and the user's flags in place of those they name.

use std::collections::BTreeSet;

use kubewright_config::facts::UserArgOrder;
use kubewright_config::model::Arg;

/// Returns `--name=value` for the defaults without any that the user names, and for all of the user's flags.
///
/// One flag of the user drops every default of its name. Names that the user repeats stay repeated.
pub(crate) fn merge(mut defaults: Vec<Arg>, user: &[Arg], order: UserArgOrder) -> Vec<String> {
    let named: BTreeSet<&str> = user.iter().map(|arg| arg.name.as_str()).collect();
    defaults.retain(|arg| !named.contains(arg.name.as_str()));
    defaults.sort();
    defaults.extend_from_slice(user);
    if order == UserArgOrder::Sorted {
        defaults.sort();
    }
    defaults.iter().map(|arg| format!("--{}={}", arg.name, arg.value)).collect()
}

/// Tells whether the user gave a flag.
pub(crate) fn has(args: &[Arg], name: &str) -> bool {
    args.iter().any(|arg| arg.name == name)
}

/// Returns the value that the user gave for a flag, the last one if it repeats.
pub(crate) fn value<'a>(args: &'a [Arg], name: &str) -> Option<&'a str> {
    args.iter().rev().find(|arg| arg.name == name).map(|arg| arg.value.as_str())
}

#[cfg(test)]
mod tests;
