use proptest::prelude::*;

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

/// One rule that reads text.
type Rule = fn(&mut Check<'_>, &str);

const TEXT_RULES: [(&str, Rule); 12] = [
    ("names", |check, text| check.dns_subdomain("f", text)),
    ("certificate names", |check, text| check.sans("f", &[text.to_owned()])),
    ("registries", |check, text| check.image_repository("f", text)),
    ("tags", |check, text| check.image_tag("f", text)),
    ("paths", |check, text| drop(check.absolute_path("f", text))),
    ("endpoints", |check, text| drop(check.endpoint("f", text, Some(6443)))),
    ("URLs", |check, text| check.urls("f", &[text.to_owned()], true)),
    ("words", |check, text| check.one_of("f", text, &["a", "b"])),
    ("arguments", |check, text| {
        check.args("f", vec![v1beta4::Arg { name: text.into(), value: String::new() }]);
    }),
    ("variables", |check, text| {
        check.envs("f", vec![v1beta4::EnvVar { name: text.into(), ..Default::default() }]);
    }),
    ("taints", |check, text| {
        let taint =
            v1beta4::Taint { key: text.into(), value: text.into(), effect: "NoSchedule".into(), time_added: None };
        check.taints("f", vec![taint]);
    }),
    ("volumes", |check, text| {
        let path = format!("/{text}");
        let volume = v1beta4::HostPathMount {
            name: text.into(),
            host_path: path.clone(),
            mount_path: path,
            ..Default::default()
        };
        check.volumes("f", vec![volume]);
    }),
];

proptest! {
    #[test]
    fn every_fault_of_any_text_has_a_field_and_a_fix(text in "\\PC{0,60}|[a-zA-Z0-9._:/@*-]{0,60}") {
        for (rule, run) in TEXT_RULES {
            let mut check = Check::new(None);
            run(&mut check, &text);
            for error in &check.errors {
                prop_assert!(error.field.starts_with('f') && error.hint.is_some(), "{rule}: {error}");
            }
        }
    }

    #[test]
    fn a_proposed_name_is_valid(text in "\\PC{0,60}") {
        if let Some(fix) = super::name::similar(&text) {
            let name = fix.trim_start_matches("write `").trim_end_matches('`').to_owned();
            let mut check = Check::new(None);
            check.dns_subdomain("f", &name);
            prop_assert!(check.errors.is_empty(), "{name}");
        }
    }

    #[test]
    fn any_subnets_are_taken_or_refused(
        services in "[0-9]{1,3}\\.[0-9]{1,3}\\.0\\.0/[0-9]{1,2}(,fd00:[0-9a-f]{1,4}::/[0-9]{1,3})?",
        pods in "([0-9]{1,3}\\.[0-9]{1,3}\\.0\\.0/[0-9]{1,2}|[0-9a-f:]{1,12}::/[0-9]{1,3})?",
        mask in "[0-9]{0,3}",
    ) {
        let found = faults(&services, &pods, &[("node-cidr-mask-size-ipv4", &mask), ("node-cidr-mask-size-ipv6", &mask)]);
        prop_assert!(found.iter().all(|fault| fault.starts_with("networking.")), "{found:?}");
    }
}
