//! Where the journal and the lock are: beside the node's other state, or with the user where there is no root.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use kubewright_engine::replay::{Roll, replay};
use kubewright_host::{Root, STATE_DIR};

use crate::backends::Machine;
use crate::env_vars;

/// The tree whose state directory is used. `init phase certs --cert-dir …` needs no root, and then neither do these.
pub fn root(machine: &Machine) -> Root {
    root_of(machine.backends.probe.effective_uid() == 0, &machine.root)
}

/// The same for who knows whether it is root and has no machine.
pub fn root_of(is_root: bool, machine: &Root) -> Root {
    if is_root {
        return machine.clone();
    }
    Root::at(env_vars::user_state().unwrap_or_else(|| "/tmp".into()).join("kubewright"))
}

/// Files that a killed run had promised and that recovery will put into their places, with where they wait: whoever looks
/// before recovery must not take them for absent. Empty where journals cannot be read, which the run itself will tell.
pub fn promised(machine: &Machine, workflow: &str) -> BTreeMap<Utf8PathBuf, Utf8PathBuf> {
    let history = replay(&root(machine).place(STATE_DIR.into()), workflow).unwrap_or_default();
    let unfinished = history.newest.into_iter().flat_map(|newest| newest.unfinished);
    let forward = unfinished.filter(|unfinished| unfinished.roll == Roll::Forward);
    forward.flat_map(|unfinished| unfinished.files).filter_map(|file| Some((file.path, file.staged?))).collect()
}
