//! The commands that run no phases.

pub mod completion;
pub mod config;
pub mod kubeconfig;
pub mod version;

use kubewright_config::{Init, InitFlags, Warning};
use kubewright_engine::{Failure, FailureKind};
use kubewright_phases::random;

use crate::backends::{Machine, host_facts};
use crate::exit::Exit;
use crate::given::read_config;
use crate::render::warn;

/// Does something that needs the machine.
fn on_machine<F: Future<Output = Result<(), Exit>>>(work: impl FnOnce(Machine) -> F) -> Result<(), Exit> {
    kubewright_cluster::install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Exit::of)?;
    runtime.block_on(work(Machine::live()))
}

/// Loads what `init` would run with, from a file or from flags, and tells its warnings.
async fn load_init(machine: &Machine, config: Option<&str>, flags: InitFlags) -> Result<Init, Exit> {
    let facts = host_facts(&machine.backends).await;
    let file = config.map(|path| read_config(path).map(|bytes| (path, bytes))).transpose()?;
    let given = file.as_ref().map(|(path, bytes)| (*path, bytes.as_slice()));
    let (loaded, warnings) = kubewright_config::load_init(given, &flags, &facts, &mut random::fill).map_err(invalid)?;
    tell(&warnings);
    Ok(loaded)
}

fn tell(warnings: &[Warning]) {
    warnings.iter().for_each(|warning| warn(&warning.to_string()));
}

fn invalid(errors: kubewright_config::ConfigErrors) -> Exit {
    Exit::from(Failure::from(errors).kind(FailureKind::Validation))
}
