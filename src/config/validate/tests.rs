use super::registry::is_image_repository;
use super::*;

type Args<'a> = &'a [(&'a str, &'a str)];

#[test]
fn knows_registries() {
    for text in
        ["registry.k8s.io", "localhost:5000", "example.com/a/b-c_d.e", "[fd00::1]:5000/x", "a--b/c__d", "Example.com/x"]
    {
        assert!(is_image_repository(text), "{text}");
    }
    for text in ["", "a//b", "a/", "https://a", "a/B", "a b", "-a", "a:b/c", "a/b:5000", "a/b._c"] {
        assert!(!is_image_repository(text), "{text}");
    }
}

fn faults(services: &str, pods: &str, args: Args<'_>) -> Vec<String> {
    let networking = v1beta4::Networking {
        service_subnet: services.into(),
        pod_subnet: pods.into(),
        dns_domain: "cluster.local".into(),
    };
    let arg = |(name, value): &(&str, &str)| v1beta4::Arg { name: (*name).into(), value: (*value).into() };
    let mut check = Check::new(None);
    check.networking(&networking, &args.iter().map(arg).collect::<Vec<_>>());
    check.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn subnets_fit_their_purpose() {
    let good: [(&str, &str, Args<'_>); 7] = [
        ("10.96.0.0/12", "", &[]),
        ("10.96.0.0/28", "10.244.0.0/16", &[]),
        ("fd01::/108", "fd02::/48", &[]),
        ("fd01::/112,10.96.0.0/16", "fd02::/48,10.244.0.0/16", &[]),
        ("10.96.0.0/12", "10.0.0.0/8", &[]),
        ("10.96.0.0/12", "10.244.0.0/25", &[("node-cidr-mask-size-ipv4", "26")]),
        ("10.96.0.0/12", "10.0.0.0/28", &[("allocate-node-cidrs", "false")]),
    ];
    for (services, pods, args) in good {
        assert_eq!(faults(services, pods, args), Vec::<String>::new(), "{services} {pods}");
    }
    let bad: [(&str, &str, Args<'_>, &str); 8] = [
        ("10.96.0.0/8", "", &[], "too large"),
        ("fd01::/64", "", &[], "too large"),
        ("10.96.0.0/29", "", &[], "10 are needed"),
        ("10.96.0.0/12", "10.244.0.0/25", &[], "smaller than that of one node"),
        ("10.96.0.0/12", "10.244.0.0/7", &[], "more than 16 bits"),
        ("10.96.0.0/12", "10.0.0.0/29", &[("allocate-node-cidrs", "false")], "14 are needed"),
        ("10.96.0.0/12", "10.0.0.0/16", &[("node-cidr-mask-size-ipv4", "x")], "no mask for this subnet"),
        ("", "", &[], "not a subnet"),
    ];
    for (services, pods, args, reason) in bad {
        let found = faults(services, pods, args);
        assert!(found.len() == 1 && found[0].contains(reason), "{services} {pods}: {found:?}");
    }
}
