#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const OURS: &str = ".:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
";

fn with(old: &str, new: &str) -> String {
    assert!(OURS.contains(old));
    OURS.replace(old, new)
}

#[test]
fn what_nobody_changed_is_replaced() {
    assert!(is_default(OURS) && is_default(&with("cluster.local", "example.org")));
    assert!(is_default(&with("    loop\n    reload\n", "    reload\n    loop\n")));
    for changed in [
        with("cache 30", "cache 31"),
        with("    loop\n", ""),
        with("ttl 30", "ttl 31"),
        with(".:53", ".:54"),
        format!("{OURS}example.org {{\n    forward . 192.0.2.1\n}}\n"),
    ] {
        assert!(!is_default(&changed), "{changed}");
        assert_eq!(decide(&changed, "1.7.0", "v1.8.0").unwrap(), Decision::Retain);
    }
    for text in [OURS, "", " \n"] {
        // Also where the installed release is unknown.
        assert_eq!(decide(text, "custom", "v1.8.0").unwrap(), Decision::Replace);
    }
}

#[test]
fn options_that_the_new_release_lacks_are_moved_or_removed() {
    let old = with(
        "       ttl 30\n",
        "       ttl 30\n       upstream\n       transfer to 192.0.2.1 \"a b\"\n       endpoint http://a http://b\n",
    );
    let Decision::Migrate(new) = decide(&old, "1.7.0", "v1.14.2").unwrap() else { panic!("it is kept") };
    assert_eq!(
        new,
        ".:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
        endpoint http://a
    }
    prometheus :9153
    forward . /etc/resolv.conf {
        max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
    transfer cluster.local {
        to 192.0.2.1 \"a b\"
    }
}
"
    );
    assert_eq!(decide(&new, "v1.14.2", "v1.14.6").unwrap(), Decision::Retain);
    // Where the option was gone before, it does no harm now.
    assert_eq!(decide(&old, "1.8.0", "v1.14.2").unwrap(), Decision::Retain);
    // Between 1.7.1 and 1.8.0 it is only moved.
    let Decision::Migrate(new) = decide(&old, "1.7.1", "v1.8.0").unwrap() else { panic!("it is kept") };
    assert!(new.contains("upstream") && !new.contains("transfer to") && new.contains("transfer cluster.local {"));
}

#[test]
fn a_release_that_nobody_knows_is_told() {
    let mine = with("cache 30", "cache 31");
    for (from, to, words) in [
        ("custom", "v1.8.0", "start version 'custom' not supported"),
        ("1.6.9", "v1.8.0", "start version '1.6.9' not supported"),
        ("v1.9.3", "v1.8.0", "cannot migrate up to '1.8.0' from '1.9.3'"),
        ("v1.9.3", "v2.0.0", "cannot migrate up to '2.0.0' from '1.9.3'"),
    ] {
        assert_eq!(decide(&mine, from, to).unwrap_err().to_string(), words);
        assert_eq!(unsupported(&mine, from, to).unwrap_err().to_string(), words);
    }
    assert_eq!(decide(&mine, "", "v1.8.0").unwrap(), Decision::Retain);
    assert_eq!(decide(&mine, "custom", "custom").unwrap(), Decision::Retain);
}

#[test]
fn what_nobody_knows_how_to_migrate_is_named() {
    assert_eq!(unsupported(OURS, "1.7.0", "v1.14.2").unwrap(), Vec::<String>::new());
    let strange = with("    loop\n", "    dnssec\n    hosts {\n        192.0.2.1 a\n        odd\n    }\n");
    assert_eq!(
        unsupported(&strange, "v1.13.2", "v1.14.0").unwrap(),
        [
            "Plugin \"dnssec\" is unsupported by this migration tool in 1.14.0.",
            "Option \"odd\" in plugin \"hosts\" is unsupported by this migration tool in 1.14.0.",
        ]
    );
    // An option is told of in each release before it exists.
    let early = with("cache 30", "cache 30 {\n        serve_stale\n    }");
    assert_eq!(unsupported(&early, "v1.9.2", "v1.9.4").unwrap().len(), 1);
    assert_eq!(unsupported(&early, "v1.9.4", "v1.14.2").unwrap().len(), 0);
}

#[test]
fn the_table_of_versions_knows_no_other_release() {
    for minor in kubewright_config::known_minors() {
        let newest = kubewright_config::newest_release(minor).unwrap();
        for patch in 0..=newest.patch() {
            let version = kubewright_config::KubernetesVersion::new(1, minor, patch);
            let tag = kubewright_config::facts_for(&version).unwrap().images.coredns.clone();
            assert!(place(bare(&tag)).is_some(), "{version} has CoreDNS {tag}");
        }
    }
}

proptest! {
    /// Whatever is migrated needs no further migration, and is read as it is written.
    #[test]
    fn is_done_after_one_migration(lines in proptest::collection::vec(
        prop_oneof![
            Just("upstream"), Just("transfer to *"), Just("transfer"), Just("resyncperiod 5m"), Just("ttl 5"), Just("endpoint a b"),
        ], 0..6), from in 0..RELEASES.len() - 1, steps in 1..RELEASES.len()) {
        let to = RELEASES[(from + steps).min(RELEASES.len() - 1)];
        let text = format!("a {{\nkubernetes z {{\n{}\n}}\n}}\n", lines.join("\n"));
        if let Decision::Migrate(new) = decide(&text, RELEASES[from], to).unwrap() {
            prop_assert_eq!(decide(&new, RELEASES[from], to).unwrap(), Decision::Retain, "{}", new);
            prop_assert_eq!(Corefile::parse(&new).unwrap().to_string(), new);
        }
    }

    #[test]
    fn never_panics(text in "[a-z.{}\"\\\\# \n]{0,60}") {
        let _ = (decide(&text, "1.7.0", "v1.14.2"), unsupported(&text, "1.7.0", "v1.14.2"), is_default(&text));
    }
}
