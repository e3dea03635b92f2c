#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const IPV4: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
    eth1\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
    eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const IPV6: &str = "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n\
    00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003 eth2\n\
    00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n";

#[test]
fn finds_default_routes_of_both_families() {
    let routes = default_routes(Some(IPV4), Some(IPV6)).unwrap();
    let found: Vec<(&str, bool)> = routes.iter().map(|route| (route.interface.as_str(), route.ipv6)).collect();
    assert_eq!(found, [("eth1", false), ("eth2", true)]);
    assert_eq!(default_routes(None, Some(IPV6)), None);
    assert_eq!(default_routes(Some(""), None), Some(Vec::new()));
}

proptest! {
    #[test]
    fn any_table_is_read(text in "[0-9a-f \t\n]{0,200}") {
        let _ = default_routes(Some(&text), Some(&text));
    }
}
