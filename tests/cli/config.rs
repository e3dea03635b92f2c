//! `config …`, against recordings of kubeadm 1.36.2: made by the same command lines, in `tests/fixtures/kubeadm-1.36.2/cli`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::program::{Home, Said};

fn recorded(name: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kubeadm-1.36.2/cli");
    fs::read_to_string(fixtures.join(name)).unwrap()
}

fn run(home: &Home, arguments: &str) -> Said {
    let arguments = arguments.replace("HOME", home.path().as_str());
    home.run_as_kubeadm(&arguments.split(' ').collect::<Vec<_>>())
}

/// What stays on standard error when nothing went wrong: our warnings.
fn done(said: &Said) -> &Said {
    assert_eq!(said.code, Some(0), "{said:?}");
    said
}

#[test]
fn defaults_are_printed_to_the_byte() {
    let home = Home::new();
    for name in ["reset", "upgrade"] {
        let said = run(&home, &format!("config print {name}-defaults"));
        assert_eq!(done(&said).out, recorded(&format!("{name}-defaults.yaml")), "{name}");
    }
    let both = "--component-configs KubeProxyConfiguration,KubeletConfiguration";
    let all = recorded("init-defaults.yaml");
    assert_eq!(done(&run(&home, &format!("config print init-defaults {both}"))).out, all);
    let without: Vec<&str> = all.split("---\n").take(2).collect();
    assert_eq!(done(&run(&home, "config print init-defaults")).out, without.join("---\n"));
    let hostname = rustix::system::uname().nodename().to_str().unwrap().to_lowercase();
    let join = recorded("join-defaults.yaml").replace("HOSTNAME", &hostname);
    assert_eq!(done(&run(&home, "config print join-defaults")).out, join);
    let wrong = run(&home, "config print init-defaults --component-configs Foo");
    let error = "error: --component-configs needs to contain some of [KubeProxyConfiguration KubeletConfiguration]\n";
    assert!(wrong.code == Some(1) && wrong.err.starts_with(error), "{wrong:?}");
    let nowhere_else = run(&home, "config print join-defaults --component-configs KubeletConfiguration");
    assert!(nowhere_else.err.starts_with("error: unknown flag: --component-configs\n"), "{nowhere_else:?}");
}

#[test]
fn defaults_are_valid() {
    let home = Home::new();
    for name in ["init", "join", "reset", "upgrade"] {
        let printed = run(&home, &format!("config print {name}-defaults")).out;
        home.write("printed.yaml", &printed);
        let said = run(&home, "config validate --config HOME/printed.yaml");
        assert_eq!((said.code, said.out.as_str()), (Some(0), "ok\n"), "{name}: {said:?}");
    }
}

#[test]
fn images_are_listed_in_every_form() {
    let home = Home::new();
    for form in ["text", "json", "yaml", "kyaml"] {
        let said = run(&home, &format!("config images list --kubernetes-version v1.36.2 -o {form}"));
        assert_eq!((said.out.as_str(), said.err.as_str()), (&*recorded(&format!("images.{form}")), ""), "{form}");
    }
    let said = home.run_as_kubeadm(&[
        "config",
        "images",
        "list",
        "--kubernetes-version=v1.36.2",
        "-o",
        "jsonpath={.images[-1]}",
    ]);
    assert_eq!(said.out, "registry.k8s.io/etcd:3.6.8-0");
    home.write("t.tpl", "{{.kind}}\n");
    let said = run(&home, "config images list --kubernetes-version v1.36.2 -o go-template-file=HOME/t.tpl");
    assert_eq!(said.out, "Images\n");
    let said = run(&home, "config images list --kubernetes-version v1.36.2 -o foo");
    assert!(
        said.code == Some(1) && said.err.starts_with("error: could not construct output printer: unable to match"),
        "{said:?}"
    );
    let said = home.run_with(&["config", "images", "list", "-o", "kyaml"], &[("KUBECTL_KYAML", "false")]);
    assert!(
        said.code == Some(1) && said.err.contains("json,jsonpath,jsonpath-as-json,jsonpath-file,template"),
        "{said:?}"
    );
}

#[test]
fn images_follow_flags_or_the_file() {
    let home = Home::new();
    let said = run(&home, "config images list --kubernetes-version v1.36.2 --image-repository foo.io/x");
    let images = "foo.io/x/kube-apiserver:v1.36.2\nfoo.io/x/kube-controller-manager:v1.36.2\nfoo.io/x/kube-scheduler:v1.36.2\nfoo.io/x/kube-proxy:v1.36.2\nfoo.io/x/coredns:v1.14.2\nfoo.io/x/pause:3.10.2\nfoo.io/x/etcd:3.6.8-0\n";
    assert_eq!(done(&said).out, images);
    home.write("old.yaml", &recorded("old.yaml"));
    let said = run(&home, "config images list --config HOME/old.yaml --image-repository other");
    assert!(done(&said).out.starts_with("example.com/k8s/kube-apiserver:v1.36.2\n"), "{said:?}");
    assert!(said.err.contains("--image-repository"), "what is not looked at is told: {said:?}");
    let said = run(&home, "config images list --kubernetes-version foo");
    assert!(said.code == Some(1) && said.err.contains("\"foo\""), "{said:?}");
}

