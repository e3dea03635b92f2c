//! Laws that every phase keeps, whatever it does; a new phase is under them as soon as its file is there. Files are real,
//! in a temporary directory; the cluster, the init system and the container runtime are made up.

pub mod case;
pub mod end_state;
mod external_ca;
pub mod joining;
pub mod machine;
pub mod renewing;
pub mod snapshot;

mod alone;
mod dry_run;
mod fail;
mod faults;
mod kill;
mod order;
mod reset;
mod restoring;
mod rootless;
mod secret;
mod stop;
mod twice;
mod upgrades;
mod upgrading;
