//! `--vmodule` and what levels show.

use super::{Modules, fits};

#[test]
fn patterns_name_files() {
    for (pattern, name, wanted) in [
        ("kube", "kube", true),
        ("kube", "kubelet", false),
        ("kube*", "kubelet", true),
        ("*", "", true),
        ("?ube", "kube", true),
        ("?ube", "ube", false),
        ("k*e*t", "kubelet", true),
    ] {
        assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
    }
}

#[test]
fn settings_are_a_pattern_and_a_number() {
    let modules = "kube=6,serv*=2,".parse::<Modules>();
    assert_eq!(modules, Ok(Modules(vec![("kube".into(), 6), ("serv*".into(), 2)])));
    assert!(["kube", "kube=", "=3", "kube=many"].iter().all(|text| text.parse::<Modules>().is_err()));
}