#[test]
fn a_pull_names_the_image_and_the_runtime_that_is_not_there() {
    let home = Home::new();
    let said = run(&home, "config images pull --kubernetes-version v1.36.2 --cri-socket unix://HOME/none.sock");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    let error =
        "error: failed to pull image \"registry.k8s.io/kube-apiserver:v1.36.2\": cannot reach the container runtime";
    assert!(said.err.starts_with(error) && said.err.contains("none.sock"), "{said:?}");
}

/// kubeadm gives the last document a timeout of the ClusterConfiguration before it, through a variable of the process.
fn migrated() -> String {
    let recorded = recorded("migrated.yaml");
    let (rest, join) = recorded.rsplit_once("---\n").unwrap();
    format!("{rest}---\n{}", join.replace("HealthCheck: 5m0s", "HealthCheck: 4m0s"))
}

#[test]
fn a_file_is_migrated_as_kubeadm_does_it() {
    let home = Home::new();
    home.write("old.yaml", &recorded("old.yaml"));
    let said = run(&home, "config migrate --old-config HOME/old.yaml");
    assert_eq!(done(&said).out, migrated());
    home.write("new.yaml", &said.out);
    let again = run(&home, "config migrate --old-config HOME/new.yaml");
    assert_eq!(done(&again).out, said.out, "what is new already stays");
}

#[test]
fn the_migrated_file_appears_whole_and_for_its_owner_only() {
    let home = Home::new();
    home.write("old.yaml", &recorded("old.yaml"));
    home.write("there.yaml", "what was there\n");
    symlink("there.yaml", home.path().join("link.yaml")).unwrap();
    let said = run(&home, "config migrate --old-config HOME/old.yaml --new-config HOME/link.yaml");
    assert_eq!(
        (done(&said).out.as_str(), fs::read_to_string(home.path().join("there.yaml")).unwrap()),
        ("", migrated())
    );
    assert!(home.path().join("link.yaml").is_symlink());
    assert_eq!(fs::metadata(home.path().join("there.yaml")).unwrap().permissions().mode() & 0o777, 0o600);
    // What is no file is written into, never replaced: nobody may rename in /dev.
    done(&run(&home, "config migrate --old-config HOME/old.yaml --new-config /dev/null"));
    let before = home.tree();
    let closed = home.closed("closed");
    let said = run(&home, "config migrate --old-config HOME/old.yaml --new-config HOME/closed/new.yaml");
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains(&format!("failed to write the new configuration to the file \"{closed}/new.yaml\"")),
        "{said:?}"
    );
    fs::remove_dir(closed).unwrap();
    assert_eq!(home.tree(), before, "nothing stays behind");
}

#[test]
fn a_file_is_validated() {
    let home = Home::new();
    let old = recorded("old.yaml");
    home.write("old.yaml", &old);
    let said = run(&home, "config validate --config HOME/old.yaml");
    assert_eq!(done(&said).out, "ok\n");
    assert!(said.err.contains("kubeadm.k8s.io/v1beta3"), "old versions are told: {said:?}");
    let said = run(&home, "config validate --config HOME/old.yaml --allow-deprecated-api");
    assert!(done(&said).out == "ok\n" && !said.err.contains("v1beta3"), "{said:?}");
    home.write("bad.yaml", &old.replace("clusterName", "clusterNames").replace("10.97.0.0/16", "10.97.0.0/33"));
    let said = run(&home, "config validate --config HOME/bad.yaml");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.contains("clusterNames"), "{said:?}");
    for (arguments, error) in [
        ("config validate", "the --config flag is mandatory"),
        ("config migrate", "the --old-config flag is mandatory"),
    ] {
        assert!(run(&home, arguments).err.starts_with(&format!("error: {error}\n")), "{arguments}");
    }
    for arguments in ["config validate --config HOME/none", "config migrate --old-config HOME/none"] {
        let said = run(&home, arguments);
        assert!(said.code == Some(1) && said.err.contains("none") && said.err.contains("No such file"), "{said:?}");
    }
}

/// `--strict` is ours: what is otherwise only a warning is an error, in every command that reads a file.
#[test]
fn strict_reading_refuses_unknown_fields() {
    let home = Home::new();
    home.write(
        "odd.yaml",
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\nclusterNames: x\n",
    );
    for arguments in
        ["init phase certs ca --dry-run --config HOME/odd.yaml", "config images list --config HOME/odd.yaml"]
    {
        let said = run(&home, arguments);
        assert!(done(&said).err.contains("clusterNames"), "{said:?}");
        let strict = run(&home, &format!("{arguments} --strict"));
        assert_eq!((strict.code, strict.out.as_str()), (Some(1), ""), "{arguments}: {strict:?}");
        assert!(strict.err.contains("odd.yaml:4") && strict.err.contains("clusterNames"), "{strict:?}");
    }
    let strict = run(&home, "kubeconfig user --client-name x --strict --config HOME/odd.yaml");
    assert!(strict.code == Some(1) && strict.err.contains("odd.yaml:4"), "{strict:?}");
}

#[test]
fn the_schema_is_one() {
    let said = run(&Home::new(), "config schema");
    let schema: serde_json::Value = serde_json::from_str(&done(&said).out).unwrap();
    assert!(schema["$schema"].as_str().unwrap().contains("://json-schema.org/"), "{}", schema["$schema"]);
    assert!(said.out.contains("controlPlaneEndpoint"));
}
