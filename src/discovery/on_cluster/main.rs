//! Discovery against a real API server whose controller manager signs, alone in a network of their own.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests start programs, and may stop at the first surprise"
)]

mod cluster;
mod control_plane;
