//! Where the journal and the lock are: beside the node's other state, or with the user where there is no root.

use camino::Utf8PathBuf;
use kubewright_host::Root;

use crate::backends::Machine;

/// The tree whose state directory is used. `init phase certs --cert-dir …` needs no root, and then neither do these.
pub fn root(machine: &Machine) -> Root {
    if machine.backends.probe.effective_uid() == 0 {
        return machine.root.clone();
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| value.starts_with('/'));
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| format!("{home}/.local/state")));
    Root::at(Utf8PathBuf::from(state.unwrap_or_else(|| "/tmp".into())).join("kubewright"))
}
