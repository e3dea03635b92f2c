//! Bad input: one clear error that names what is wrong and what to do, an exit code that is not 0, and nothing changed.

use super::program::{Home, Said};

/// One bad command line.
struct Bad {
    name: &'static str,
    /// `CONFIG` stands for the file below, `HOME` for the user's directory.
    arguments: &'static [&'static str],
    config: &'static str,
    /// What the error must say: where, what, and the fix.
    says: &'static [&'static str],
    /// What it must not repeat.
    hides: &'static [&'static str],
}

const NOTHING: Bad = Bad { name: "", arguments: &[], config: "", says: &[], hides: &[] };
const CERTS: &[&str] = &["init", "phase", "certs", "ca", "--config", "CONFIG", "--dry-run"];
const SECRET: &str = "0123456789ABCDEF";

const TABLE: &[Bad] = &[
    Bad { name: "half a command", arguments: &["init", "phase"], says: &["error: subcommand is required"], ..NOTHING },
    Bad { name: "unknown command", arguments: &["inti"], says: &["inti", "init"], ..NOTHING },
    Bad {
        name: "unknown flag",
        arguments: &["init", "--dry-run", "--pod-network-cdr", "10.0.0.0/8"],
        says: &["--pod-network-cdr", "--pod-network-cidr"],
        ..NOTHING
    },
    Bad {
        name: "flag of another phase",
        arguments: &["init", "phase", "certs", "ca", "--dry-run", "--token-ttl", "1h"],
        says: &["--token-ttl", "certs/ca"],
        ..NOTHING
    },
    Bad {
        name: "unknown phase",
        arguments: &["init", "phase", "certs", "apisever", "--dry-run"],
        says: &["apisever", "apiserver`?"],
        ..NOTHING
    },
    Bad {
        name: "unknown phase to skip",
        arguments: &["init", "--dry-run", "--skip-phases", "certs/apisever"],
        says: &["certs/apisever", "did you mean `certs/apiserver`"],
        ..NOTHING
    },
    Bad {
        name: "no such configuration file",
        arguments: &["init", "--dry-run", "--config", "HOME/nowhere.yaml"],
        says: &["nowhere.yaml", "No such file", "hint: name an existing, readable file with --config"],
        ..NOTHING
    },
    Bad {
        name: "a directory for a configuration file",
        arguments: &["init", "--dry-run", "--config", "HOME"],
        says: &["cannot read the configuration file", "hint:"],
        ..NOTHING
    },
    Bad {
        name: "malformed YAML",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  podSubnet: [10.0.0.0/8\n",
        says: &["bad.yaml:"],
        ..NOTHING
    },
    Bad {
        name: "tab in YAML",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n\tpodSubnet: 10.0.0.0/8\n",
        says: &["bad.yaml:4"],
        ..NOTHING
    },
    Bad { name: "an empty file", arguments: CERTS, config: "", says: &["bad.yaml", "ClusterConfiguration"], ..NOTHING },
    Bad {
        name: "wrong apiVersion",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta9\nkind: ClusterConfiguration\n",
        says: &["bad.yaml", "v1beta9", "v1beta4"],
        ..NOTHING
    },
    Bad {
        name: "unknown kind",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfig\n",
        says: &["bad.yaml", "ClusterConfig"],
        ..NOTHING
    },
    Bad {
        name: "wrong type",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint:\n  bindPort: many\n",
        says: &["bad.yaml:4", "bindPort"],
        ..NOTHING
    },
    Bad {
        name: "bad CIDR in the file",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  podSubnet: 10.300.0.0/16\n",
        says: &["bad.yaml:4", "networking.podSubnet", "10.300.0.0/16"],
        ..NOTHING
    },
    Bad {
        name: "bad CIDR in a flag",
        arguments: &["init", "--dry-run", "--pod-network-cidr", "10.0.0.0/99"],
        says: &["networking.podSubnet", "10.0.0.0/99", "--pod-network-cidr"],
        ..NOTHING
    },
    Bad {
        name: "bad address",
        arguments: &["init", "--dry-run", "--apiserver-advertise-address", "1.2.3"],
        says: &["advertiseAddress", "1.2.3", "--apiserver-advertise-address"],
        ..NOTHING
    },
    Bad {
        name: "bad version",
        arguments: &["init", "--dry-run", "--kubernetes-version", "one"],
        says: &["kubernetesVersion", "\"one\""],
        ..NOTHING
    },
    Bad {
        name: "a version that we know nothing of",
        arguments: &["init", "--dry-run", "--kubernetes-version", "v1.99.0"],
        says: &["kubernetesVersion", "1.99"],
        ..NOTHING
    },
    Bad {
        name: "bad token in a flag",
        arguments: &["init", "--dry-run", "--token", "abcdef.0123456789ABCDEF"],
        says: &["token", "[a-z0-9]{6}"],
        hides: &[SECRET],
        ..NOTHING
    },
    Bad {
        name: "bad token in the file",
        arguments: CERTS,
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens:\n- token: abcdef.0123456789ABCDEF\n",
        says: &["bad.yaml:4", "bootstrapTokens[0].token"],
        hides: &[SECRET],
    },
    Bad {
        name: "bad certificate key",
        arguments: &["init", "--dry-run", "--upload-certs", "--certificate-key", "0123456789ABCDEF"],
        says: &["certificateKey"],
        hides: &[SECRET],
        ..NOTHING
    },
    Bad {
        name: "file and flags",
        arguments: &["init", "--dry-run", "--config", "CONFIG", "--pod-network-cidr", "10.0.0.0/16"],
        config: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n",
        says: &["can not mix '--config' with arguments [pod-network-cidr]", "in the file"],
        ..NOTHING
    },
    Bad { name: "no jobs", arguments: &["init", "--dry-run", "--jobs", "0"], says: &["--jobs", "0"], ..NOTHING },
    Bad {
        name: "bad duration",
        arguments: &["init", "--dry-run", "--token-ttl", "soon"],
        says: &["--token-ttl", "soon"],
        ..NOTHING
    },
    Bad {
        name: "a kubeconfig that is not there",
        arguments: &["init", "phase", "addon", "coredns", "--dry-run", "--kubeconfig", "HOME/none.conf"],
        says: &["hint:"],
        ..NOTHING
    },
];

#[test]
fn every_bad_input_gives_one_clear_error() {
    let mut wrong = Vec::new();
    for bad in TABLE {
        let home = Home::new();
        let config = home.write("bad.yaml", bad.config);
        let before = home.tree();
        let given = |argument: &&str| argument.replace("CONFIG", config.as_str()).replace("HOME", home.path().as_str());
        let arguments: Vec<_> = bad.arguments.iter().map(given).collect();
        let said = home.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        if let Err(complaint) = judge(bad, &said) {
            wrong.push(format!("{}: {complaint}\n  {said:?}", bad.name));
        }
        if home.tree() != before {
            wrong.push(format!("{}: something was written", bad.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(bad: &Bad, said: &Said) -> Result<(), String> {
    if said.code != Some(1) {
        return Err(format!("it ends with {:?}", said.code));
    }
    for text in bad.says {
        if !said.err.contains(text) {
            return Err(format!("the error does not say `{text}`"));
        }
    }
    for text in bad.hides {
        if said.err.contains(text) || said.out.contains(text) {
            return Err(format!("it repeats `{text}`"));
        }
    }
    let errors = said.err.lines().filter(|line| line.starts_with("error:")).count();
    match errors {
        1 => Ok(()),
        _ => Err(format!("there are {errors} errors")),
    }
}

/// All faults of a file are told at once: nobody wants to meet them one by one.
#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let home = Home::new();
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  podSubnet: nowhere\n  serviceSubnet: 10.96.0.0/42\n";
    let config = home.write("bad.yaml", text);
    let said = home.run(&["init", "phase", "certs", "ca", "--dry-run", "--config", config.as_str()]);
    assert_eq!(said.code, Some(1));
    for place in ["bad.yaml:4: networking.podSubnet", "bad.yaml:5: networking.serviceSubnet"] {
        assert!(said.err.contains(place), "{place} is not in {}", said.err);
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let home = Home::new();
    let closed = home.closed("closed");
    let before = home.tree();
    let pki = closed.join("pki");
    let said = home.run(&["init", "phase", "certs", "ca", "--cert-dir", pki.as_str()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(pki.as_str()) && said.err.contains("Permission denied"), "{said:?}");
    assert_eq!(home.tree(), before);
}

#[test]
fn a_certificate_that_another_authority_signed_is_refused() {
    let home = Home::new();
    let directories = ["ours", "theirs"].map(|name| home.path().join(name));
    for directory in &directories {
        for phase in ["ca", "apiserver"] {
            let said = home.run(&["init", "phase", "certs", phase, "--cert-dir", directory.as_str()]);
            assert_eq!(said.code, Some(0), "{said:?}");
        }
    }
    for file in ["apiserver.crt", "apiserver.key"] {
        std::fs::copy(directories[1].join(file), directories[0].join(file)).unwrap();
    }
    let before = home.tree();
    let said = home.run(&["init", "phase", "certs", "apiserver", "--cert-dir", directories[0].as_str()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let file = directories[0].join("apiserver.crt");
    for text in [file.as_str(), "ca.crt", "hint: move"] {
        assert!(said.err.contains(text), "`{text}` is not in {said:?}");
    }
    assert_eq!(home.tree(), before);
}

/// As kubeadm: a field that nobody knows is passed over, but not in silence.
#[test]
fn an_unknown_field_is_told() {
    let home = Home::new();
    let text =
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  podSubnets: 10.0.0.0/8\n";
    let config = home.write("odd.yaml", text);
    let said = home.run(&["init", "phase", "certs", "ca", "--dry-run", "--config", config.as_str()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for text in ["line 4", "networking.podSubnets", "did you mean `podSubnet`"] {
        assert!(said.err.contains(text), "`{text}` is not in {said:?}");
    }
}
