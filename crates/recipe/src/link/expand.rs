use std::collections::BTreeSet;

use super::{AddedPatch, Content, FILE, Files, Link, Patch, Read};
use crate::delta;

/// Why a link's files can not be put together; a sentence for whoever made the link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Both sides changed a file, and the changes do not fit together.
    #[error("conflict in file {0}")]
    File(String),
    /// A patch of the link does not apply.
    #[error("could not apply patch '{name}': {why}")]
    Patch {
        /// Name of the patch.
        name: String,
        /// Why not.
        why: String,
    },
    /// A patch of the link is not among its files.
    #[error("patch '{0}' does not exist")]
    PatchMissing(String),
    /// The files that the changes of a branch were made to are not known any more.
    #[error("baserev {0} does not exist")]
    BaseMissing(String),
}

/// The files a link is made of.
#[derive(Debug, Clone)]
pub struct Trees<'a, T> {
    /// The other package's files.
    pub target: &'a Files<T>,
    /// The link's own files, itself among them.
    pub own: &'a Files<T>,
    /// For a branch, the other package's files that its own were made from, if they are known.
    pub base: Option<&'a Files<T>>,
}

/// The files that a link stands for.
///
/// A link's own files win over the other package's, then its patches are applied in order. A branch is merged file by file:
/// what one side left alone is as the other has it; what both changed is merged line by line if it is text.
///
/// Rule: Open Build Service's source server, `applylink`; the merge of `.changes` files by their dates is left out.
///
/// # Errors
/// [`Conflict`].
pub fn expand<T: Clone + PartialEq>(
    link: &Link,
    trees: &Trees<'_, T>,
    read: &mut Read<'_, T>,
) -> Result<Files<Content<T>>, Conflict> {
    if link.is_branch() {
        let missing = || Conflict::BaseMissing(link.base.clone().unwrap_or_default());
        return merge(trees.own, trees.base.ok_or_else(missing)?, trees.target, read);
    }
    expand_without(link, trees, &BTreeSet::new(), read)
}

/// As [`expand`] for what is no branch, with some of the link's own files left out.
pub(super) fn expand_without<T: Clone + PartialEq>(
    link: &Link,
    trees: &Trees<'_, T>,
    ignored: &BTreeSet<String>,
    read: &mut Read<'_, T>,
) -> Result<Files<Content<T>>, Conflict> {
    let applied = |name: &String| link.patches.contains(&Patch::Apply(name.clone()));
    let mut files: Files<Content<T>> = Files::new();
    for (name, content) in trees.target {
        files.insert(name.clone(), Content::Known(content.clone()));
    }
    for (name, content) in trees.own.iter().filter(|(name, _)| *name != FILE) {
        if !applied(name) && !ignored.contains(name) {
            files.insert(name.clone(), Content::Known(content.clone()));
        }
    }
    for patch in &link.patches {
        match patch {
            Patch::Branch => {}
            Patch::Delete(name) => {
                files.remove(name);
            }
            Patch::Prepend(text) => prepend(text, &mut files, read),
            Patch::Apply(name) => apply(name, trees.own, &mut files, read)?,
            Patch::Add(added) => add(added, trees.own, &mut files, read)?,
        }
    }
    Ok(files)
}

fn bytes_of<T>(content: &Content<T>, read: &mut Read<'_, T>) -> Option<Vec<u8>> {
    match content {
        Content::Known(content) => read(content),
        Content::Made(bytes) => Some(bytes.clone()),
    }
}

fn prepend<T>(text: &str, files: &mut Files<Content<T>>, read: &mut Read<'_, T>) {
    let mut text = text.as_bytes().to_vec();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    for (_, content) in files.iter_mut().filter(|(name, _)| name.ends_with(".spec")) {
        if let Some(bytes) = bytes_of(content, read) {
            *content = Content::Made([text.as_slice(), &bytes].concat());
        }
    }
}

