//! Inputs that tests share.
