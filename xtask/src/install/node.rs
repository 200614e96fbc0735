//! Packages from the npm registry, by a lockfile, under `target/tools`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{Run, program, target};

/// Installs what `project` (a folder with package.json and package-lock.json) pins, beside a copy of its scripts, and
/// tells where.
pub(crate) fn install(project: &Path) -> Result<PathBuf> {
    let name = project.file_name().context("a project has a name")?.to_string_lossy();
    let home = target(&format!("tools/node-{name}"));
    std::fs::create_dir_all(&home)?;
    let locked = std::fs::read(project.join("package-lock.json"))?;
    let known = std::fs::read(home.join("package-lock.json")).unwrap_or_default();
    for entry in std::fs::read_dir(project)? {
        let entry = entry?;
        std::fs::copy(entry.path(), home.join(entry.file_name()))?;
    }
    let marker = home.join("installed");
    if locked != known || !marker.is_file() {
        program("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&home)
            .output_text()
            .with_context(|| {
                format!("cannot install {name} from the npm registry; it takes Node 20 or later")
            })?;
        std::fs::write(&marker, "")?;
    }
    Ok(home)
}
