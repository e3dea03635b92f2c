//! Leaving etcd, as far as laws and nodes do not show it.
