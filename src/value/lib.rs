//! The name of a value that is handed from phase to phase.
//!
//! It stands below `engine`, `config` and `pki` so that their types can be handed over without these crates knowing
//! each other.

/// A value that the configuration gives or a phase makes, and that other phases read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed from phase to phase",
    label = "not a named value",
    note = "name it: `impl Value for {Self} {{ const NAME: &'static str = \"…\"; }}`"
)]
pub trait Value: Send + Sync + Sized + 'static {
    /// Its name for graphs, errors and docs, such as `pki/ca`. Two types never share one.
    const NAME: &'static str;
}

impl Value for () {
    const NAME: &'static str = "nothing";
}
