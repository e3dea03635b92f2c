//! Keys and moments that tests share.
