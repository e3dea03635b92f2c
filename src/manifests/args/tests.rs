//! Which flags end up in a command line, and in which order.

use kubewright_config::facts::UserArgOrder;
use kubewright_config::model::Arg;

use super::*;

fn list(pairs: &[(&str, &str)]) -> Vec<Arg> {
    pairs.iter().map(|(name, value)| Arg::new(*name, *value)).collect()
}

#[test]
fn one_user_flag_drops_every_default_of_its_name() {
    let defaults = list(&[("service-account-issuer", "https://default"), ("allow-privileged", "true")]);
    let user = list(&[("service-account-issuer", "https://b"), ("service-account-issuer", "https://a"), ("v", "4")]);
    assert_eq!(
        merge(defaults, &user, UserArgOrder::Last),
        [
            "--allow-privileged=true",
            "--service-account-issuer=https://b",
            "--service-account-issuer=https://a",
            "--v=4"
        ]
    );
}

#[test]
fn older_versions_sort_the_whole_list() {
    let defaults = list(&[("leader-elect", "true"), ("bind-address", "127.0.0.1")]);
    let user = list(&[("v", "4"), ("config", "")]);
    assert_eq!(
        merge(defaults, &user, UserArgOrder::Sorted),
        ["--bind-address=127.0.0.1", "--config=", "--leader-elect=true", "--v=4"]
    );
}

#[test]
fn the_last_value_of_a_repeated_flag_counts() {
    let user = list(&[("v", "1"), ("v", "2")]);
    assert_eq!(value(&user, "v"), Some("2"));
    assert!(has(&user, "v") && !has(&user, "vmodule"));
}
