#![allow(clippy::unwrap_used)]

use tempfile::TempDir;

use super::*;

fn place() -> (TempDir, Arc<HostSnapshots>) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::at(Utf8Path::from_path(dir.path()).unwrap());
    (dir, HostSnapshots::new(root))
}

fn whole(data: &[u8]) -> Vec<u8> {
    [data, Sha256::digest(data).as_slice()].concat()
}

#[tokio::test]
async fn a_whole_one_appears_however_it_is_cut() {
    let (_dir, snapshots) = place();
    let bytes = whole(&[7; 1000]);
    for cut in [1, 31, 32, 33, 500, 5000] {
        let path = Utf8PathBuf::from(format!("/keep/{cut}.db"));
        let mut file = snapshots.create(&path).unwrap();
        bytes.chunks(cut).for_each(|part| file.write(part).unwrap());
        assert_eq!(
            snapshots.kept("/keep".into()).unwrap().iter().filter(|kept| kept.name == format!("{cut}.db")).count(),
            0
        );
        assert_eq!(file.finish().unwrap(), 1032);
        snapshots.check(&path).await.unwrap();
    }
    assert_eq!(snapshots.kept("/keep".into()).unwrap().len(), 6);
}

#[tokio::test]
async fn one_that_is_cut_off_or_changed_never_gets_its_name() {
    let (dir, snapshots) = place();
    let bytes = whole(&[7; 1000]);
    let mut changed = bytes.clone();
    changed[500] ^= 1;
    for wrong in [&bytes[..1000], &bytes[..1031], &changed[..], &bytes[..20], &[]] {
        let mut file = snapshots.create("/keep/one.db".into()).unwrap();
        file.write(wrong).unwrap();
        assert!(file.finish().is_err());
    }
    assert_eq!(fs::read_dir(dir.path().join("keep")).unwrap().count(), 0);
}

#[tokio::test]
async fn one_that_was_changed_later_is_told() {
    let (dir, snapshots) = place();
    let mut file = snapshots.create("/one.db".into()).unwrap();
    file.write(&whole(b"data")).unwrap();
    file.finish().unwrap();
    fs::write(dir.path().join("one.db"), [0; 40]).unwrap();
    assert!(snapshots.check("/one.db".into()).await.unwrap_err().to_string().contains("SHA-256"));
}

#[test]
fn nobody_else_can_read_it_and_an_unfinished_one_is_no_obstacle() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, snapshots) = place();
    std::mem::forget(snapshots.create("/keep/one.db".into()).unwrap());
    let mut file = snapshots.create("/keep/one.db".into()).unwrap();
    file.write(&whole(b"data")).unwrap();
    file.finish().unwrap();
    let mode = |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("keep"), mode("keep/one.db")), (0o700, 0o600));
}

#[test]
fn the_room_of_a_directory_that_is_not_there_is_its_parents() {
    let (_dir, snapshots) = place();
    assert!(snapshots.free("/not/there".into()).unwrap() > 0);
}