fn add<T>(
    added: &AddedPatch,
    own: &Files<T>,
    files: &mut Files<Content<T>>,
    read: &mut Read<'_, T>,
) -> Result<(), Conflict> {
    if !own.contains_key(&added.name) {
        return Err(Conflict::PatchMissing(added.name.clone()));
    }
    let failed = |why: &str| Conflict::Patch { name: added.name.clone(), why: why.to_owned() };
    let mut found = false;
    for (_, content) in files.iter_mut().filter(|(name, _)| name.ends_with(".spec")) {
        let bytes = bytes_of(content, read).ok_or_else(|| failed("the spec file is too large"))?;
        *content = Content::Made(super::added::add(&bytes, added).map_err(|why| failed(&why))?);
        found = true;
    }
    if found { Ok(()) } else { Err(failed("there is no spec file that it could be added to")) }
}

fn apply<T>(name: &str, own: &Files<T>, files: &mut Files<Content<T>>, read: &mut Read<'_, T>) -> Result<(), Conflict> {
    let failed = |why: String| Conflict::Patch { name: name.to_owned(), why };
    let patch = own.get(name).ok_or_else(|| Conflict::PatchMissing(name.to_owned()))?;
    let patch = read(patch).ok_or_else(|| failed("it is too large".to_owned()))?;
    let mut content = |name: &str| files.get(name).and_then(|content| bytes_of(content, read));
    for (changed, content) in delta::apply(&patch, &mut content).map_err(|error| failed(error.to_string()))? {
        if changed.starts_with('.') || changed == FILE || changed.chars().any(char::is_control) {
            return Err(failed(format!("it may not make a file {changed:?}")));
        }
        match content {
            Some(bytes) => files.insert(changed, Content::Made(bytes)),
            None => files.remove(&changed),
        };
    }
    Ok(())
}

