//! The words for durations, which are Kubernetes'.

use super::human_duration;

#[test]
fn durations_are_told_as_kubernetes_tells_them() {
    let hour = 3600;
    let day = 24 * hour;
    for (seconds, text) in [
        (-2, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (10 * 60, "10m"),
        (179 * 60, "179m"),
        (3 * hour, "3h"),
        (3 * hour + 60, "3h1m"),
        (8 * hour, "8h"),
        (47 * hour, "47h"),
        (2 * day, "2d"),
        (2 * day + hour, "2d1h"),
        (8 * day, "8d"),
        (364 * day, "364d"),
        (729 * day, "729d"),
        (2 * 365 * day, "2y"),
        (2 * 365 * day + day, "2y1d"),
        (9 * 365 * day, "9y"),
    ] {
        assert_eq!(human_duration(time::Duration::seconds(seconds)), text, "{seconds}");
    }
}
