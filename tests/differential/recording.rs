//! What kubeadm gave, kept in files, so that its newest release is compared with where it cannot be had.
//!
//! One file a case. A thing that is as in the case of defaults is only named there, which keeps the files small.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{DifferentialError, Result},
    harvest::Harvest,
    release::Release,
};

/// The case that the others refer to.
pub(crate) const DEFAULT: &str = "default/file";

#[derive(Serialize, Deserialize)]
struct Recording {
    /// Things as in the case of defaults.
    #[serde(rename = "as by default", skip_serializing_if = "Vec::is_empty", default)]
    as_default: Vec<String>,
    /// All others.
    things: BTreeMap<String, Value>,
}

/// Recordings of one release.
pub(crate) struct Recordings {
    dir: PathBuf,
    default: Option<Harvest>,
}

impl Recordings {
    /// Those in that directory, which need not exist.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let mut recordings = Self { dir: dir.to_owned(), default: None };
        recordings.default = recordings.read(DEFAULT)?;
        Ok(recordings)
    }

    /// Which release is recorded there.
    pub(crate) fn release(dir: &Path) -> Result<Release> {
        let file = dir.join("release");
        fs::read_to_string(&file).map_err(DifferentialError::file("read", &file))?.trim().parse()
    }

    /// What was recorded of the case, if it was.
    pub(crate) fn read(&self, case: &str) -> Result<Option<Harvest>> {
        let file = self.file(case);
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file).map_err(DifferentialError::file("read", &file))?;
        let wrong = |why: String| DifferentialError::data(file.display().to_string(), why);
        let recorded: Recording = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let mut things = recorded.things;
        for name in recorded.as_default {
            let value = self.default.as_ref().and_then(|default| default.things.get(&name));
            let value = value.ok_or_else(|| wrong(format!("`{name}` is not in the case of defaults")))?.clone();
            things.insert(name, value);
        }
        Ok(Some(Harvest { things, complaints: Vec::new() }))
    }

    /// Keeps what a case gave. The case of defaults must be the first.
    pub(crate) fn write(&self, case: &str, harvest: &Harvest, default: Option<&Harvest>) -> Result<()> {
        let same =
            |name: &String, value: &Value| default.is_some_and(|default| default.things.get(name) == Some(value));
        let (as_default, others): (Vec<_>, Vec<_>) =
            harvest.things.iter().partition(|(name, value)| case != DEFAULT && same(name, value));
        let recording = Recording {
            as_default: as_default.into_iter().map(|(name, _)| name.clone()).collect(),
            things: others.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        let file = self.file(case);
        let parent = file.parent().unwrap_or(&self.dir);
        fs::create_dir_all(parent).map_err(DifferentialError::file("make", parent))?;
        let text = serde_saphyr::to_string(&recording).map_err(|error| DifferentialError::data(case, error))?;
        fs::write(&file, text).map_err(DifferentialError::file("write", &file))
    }

    /// Takes away all that was recorded, and notes the release that is recorded now.
    pub(crate) fn clear(&self, release: Release) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).map_err(DifferentialError::file("remove", &self.dir))?;
        }
        fs::create_dir_all(&self.dir).map_err(DifferentialError::file("make", &self.dir))?;
        let file = self.dir.join("release");
        fs::write(&file, format!("{release}\n")).map_err(DifferentialError::file("write", &file))
    }

    fn file(&self, case: &str) -> PathBuf {
        self.dir.join(format!("{}.yaml", case.replace('/', "-")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_recorded_is_read_back_and_shares_with_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let things = |list: &[(&str, Value)]| Harvest {
            things: list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            complaints: Vec::new(),
        };
        let default = things(&[("a", json!({"x": "0644", "y": "yes"})), ("b", json!(["1", 2]))]);
        let other = things(&[("a", json!({"x": "0644", "y": "yes"})), ("b", json!([]))]);
        let recordings = Recordings::open(dir.path()).unwrap();
        recordings.clear(Release { minor: 36, patch: 2 }).unwrap();
        recordings.write(DEFAULT, &default, None).unwrap();
        recordings.write("x/y", &other, Some(&default)).unwrap();
        let recordings = Recordings::open(dir.path()).unwrap();
        assert_eq!(recordings.read(DEFAULT).unwrap(), Some(default));
        assert_eq!(recordings.read("x/y").unwrap(), Some(other));
        assert_eq!(recordings.read("z").unwrap(), None);
        assert_eq!(Recordings::release(dir.path()).unwrap().to_string(), "v1.36.2");
        let kept = fs::read_to_string(dir.path().join("x-y.yaml")).unwrap();
        assert!(kept.contains("as by default:\n- a\n"), "{kept}");
    }
}
