//! The commands that run no phases.

pub mod certs;
pub mod completion;
pub mod config;
pub mod kubeconfig;
pub mod status;
pub mod token;
pub mod upgrade;
pub mod version;

use kubewright_config::{Init, InitFlags};
use kubewright_phases::random;

use crate::backends::{Machine, host_facts, on_machine};
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::render::warn_of;

/// Loads what `init` would run with, from a file or from flags, and tells its warnings.
fn load_init(machine: &Machine, config: Option<&str>, flags: InitFlags) -> Result<Init, Exit> {
    let file = GivenConfig::read(config)?;
    let facts = host_facts(&machine.backends);
    let (loaded, warnings) = kubewright_config::load_init(file.document(), &flags, &facts, &mut random::fill)?;
    warn_of(&warnings);
    Ok(loaded)
}
