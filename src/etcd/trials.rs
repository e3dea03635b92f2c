//! Against the real etcd, several on one machine, each at a loopback address of its own, with certificates of our own
//! making; and, where it must be exact, against the fake one.

mod contract;
mod fake;
mod fault_proxy;
mod faults;
mod joining;
mod leaving;
mod site;
mod snapshot;
