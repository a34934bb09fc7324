//! What uploads of all dialects share.

use service::UploadedFile;

/// Most files of one upload.
pub(crate) const MAX_FILES: usize = 64;

/// The endings of recipes, the likeliest first.
const RECIPE_ENDINGS: [&str; 4] = [".dsc", ".src.rpm", ".nosrc.rpm", ".spec"];

/// Puts the recipe before the other files: the first one with a recipe's ending, else the first one at all.
pub(crate) fn recipe_first(mut files: Vec<UploadedFile>) -> Vec<UploadedFile> {
    let place =
        RECIPE_ENDINGS.iter().find_map(|ending| files.iter().position(|file| file.name.as_str().ends_with(ending)));
    if let Some(place) = place {
        let recipe = files.remove(place);
        files.insert(0, recipe);
    }
    files
}

#[cfg(test)]
mod tests {
    use model::FileName;
    use pkg::Sha256;

    use super::*;

    #[test]
    fn the_recipe_leads_and_the_others_keep_their_order() {
        let files = |names: &[&str]| -> Vec<UploadedFile> {
            let file =
                |name: &&str| UploadedFile { name: FileName::parse(name).unwrap(), bytes: 0, sha256: Sha256::of(b"") };
            names.iter().map(file).collect()
        };
        let order = |names: &[&str]| -> Vec<String> {
            recipe_first(files(names)).into_iter().map(|file| file.name.to_string()).collect()
        };
        assert_eq!(order(&["a.tar.xz", "b.dsc", "c.tar.gz"]), ["b.dsc", "a.tar.xz", "c.tar.gz"]);
        assert_eq!(order(&["a.tar", "b.spec", "c.patch"]), ["b.spec", "a.tar", "c.patch"]);
        assert_eq!(order(&["x", "y"]), ["x", "y"]);
        assert!(order(&[]).is_empty());
    }
}
