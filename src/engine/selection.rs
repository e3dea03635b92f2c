//! What of a workflow one run is about; the journal keeps it.

use serde::{Deserialize, Serialize};

/// Which phases the user wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Only these phases and groups; empty for all.
    pub only: Vec<String>,
    /// Not these phases and groups.
    pub skip: Vec<String>,
}
