//! Copies of folders, for tests of whole stores.

use std::path::Path;

/// Copies a folder and all below it, but for these names.
pub(crate) fn copy(from: &Path, to: &Path, without: &[&str]) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match path.is_dir() {
            _ if without.contains(&name.as_str()) => {}
            true => copy(&path, &to.join(&name), without),
            false => {
                std::fs::copy(&path, to.join(&name)).expect("a copy");
            }
        }
    }
}
