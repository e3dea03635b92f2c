//! Every environment variable that is meant for the command line. Those that say something about the machine or about the
//! way to a server (`PATH`, proxies) are read by `host` and `cluster`.
#![expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]

use camino::Utf8PathBuf;

/// Where a dry run of a command also writes the files out: kubeadm's `KUBEADM_INIT_DRYRUN_DIR`, and the like for other
/// commands.
pub fn dry_run_directory(workflow: &str) -> Option<Utf8PathBuf> {
    read(&format!("KUBEADM_{}_DRYRUN_DIR", workflow.to_uppercase())).map(Into::into)
}

/// Whether KYAML is among the forms of output: kubectl's `KUBECTL_KYAML=false` takes it away, in kubeadm too.
pub fn kyaml() -> bool {
    read("KUBECTL_KYAML").as_deref() != Some("false")
}

/// The kubeconfig files that kubectl would look at: those of `KUBECONFIG`, else `.kube/config` in `HOME`.
pub fn kubeconfig_files() -> Vec<Utf8PathBuf> {
    match read("KUBECONFIG") {
        Some(list) => list.split(':').filter(|path| !path.is_empty()).map(Utf8PathBuf::from).collect(),
        None => read("HOME").map(|home| Utf8PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}

/// Where programs keep their state for a user: `XDG_STATE_HOME`, or `.local/state` in `HOME`. Only absolute paths count.
pub fn user_state() -> Option<Utf8PathBuf> {
    let absolute = |name| read(name).map(Utf8PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
}

/// `KUBEWRIGHT_FAULT`, for tests: which phase is to fail, such as `fail-before=certs/ca`. Debug builds only.
#[cfg(debug_assertions)]
pub fn fault() -> Option<String> {
    read("KUBEWRIGHT_FAULT")
}

/// `KUBEWRIGHT_KILL_AT`, for tests: where the process is to abort, such as `certs/ca:sealed`, or `certs/ca:scratch:2` when it
/// gets there for the second time; several places are separated by commas. Debug builds only.
#[cfg(debug_assertions)]
pub fn kill_at() -> Option<String> {
    read("KUBEWRIGHT_KILL_AT")
}

/// `KUBEWRIGHT_HOLD_AT`, for tests: where the run is to be held until a signal comes, such as `certs/ca:staged`; with `!`
/// before it the first signal does not end that. Debug builds only.
#[cfg(debug_assertions)]
pub fn hold_at() -> Option<String> {
    read("KUBEWRIGHT_HOLD_AT")
}

fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
