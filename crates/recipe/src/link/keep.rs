use std::collections::BTreeSet;

use super::expand::expand_without;
use super::{Conflict, Content, FILE, Files, Link, Patch, Read, Trees};
use crate::delta::{self, Labels};

/// Files that somebody wants a link to stand for.
#[derive(Debug, Clone)]
pub struct Wanted<'a, T> {
    /// They.
    pub files: &'a Files<T>,
    /// What names the other package's files that they were made from.
    pub base: &'a str,
    /// Whether what the link stands for now does not matter, because it can not be put together.
    pub repair: bool,
}

/// A link, and the files it consists of besides itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<T> {
    /// The link.
    pub link: Link,
    /// Its own files.
    pub files: Files<Content<T>>,
}

/// Writes down wanted files as changes of what a link points to.
///
/// A branch has all files itself, and its base moves. Any other link keeps files of its own, a patch for changed texts of the
/// other package, and a note for each file that is left out.
///
/// Rule: Open Build Service's source server, `keeplink`.
///
/// # Errors
/// [`Conflict`] if patches of the link that stay do not apply.
pub fn keep<T: Clone + PartialEq>(
    link: &Link,
    trees: &Trees<'_, T>,
    wanted: &Wanted<'_, T>,
    read: &mut Read<'_, T>,
) -> Result<Kept<T>, Conflict> {
    let mut link = Link { base: Some(wanted.base.to_owned()), ..link.clone() };
    if link.is_branch() {
        let files = wanted.files.iter().filter(|(name, _)| *name != FILE);
        let files = files.map(|(name, content)| (name.clone(), Content::Known(content.clone()))).collect();
        return Ok(Kept { link, files });
    }
    let dropped = drop_patches(&mut link, wanted);
    let stands = expand_without(&link, trees, &dropped, read)?;
    let own: Files<T> =
        trees.own.iter().filter(|(name, _)| *name != FILE && !dropped.contains(*name)).map(pair).collect();
    let mut kept = Keeping {
        files: own.iter().map(|(name, content)| (name.clone(), Content::Known(content.clone()))).collect(),
        own,
        target: trees.target,
        patch: Vec::new(),
        left_out: Vec::new(),
    };
    let names: BTreeSet<&String> = wanted.files.keys().chain(stands.keys()).filter(|name| *name != FILE).collect();
    for name in names {
        kept.take(name, stands.get(name), wanted.files.get(name), read);
    }
    link.patches.extend(kept.left_out.into_iter().map(Patch::Delete));
    if !kept.patch.is_empty() {
        let name = patch_name(&kept.files);
        kept.files.insert(name.clone(), Content::Made(kept.patch));
        link.patches.push(Patch::Apply(name));
    }
    Ok(Kept { link, files: kept.files })
}

fn pair<T: Clone>((name, content): (&String, &T)) -> (String, T) {
    (name.clone(), content.clone())
}

/// Takes away the patches that are written anew; gives the names of their files.
fn drop_patches<T>(link: &mut Link, wanted: &Wanted<'_, T>) -> BTreeSet<String> {
    let is_gone = |patch: &Patch| matches!(patch, Patch::Add(added) if !wanted.files.contains_key(&added.name));
    let is_dropped = |patch: &Patch| !matches!(patch, Patch::Prepend(_) | Patch::Add(_)) || is_gone(patch);
    // The last ones; to repair, all from the first that may fail.
    let from = if wanted.repair {
        link.patches.iter().position(is_dropped).unwrap_or(link.patches.len())
    } else {
        let last = link.patches.iter().rposition(|patch| !is_dropped(patch)).map_or(0, |last| last + 1);
        // A patch whose file is taken away can not stay.
        link.patches.iter().position(is_gone).map_or(last, |gone| gone.min(last))
    };
    let files = link.patches.drain(from..).filter_map(|patch| match patch {
        Patch::Apply(name) => Some(name),
        _ => None,
    });
    files.collect()
}

/// A link's own files while they are put together.
struct Keeping<'a, T> {
    files: Files<Content<T>>,
    own: Files<T>,
    target: &'a Files<T>,
    patch: Vec<u8>,
    left_out: Vec<String>,
}

impl<T: Clone + PartialEq> Keeping<'_, T> {
    fn take(&mut self, name: &str, now: Option<&Content<T>>, wanted: Option<&T>, read: &mut Read<'_, T>) {
        let unchanged = |content: &T| now == Some(&Content::Known(content.clone()));
        let Some(wanted) = wanted else {
            let is_own = self.own.get(name).is_some_and(unchanged) && !self.target.contains_key(name);
            if !is_own {
                self.left_out.push(name.to_owned());
            }
            self.files.remove(name);
            return;
        };
        if unchanged(wanted) {
            return;
        }
        let is_replaced = self.own.get(name).map_or(now.is_none(), unchanged);
        if is_replaced {
            // What the other package has by now need not be kept here.
            match self.target.get(name) == Some(wanted) {
                true => self.files.remove(name),
                false => self.files.insert(name.to_owned(), Content::Known(wanted.clone())),
            };
            return;
        }
        match self.difference(name, now, wanted, read) {
            Some(patch) => self.patch.extend(patch),
            None => {
                self.files.insert(name.to_owned(), Content::Known(wanted.clone()));
            }
        }
    }

    fn difference(&self, name: &str, now: Option<&Content<T>>, wanted: &T, read: &mut Read<'_, T>) -> Option<Vec<u8>> {
        let now = match now {
            None => Vec::new(),
            Some(Content::Made(bytes)) => bytes.clone(),
            Some(Content::Known(content)) => read(content)?,
        };
        let wanted = read(wanted)?;
        if !delta::is_text(&now) || !delta::is_text(&wanted) {
            return None;
        }
        let old = format!("{name}.orig");
        delta::unified(Labels { old: &old, new: name }, &now, &wanted)
    }
}

