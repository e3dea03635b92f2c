//! In-process joins against a made-up cluster.
