use std::collections::BTreeSet;

use super::{SpecialError, bad, is_word, only, root, unknown};

/// Most flavors of one package.
const MOST: usize = 200;

/// The flavors of a package, in their order: it is built once more for each.
///
/// # Errors
/// [`SpecialError`].
pub fn flavors(bytes: &[u8]) -> Result<Vec<String>, SpecialError> {
    let root = root(bytes, "multibuild")?;
    let (mut names, mut seen, mut spellings) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for child in &root.children {
        if !matches!(child.name.as_str(), "flavor" | "package") {
            return unknown(child, "<multibuild>");
        }
        only(child, &[])?;
        spellings.insert(child.name.as_str());
        let name = child.text();
        if !is_word(name) {
            return bad(format!("{name:?} is not a flavor's name"));
        }
        if !seen.insert(name) {
            return bad(format!("the flavor {name} is there twice"));
        }
        names.push(name.to_owned());
    }
    if spellings.len() > 1 {
        return bad("<flavor> and <package> can not be mixed");
    }
    if names.len() > MOST {
        return bad(format!("more than {MOST} flavors"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavors_have_names_and_an_order() {
        let text = "<multibuild>\n<!-- x --><flavor>b</flavor> <flavor> a-1 </flavor></multibuild>";
        assert_eq!(flavors(text.as_bytes()).unwrap(), ["b", "a-1"]);
        assert_eq!(flavors(b"<multibuild><package>x</package></multibuild>").unwrap(), ["x"]);
        for (bad, word) in [
            ("<multi/>", "not a <multibuild>"),
            ("<multibuild><flavour>x</flavour></multibuild>", "<flavour>"),
            ("<multibuild><flavor>a:b</flavor></multibuild>", "\"a:b\""),
            ("<multibuild><flavor>../x</flavor></multibuild>", "not a flavor's name"),
            ("<multibuild><flavor/></multibuild>", "not a flavor's name"),
            ("<multibuild><flavor>a</flavor><flavor>a</flavor></multibuild>", "twice"),
            ("<multibuild><flavor>a</flavor><package>b</package></multibuild>", "mixed"),
        ] {
            let error = flavors(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
