//! Where the journal and the lock are: beside the node's other state, or with the user where there is no root.

use kubewright_host::Root;

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