fn merge<T: Clone + PartialEq>(
    own: &Files<T>,
    base: &Files<T>,
    target: &Files<T>,
    read: &mut Read<'_, T>,
) -> Result<Files<Content<T>>, Conflict> {
    // What services make is made anew of the branch's own.
    let has_services = own.keys().any(|name| name.starts_with("_service"));
    let counts = |name: &&String| !has_services || !name.starts_with("_service:");
    let theirs = target.keys().filter(counts);
    let names: BTreeSet<&String> = own.keys().chain(theirs).filter(|name| *name != FILE).collect();
    let mut files = Files::new();
    for name in names {
        let other = |files: &'_ Files<T>| files.get(name).filter(|_| counts(&name)).cloned();
        let (before, mine, theirs) = (other(base), own.get(name), other(target));
        let (before, theirs) = (before.as_ref(), theirs.as_ref());
        let kept = if before == mine {
            theirs
        } else if before == theirs || mine == theirs {
            mine
        } else {
            let conflict = || Conflict::File(name.clone());
            let (Some(before), Some(mine), Some(theirs)) = (before, mine, theirs) else { return Err(conflict()) };
            let mut text = |content: &T| read(content).filter(|bytes| delta::is_text(bytes));
            let sides = (text(before), text(mine), text(theirs));
            let (Some(before), Some(mine), Some(theirs)) = sides else { return Err(conflict()) };
            let merged = delta::merge(&before, &mine, &theirs).ok_or_else(conflict)?;
            files.insert(name.clone(), Content::Made(merged));
            continue;
        };
        if let Some(kept) = kept {
            files.insert(name.clone(), Content::Known(kept.clone()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn files(list: &[(&str, &str)]) -> Files<String> {
        list.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    fn check(
        link: &str,
        target: &[(&str, &str)],
        own: &[(&str, &str)],
        base: &[(&str, &str)],
    ) -> Result<String, String> {
        let link = Link::parse(link.as_bytes()).unwrap();
        let (target, own, base) = (files(target), files(own), files(base));
        let trees = Trees { target: &target, own: &own, base: Some(&base) };
        let mut read = |content: &String| Some(content.as_bytes().to_vec());
        let files = expand(&link, &trees, &mut read).map_err(|conflict| conflict.to_string())?;
        let text = |content| match content {
            Content::Known(text) => text,
            Content::Made(bytes) => format!("*{}", String::from_utf8(bytes).unwrap()),
        };
        Ok(files.into_iter().map(|(name, content)| format!("{name}={} ", text(content).replace('\n', "/"))).collect())
    }

    const BRANCH: &str = "<link baserev='00000000000000000000000000000000'><patches><branch/></patches></link>";

    #[test]
    fn own_files_win_and_patches_come_last() {
        let target = [("a", "1\n"), ("b", "2\n"), ("s.spec", "Name: s\n")];
        assert_eq!(
            check("<link/>", &target, &[("_link", ""), ("b", "mine\n")], &[]).unwrap(),
            "a=1/ b=mine/ s.spec=Name: s/ "
        );
        let link = "<link><patches><delete name='a'/><apply name='p'/><topadd>%x</topadd></patches></link>";
        let own = [("_link", ""), ("p", "--- b\n+++ b\n@@ -1 +1 @@\n-2\n+two\n")];
        assert_eq!(check(link, &target, &own, &[]).unwrap(), "b=*two/ s.spec=*%x/Name: s/ ");
        assert_eq!(check(link, &target, &[("_link", "")], &[]).unwrap_err(), "patch 'p' does not exist");
        let own = [("_link", ""), ("p", "--- b\n+++ b\n@@ -1 +1 @@\n-x\n+two\n")];
        let error = check(link, &target, &own, &[]).unwrap_err();
        assert_eq!(error, "could not apply patch 'p': hunk 1 does not fit \"b\"");
        let own = [("_link", ""), ("p", "--- /dev/null\n+++ _link\n@@ -0,0 +1 @@\n+two\n")];
        assert!(check(link, &target, &own, &[]).unwrap_err().contains("may not make a file \"_link\""));
    }

    #[test]
    fn an_added_patch_becomes_one_of_the_recipe_and_stays() {
        let target = [("s.spec", "Name: s\n%prep\n%setup\n")];
        let link = "<link><patches><add name='p' popt='1'/></patches></link>";
        let added = check(link, &target, &[("_link", ""), ("p", "text\n")], &[]).unwrap();
        assert_eq!(added, "p=text/ s.spec=*Name: s/Patch0: p/%prep/%setup/%patch -P 0 -p1/ ");
        assert_eq!(check(link, &target, &[("_link", "")], &[]).unwrap_err(), "patch 'p' does not exist");
        let error = check(link, &[("s.dsc", "")], &[("_link", ""), ("p", "")], &[]).unwrap_err();
        assert_eq!(error, "could not apply patch 'p': there is no spec file that it could be added to");
    }

    #[test]
    fn a_branch_takes_over_what_it_left_alone() {
        let base = [("a", "1\n"), ("b", "2\n"), ("gone", "g\n")];
        let own = [("_link", ""), ("a", "1\n"), ("b", "mine\n"), ("gone", "g\n"), ("new", "n\n")];
        let target = [("a", "one\n"), ("b", "2\n"), ("more", "m\n")];
        assert_eq!(check(BRANCH, &target, &own, &base).unwrap(), "a=one/ b=mine/ more=m/ new=n/ ");
        // What the branch took away stays away.
        let own = [("_link", ""), ("a", "1\n"), ("gone", "g\n")];
        assert_eq!(check(BRANCH, &target, &own, &base).unwrap(), "a=one/ more=m/ ");
    }

    #[test]
    fn what_both_changed_is_merged_or_a_conflict() {
        let base = [("a", "1\n2\n3\n4\n5\n")];
        let own = [("_link", ""), ("a", "one\n2\n3\n4\n5\n")];
        assert_eq!(check(BRANCH, &[("a", "1\n2\n3\n4\nfive\n")], &own, &base).unwrap(), "a=*one/2/3/4/five/ ");
        for target in [&[("a", "ONE\n2\n3\n4\n5\n")][..], &[], &[("a", "1\n2\n3\n4\n5\0\n")]] {
            assert_eq!(check(BRANCH, target, &own, &base).unwrap_err(), "conflict in file a");
        }
        assert_eq!(
            check(BRANCH, &[("a", "x"), ("new", "1")], &[("new", "2"), ("a", "x")], &base).unwrap_err(),
            "conflict in file new"
        );
    }
}