/// `project.diff`, or with the first number that is free.
fn patch_name<T>(files: &Files<T>) -> String {
    let names = std::iter::once(String::new()).chain((1..).map(|number: u32| number.to_string()));
    let mut names = names.map(|number| format!("project{number}.diff"));
    names.find(|name| !files.contains_key(name)).unwrap_or_else(|| "project.diff".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::expand;

    fn files(list: &[(&str, &str)]) -> Files<String> {
        list.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    fn bytes(content: &Content<String>) -> String {
        match content {
            Content::Known(text) => text.clone(),
            Content::Made(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        }
    }

    /// What the kept link stands for must be what was wanted.
    fn check(link: &str, target: &[(&str, &str)], own: &[(&str, &str)], wanted: &[(&str, &str)]) -> Kept<String> {
        let link = Link::parse(link.as_bytes()).unwrap();
        let (target, own, wanted) = (files(target), files(own), files(wanted));
        let mut read = |content: &String| Some(content.as_bytes().to_vec());
        let trees = Trees { target: &target, own: &own, base: None };
        let base = "1".repeat(32);
        let kept = keep(&link, &trees, &Wanted { files: &wanted, base: &base, repair: false }, &mut read).unwrap();
        let own: Files<String> = kept.files.iter().map(|(name, content)| (name.clone(), bytes(content))).collect();
        let trees = Trees { target: &target, own: &own, base: Some(&target) };
        let stands = expand(&kept.link, &trees, &mut read).unwrap();
        let stands: Files<String> = stands.iter().map(|(name, content)| (name.clone(), bytes(content))).collect();
        assert_eq!(stands, wanted);
        kept
    }

    const TARGET: [(&str, &str); 3] = [("a", "1\n2\n"), ("b", "b\n"), ("tar", "\0")];

    #[test]
    fn a_branch_keeps_everything() {
        let link = format!("<link baserev='{}'><patches><branch/></patches></link>", "0".repeat(32));
        let kept = check(&link, &TARGET, &[("_link", ""), ("a", "1\n2\n")], &[("a", "x\n"), ("n", "n\n")]);
        assert_eq!(kept.link.base.as_deref(), Some("1".repeat(32).as_str()));
        assert_eq!(kept.files.keys().collect::<Vec<_>>(), ["a", "n"]);
    }

    #[test]
    fn any_other_link_keeps_the_changes() {
        let wanted = [("a", "1\ntwo\n"), ("tar", "\0\0"), ("new", "n\n")];
        let kept = check("<link/>", &TARGET, &[("_link", "")], &wanted);
        assert_eq!(kept.link.patches, [Patch::Delete("b".to_owned()), Patch::Apply("project.diff".to_owned())]);
        assert_eq!(kept.files.keys().collect::<Vec<_>>(), ["new", "project.diff", "tar"]);
        // And again, on top of that.
        let own: Vec<(String, String)> =
            kept.files.iter().map(|(name, content)| (name.clone(), bytes(content))).collect();
        let own: Vec<(&str, &str)> = own.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
        let again = check(&kept.link.write(), &TARGET, &own, &[("a", "1\n2\n"), ("b", "b\n"), ("tar", "\0")]);
        assert!(again.link.patches.is_empty() && again.files.is_empty(), "{again:?}");
    }

    #[test]
    fn an_added_patch_stays_as_long_as_its_file() {
        let link = "<link><patches><add name='p'/></patches></link>";
        let target = [("s.spec", "Name: s\n%prep\n")];
        let whole = "Name: s\nPatch0: p\n%prep\n%patch -P 0\n";
        let own = [("_link", ""), ("p", "text\n")];
        let kept = check(link, &target, &own, &[("s.spec", whole), ("p", "text\n"), ("n", "n\n")]);
        assert!(matches!(kept.link.patches.as_slice(), [Patch::Add(_)]), "{kept:?}");
        assert_eq!(kept.files.keys().collect::<Vec<_>>(), ["n", "p"]);
        let kept = check(link, &target, &own, &[("s.spec", "Name: s\n%prep\n")]);
        assert!(kept.link.patches.is_empty() && kept.files.is_empty(), "{kept:?}");
    }

    #[test]
    fn text_before_recipes_stays() {
        let link = "<link><patches><topadd>%x</topadd><delete name='b'/></patches></link>";
        let target = [("s.spec", "Name: s\n"), ("b", "b\n")];
        let kept = check(link, &target, &[("_link", "")], &[("s.spec", "%x\nName: t\n")]);
        let patches = &kept.link.patches;
        assert!(matches!(patches.as_slice(), [Patch::Prepend(_), Patch::Delete(_), Patch::Apply(_)]), "{patches:?}");
    }
}
